"""Providers are asked whether they have what may have gone out; what they say settles the doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from engine.core.actions import State
from engine.dispatch.doubt import Doubt, Way, after_absence, ask_again, settle
from engine.dispatch.office import Summary, plainly
from engine.dispatch.port import Adapter, Capability, Message, Receipt, Searching
from engine.dispatch.stage.finish import keep
from engine.dispatch.stage.parcel import message_of
from engine.dispatch.stage.settle import as_doubt
from engine.errors import DeliveryError
from engine.store import doubts, outbox, settlements, touchpoints
from engine.store.outbox import Due
from engine.store.session import Store, in_pieces

if TYPE_CHECKING:
    from engine.dispatch.stage.send import Sending

BATCH = 50
FIND_LIMIT = timedelta(minutes=1)
"""What does not answer by then cannot be asked now."""
OURS = timedelta(minutes=10)
"""For so long nobody else asks about the same."""
Answer = Receipt | DeliveryError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A message that may have gone out."""

    doubt: Doubt
    action: Due
    message: Message


async def ask(name: str, adapter: Adapter, sending: Sending) -> None:
    """Ask about every doubt of an adapter that is due, as many at once as it takes."""
    if not isinstance(adapter, Searching):
        return
    after, width = 0, max(1, adapter.capability.concurrency)
    while not sending.stopping():
        after, questions = await sending.stored(_take, sending.store, name, adapter, after, sending.clock())
        for some in in_pieces(questions, width):
            answers = await asyncio.gather(*(_find(adapter, one.message) for one in some))
            said = list(zip(some, answers, strict=True))
            now = sending.clock()
            await sending.stored(_write, sending.store, adapter.capability, said, sending.summary, now)
        if not after:
            return


def _take(store: Store, name: str, adapter: Adapter, after: int, now: datetime) -> tuple[int, list[Question]]:
    """The next doubts to ask about, and the key of the last that was looked at, 0 when there are no more."""
    with store.write() as connection:
        found = settlements.waiting(connection, [name], now, after=after, limit=BATCH)
        asked = {
            one.id: as_doubt(one, adapter)
            for one in found
            if (what := settle(as_doubt(one, adapter), adapter, now=now)).way is Way.ASK and what.at <= now
        }
        settlements.put_off(connection, list(asked), now + OURS)
        actions = outbox.in_doubt(connection, list(asked))
    questions = [Question(doubt=asked[action.id], action=action, message=message_of(action)) for action in actions]
    return (found[-1].id if len(found) == BATCH else 0), questions


async def _find(adapter: Searching, message: Message) -> Answer:
    try:
        async with asyncio.timeout(FIND_LIMIT.total_seconds()):
            found = await adapter.find(message)
    except DeliveryError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever an adapter does, the doubt stays a doubt
        return DeliveryError(f"the adapter broke off ({plainly(error)})")
    return _checked(found)


def _checked(found: object) -> Answer:
    if found is None or isinstance(found, Receipt):
        return found
    return DeliveryError(f"the adapter answered with {type(found).__name__}, not with a receipt")


def _write(
    store: Store, can: Capability, said: Sequence[tuple[Question, Answer]], summary: Summary, now: datetime
) -> None:
    with store.write() as connection:
        still = {one.id: one.attempts for one in outbox.in_doubt(connection, [one.action.id for one, _ in said])}
        ours = [(one, answer) for one, answer in said if still.get(one.action.id) == one.action.attempts]
        _found(connection, [(one.action, answer) for one, answer in ours if isinstance(answer, Receipt)], now)
        _absent(connection, [one for one, answer in ours if answer is None], now)
        looks = [
            (one.action.id, ask_again(one.doubt, can, answer, now=now))
            for one, answer in ours
            if isinstance(answer, DeliveryError)
        ]
        settlements.change(connection, [{"id": key, "due_at": what.at, "reason": what.why} for key, what in looks])
    for one, answer in ours:
        if not isinstance(answer, DeliveryError):
            summary.count(_state(one.doubt, answer))


def _state(doubt: Doubt, answer: Receipt | None) -> State:
    if answer is None:
        return after_absence(doubt)
    return State.DELIVERED if answer.delivered else State.ACCEPTED


def _found(connection: Connection, found: Sequence[tuple[Due, Receipt]], now: datetime) -> None:
    ends: list[dict[str, Any]] = [
        {
            "id": action.id,
            "state": (State.DELIVERED if receipt.delivered else State.ACCEPTED).value,
            "reason": receipt.detail or "the provider has it",
            "provider_ref": receipt.provider_ref,
            "finished_at": now,
        }
        for action, receipt in found
    ]
    settlements.change(connection, ends)
    doubts.close(connection, [action.id for action, _ in found], "found")
    touchpoints.add(connection, [action for action, _ in found], now)
    keep(connection, [(action, record) for action, receipt in found for record in receipt.records], now)


def _absent(connection: Connection, absent: Sequence[Question], now: datetime) -> None:
    ends = []
    for one in absent:
        state = after_absence(one.doubt)
        over = state is not State.READY
        reason = f"the provider does not have it{', and it was tried often enough' if over else ''}"
        finished = now if over else None
        ends.append(
            {"id": one.action.id, "state": state.value, "reason": reason, "due_at": now, "finished_at": finished}
        )
    settlements.change(connection, ends)
    doubts.close(connection, [one.action.id for one in absent], "absent")
