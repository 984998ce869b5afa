"""What the store says held against what the sink got: once, twice, lost, doubted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from bench.chaos.journal import Line
from engine.core.actions import State
from engine.store import tables
from engine.store.session import Store

_ACTION, _DELIVERY = tables.table(tables.Action), tables.table(tables.Delivery)
_TOUCHPOINT, _ENTRY = tables.table(tables.Touchpoint), tables.table(tables.LedgerEntry)
THERE = frozenset((State.ACCEPTED, State.DELIVERED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What became of the actions of one adapter."""

    adapter: str
    promise: str  # key | search | none | store
    actions: int
    once: int
    twice: int
    lost: int
    unknown_delivered: int
    unknown_not_delivered: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a store says: actions (public_id, channel, adapter, state), how often each was tried, what came of it."""

    actions: Sequence[Mapping[str, Any]]
    attempts: Counter[str]
    touched: Counter[str]
    booked: Counter[str]


def told(store: Store) -> Told:
    """Read a store."""
    name = _ACTION.c.public_id
    with store.read() as connection:
        rows = connection.execute(select(_ACTION.c.id, name, _ACTION.c.channel, _ACTION.c.adapter, _ACTION.c.state))
        actions = [row._asdict() for row in rows]
        names = {row["id"]: row["public_id"] for row in actions}
        tried = Counter(names[one] for one in connection.execute(select(_DELIVERY.c.action_id)).scalars())
        touched = Counter(names[one] for one in connection.execute(select(_TOUCHPOINT.c.action_id)).scalars())
        booking = select(_ENTRY.c.transfer).where(_ENTRY.c.amount > 0)
        booked = Counter(connection.execute(booking).scalars())
    return Told(actions=actions, attempts=tried, touched=touched, booked=booked)


def count(found: Told, lines: Iterable[Line], promises: Mapping[str, str]) -> list[Count]:
    """The counts of each channel. promises: what its adapter can do about a doubt."""
    taken = Counter(line.action for line in lines if line.took) + found.booked
    by_channel = defaultdict(list)
    for row in found.actions:
        by_channel[row["channel"]].append(row)
    return [
        _of(channel, promises[channel], rows, taken, found.attempts) for channel, rows in sorted(by_channel.items())
    ]


def _of(
    channel: str, promise: str, rows: Sequence[Mapping[str, Any]], taken: Counter[str], attempts: Counter[str]
) -> Count:
    times = Counter((min(taken[row["public_id"]], 2), row["state"] == State.UNKNOWN) for row in rows)
    return Count(
        adapter=f"{channel}, {rows[0]['adapter']}",
        promise=promise,
        actions=len(rows),
        once=times[1, False] + times[1, True],
        twice=times[2, False] + times[2, True],
        lost=times[0, False],
        unknown_delivered=times[1, True],
        unknown_not_delivered=times[0, True],
        attempts=sum(attempts[row["public_id"]] for row in rows),
    )


def broken(found: Told, lines: Sequence[Line], counts: Iterable[Count], expected: int) -> list[str]:
    """Each promise that was not kept, in words."""
    taken = Counter(line.action for line in lines if line.took) + found.booked
    there = {row["public_id"] for row in found.actions if row["state"] in THERE}
    heard = {row["public_id"] for row in found.actions if row["state"] in THERE and row["channel"] == "email"}
    bytes_of = defaultdict(set)
    for line in lines:
        if line.action:
            bytes_of[line.action].add(line.sha256)
    faults = {
        f"{expected} actions were to be decided, there are {len(found.actions)}": len(found.actions) != expected,
        "what the store calls accepted is not in the sink": bool(there - taken.keys()),
        "the sink has what the store does not know": bool(taken.keys() - {row["public_id"] for row in found.actions}),
        "touchpoints are not what was delivered": found.touched != Counter(heard),
        "an attempt had other bytes than the one before": any(len(some) > 1 for some in bytes_of.values()),
    }
    said = [text for text, wrong in faults.items() if wrong]
    for one in counts:
        doubts = one.unknown_delivered + one.unknown_not_delivered
        if one.twice or one.lost or (one.promise != "none" and (doubts or one.once != one.actions)):
            said.append(f"{one.adapter} ({one.promise}): {one.twice} twice, {one.lost} lost, {doubts} in doubt")
    return said
