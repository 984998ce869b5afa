"""Doubts whose turn has come: what may be sent again becomes ready, what waits gets its time; asking is `ask`'s."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from engine.dispatch.doubt import Doubt, Next, Way, settle
from engine.dispatch.port import Adapter, Idempotency
from engine.store import settlements
from engine.store.settlements import Standing

BATCH = 500


def settle_doubts(connection: Connection, adapters: Mapping[str, Adapter], now: datetime) -> None:
    """Look at every doubt that is due, once."""
    none = [name for name, one in adapters.items() if one.capability.idempotency is Idempotency.NONE]
    for names, resending in ((adapters.keys() - none, False), (none, True)):
        after = 0
        while found := settlements.waiting(
            connection, sorted(names), now, after=after, limit=BATCH, resending=resending
        ):
            _settle(
                connection,
                [(one, settle(as_doubt(one, adapters[one.adapter]), adapters[one.adapter], now=now)) for one in found],
                now,
            )
            after = found[-1].id


def as_doubt(one: Standing, adapter: Adapter) -> Doubt:
    """What the policy wants to know. What went out in one call goes again together, and so at the same time.

    Of an adapter that takes several in a call, only the key of the call counts.
    """
    return Doubt(
        action=one.parcel or one.public_id,
        attempts=one.attempts,
        since=one.since,
        ended=one.ended,
        keyed=bool(one.parcel) or adapter.capability.batch == 1,
        resent=max(0, one.doubtful - 1),
        if_unknown=one.if_unknown,
        valid_until=one.valid_until,
    )


def _settle(connection: Connection, found: Sequence[tuple[Standing, Next]], now: datetime) -> None:
    again: dict[str, list[int]] = defaultdict(list)
    later, left = [], []
    for one, what in found:
        if what.way is Way.PERSON:
            left.append({"id": one.id, "due_at": what.at, "reason": what.why})
        elif what.at > now:
            later.append({"id": one.id, "due_at": what.at})
        elif what.way is not Way.ASK:
            again[what.why].append(one.id)
    for why, ids in again.items():
        settlements.again(connection, ids, why)
    settlements.change(connection, later)
    settlements.change(connection, left)
