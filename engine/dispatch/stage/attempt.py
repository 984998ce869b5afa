"""Calls of an adapter, and what each means for the messages in it. Nothing here is written; finish does that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from engine.core.actions import State
from engine.dispatch.office import plainly
from engine.dispatch.port import Adapter, Batching, Idempotency, Receipt
from engine.dispatch.retry import after_failure
from engine.dispatch.stage.parcel import Ended, Parcel
from engine.errors import DeliveryError
from engine.store.outbox import NOT_SENT, Due, Result

SEND_LIMIT = timedelta(minutes=15)
"""Longer than all of SMTP's answers may take together, so that only what hangs is cut off."""
Answer = Receipt | DeliveryError


async def attempts(
    adapter: Adapter, parcels: Iterator[Parcel], over: Callable[[Parcel, Sequence[Answer]], None]
) -> None:  # fmt: skip
    """Hand over one after the other; `over` hears of each an answer for every message in it, whatever the adapter does.

    To set a limit costs more than a quick call: one holds for all that are begun in a while, and ends as much later.
    """
    limit, loop = SEND_LIMIT.total_seconds(), asyncio.get_running_loop()
    for parcel in parcels:
        at_hand, until = parcel, loop.time() + limit / 10
        try:
            async with asyncio.timeout(limit + limit / 10):
                for at_hand in chain((parcel,), parcels):
                    over(at_hand, await _attempt(adapter, at_hand))
                    if loop.time() > until:
                        break
        except TimeoutError as error:
            over(at_hand, _broken_off(error, at_hand))


async def _attempt(adapter: Adapter, parcel: Parcel) -> Sequence[Answer]:
    try:
        return _checked(await _call(adapter, parcel), len(parcel.messages))
    except DeliveryError as error:
        return [error] * len(parcel.messages)
    except Exception as error:  # noqa: BLE001 - whatever an adapter did, it may have sent: that is a doubt, not a crash
        return _broken_off(error, parcel)


def _broken_off(error: Exception, parcel: Parcel) -> Sequence[Answer]:
    return [DeliveryError(f"the adapter broke off ({plainly(error)})", ambiguous=True)] * len(parcel.messages)


async def _call(adapter: Adapter, parcel: Parcel) -> Sequence[Answer]:
    if parcel.key and isinstance(adapter, Batching):
        return await adapter.send_many(parcel.key, parcel.messages)
    return [await adapter.send(message) for message in parcel.messages]


def _checked(answers: Sequence[Answer], number: int) -> Sequence[Answer]:
    for answer in answers:
        if not (isinstance(answer, DeliveryError) or (isinstance(answer, Receipt) and _is_text(answer))):
            raise TypeError(f"it answered with {type(answer).__name__}, not with a receipt")
    if len(answers) != number:
        raise TypeError(f"it gave {len(answers)} answers for {number} messages")
    return answers


def _is_text(receipt: Receipt) -> bool:
    return isinstance(receipt.provider_ref, str) and isinstance(receipt.detail, str)


def ended(adapter: Adapter, parcel: Parcel, answers: Sequence[Answer], now: datetime) -> list[Ended]:
    """What the answers of a parcel lead to."""
    replayable = adapter.capability.idempotency is Idempotency.KEY
    return [
        _received(action, attempt, answer)
        if isinstance(answer, Receipt)
        else _failed(parcel, action, attempt, answer, now, replayable=replayable)
        for action, attempt, answer in zip(parcel.actions, parcel.attempts, answers, strict=True)
    ]


def handed_back(parcel: Parcel, why: str) -> list[Ended]:
    """It was begun, and nothing was sent: its turn comes again."""
    return [
        Ended(
            Result(
                action,
                attempt,
                State.UNKNOWN if action.id in parcel.doubted else State.RETRY_AT,
                NOT_SENT,
                detail=why,
                due_at=action.due_at,
            )
        )
        for action, attempt in zip(parcel.actions, parcel.attempts, strict=True)
    ]


def _received(action: Due, attempt: int, receipt: Receipt) -> Ended:
    state = State.DELIVERED if receipt.delivered else State.ACCEPTED
    return Ended(Result(action, attempt, state, "accepted", receipt.provider_ref, receipt.detail), receipt)


def _failed(
    parcel: Parcel, action: Due, attempt: int, error: DeliveryError, now: datetime, *, replayable: bool
) -> Ended:  # fmt: skip
    what = after_failure(
        error,
        action=parcel.key or action.public_id,  # what goes again together is due again together
        attempt=action.attempts + 1,
        now=now,
        replayable=replayable,
        doubted=action.id in parcel.doubted,
    )
    result = Result(action, attempt, what.state, what.outcome, detail=str(error), due_at=what.due_at)
    return Ended(result, error=error)
