"""How much waits and what came of the attempts, for those who watch: numbers only, nothing of any customer.

They are asked of the store, so that they are right however many processes work on it. What may grow without end (the
attempts) is counted once; what is asked again and again is no longer than the queue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, inspect, or_, select, text

from engine.core.actions import OPEN, State
from engine.store import tables
from engine.store.session import SCHEMA_VERSION

_ACTION = tables.table(tables.Action)
_DELIVERY = tables.table(tables.Delivery)
_EVENT = tables.table(tables.Event)
_NEW = tables.table(tables.NewEvent)

QUEUE = tuple(state for state in State if state in OPEN | {State.SUBMITTING, State.UNKNOWN})
"""The states in which something is still to happen."""

_SURELY_COMMITTED = timedelta(minutes=10)
"""PostgreSQL may show a row after others with higher keys; no transaction of ours takes as long as this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How many wait, and since when the oldest of them is due; None when none of them is due yet."""

    number: int = 0
    due_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Attempts by adapter and outcome; those up to the key `upto` are closed for good and need not be read again."""

    numbers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    closed: Mapping[tuple[str, str], int] = field(default_factory=dict)
    upto: int = 0


def has_shape(connection: Connection) -> bool:
    """Whether the store has the shape that this version needs; a migration may have come while a process lived."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return bool(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == SCHEMA_VERSION)


def queue(connection: Connection, now: datetime) -> dict[State, Depth]:
    """The actions of every state in which something is still to happen."""
    query = (
        select(_ACTION.c.state, func.count(), func.min(_ACTION.c.due_at))
        .where(_ACTION.c.state.in_(QUEUE))
        .group_by(_ACTION.c.state)
    )
    found = {state: (number, first) for state, number, first in connection.execute(query)}
    waiting = {state: found.get(state, (0, now)) for state in QUEUE}
    return {state: Depth(number=n, due_since=first if first < now else None) for state, (n, first) in waiting.items()}


def unknown(connection: Connection) -> dict[str, int]:
    """The doubts that nobody has resolved yet, by adapter."""
    query = select(_ACTION.c.adapter, func.count()).where(_ACTION.c.state == State.UNKNOWN).group_by(_ACTION.c.adapter)
    return dict(connection.execute(query).all())


def unheard(connection: Connection) -> Depth:
    """The events that decide has not gone through yet, and when the first of them came in."""
    first = select(_EVENT.c.received_at).where(_EVENT.c.id == select(func.min(_NEW.c.event_id)).scalar_subquery())
    number = connection.execute(select(func.count()).select_from(_NEW)).scalar_one()
    return Depth(number=number, due_since=connection.execute(first).scalar())


def attempts(connection: Connection, before: Attempts, now: datetime) -> Attempts:
    """All attempts by adapter and outcome, of which only those are read that were not closed at the last question."""
    later = _DELIVERY.c.id > before.upto
    moving = or_(_DELIVERY.c.finished_at.is_(None), _DELIVERY.c.started_at >= now - _SURELY_COMMITTED)
    first = connection.execute(select(func.min(_DELIVERY.c.id)).where(later, moving)).scalar()
    still = later if first is None else later & (_DELIVERY.c.id < first)
    upto = connection.execute(select(func.max(_DELIVERY.c.id)).where(still)).scalar() or before.upto
    is_closed = _DELIVERY.c.id <= upto
    groups = (_DELIVERY.c.adapter, _DELIVERY.c.outcome, is_closed)
    closed, numbers = Counter(before.closed), Counter(before.closed)
    for adapter, outcome, over, number in connection.execute(
        select(*groups, func.count()).where(later).group_by(*groups)
    ):
        numbers[adapter, outcome] += number
        if over:
            closed[adapter, outcome] += number
    return Attempts(numbers=numbers, closed=closed, upto=upto)
