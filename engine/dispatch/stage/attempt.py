"""One call of an adapter, and what it means for each message in it. Nothing here is written; finish does that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.core.actions import State
from engine.dispatch.office import plainly
from engine.dispatch.port import Adapter, Batching, Idempotency, Receipt
from engine.dispatch.retry import after_failure
from engine.dispatch.stage.parcel import Ended, Parcel
from engine.errors import DeliveryError
from engine.store.outbox import Result

SEND_LIMIT = timedelta(minutes=15)
"""Longer than all of SMTP's answers may take together, so that only what hangs is cut off."""
Answer = Receipt | DeliveryError


async def attempt(adapter: Adapter, parcel: Parcel) -> Sequence[Answer]:
    """Hand it over; an answer for each message, whatever the adapter does."""
    try:
        async with asyncio.timeout(SEND_LIMIT.total_seconds()):
            return _checked(await _call(adapter, parcel), len(parcel.messages))
    except DeliveryError as error:
        failed = error
    except Exception as error:  # noqa: BLE001 - whatever an adapter did, it may have sent: that is a doubt, not a crash
        failed = DeliveryError(f"the adapter broke off ({plainly(error)})", ambiguous=True)
    return [failed] * len(parcel.messages)


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
        _received(parcel, place, answer)
        if isinstance(answer, Receipt)
        else _failed(parcel, place, answer, now, replayable=replayable)
        for place, answer in enumerate(answers)
    ]


def handed_back(parcel: Parcel, why: str) -> list[Ended]:
    """It was begun, and nothing was sent: its turn comes again."""
    return [
        Ended(
            result=Result(
                due=action,
                delivery=key,
                state=State.UNKNOWN if action.id in parcel.doubted else State.RETRY_AT,
                outcome="not sent",
                detail=why,
                due_at=action.due_at,
            )
        )
        for action, key in zip(parcel.actions, parcel.attempts, strict=True)
    ]


def _received(parcel: Parcel, place: int, receipt: Receipt) -> Ended:
    result = Result(
        due=parcel.actions[place],
        delivery=parcel.attempts[place],
        state=State.DELIVERED if receipt.delivered else State.ACCEPTED,
        outcome="accepted",
        provider_ref=receipt.provider_ref,
        detail=receipt.detail,
    )
    return Ended(result=result, receipt=receipt)


def _failed(parcel: Parcel, place: int, error: DeliveryError, now: datetime, *, replayable: bool) -> Ended:
    action = parcel.actions[place]
    whole = parcel.key or action.public_id  # what goes again together is due again together
    what = after_failure(
        error,
        action=whole,
        attempt=action.attempts + 1,
        now=now,
        replayable=replayable,
        doubted=action.id in parcel.doubted,
    )
    result = Result(
        due=action,
        delivery=parcel.attempts[place],
        state=what.state,
        outcome=what.outcome,
        detail=str(error),
        due_at=what.due_at,
    )
    return Ended(result=result, error=error)
