"""Finished actions leave the outbox for the history after a while, and lose their content after a longer one.

What is asked again and again reads the outbox only, and stays quick as the years go by. What became of an action is
known for good: with its row go its key, its state and the sha256 of what it said, and its attempts stay where they are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from engine.core.actions import FINISHED, State
from engine.store import tables
from engine.store.actions import STATE
from engine.store.listed import among

_ACTION = tables.table(tables.Action)
_HISTORY = tables.table(tables.ActionHistory)
_JOURNEY = tables.table(tables.Journey)

Place = tuple[datetime, int]
"""Where an action of a state is found: when it was due, and its key."""


def old(
    connection: Connection, state: State, before: datetime, limit: int, after: Place | None = None
) -> Sequence[Place]:
    """The next finished actions in that state whose date and end lie before an instant, in order.

    Those of a journey that is under way are not among them: whoever asks about it finds all of it in the outbox.
    """
    query = (
        select(_ACTION.c.due_at, _ACTION.c.id)
        .join(_JOURNEY, _JOURNEY.c.id == _ACTION.c.journey_id)
        .where(_ACTION.c.state == state, _ACTION.c.due_at < before)
        .where(_ACTION.c.finished_at < before, _JOURNEY.c.state != "active")
    )
    if after is not None:
        due_at, key = after
        query = query.where(_ACTION.c.due_at >= due_at, or_(_ACTION.c.due_at > due_at, _ACTION.c.id > key))
    found: Sequence[Row[datetime, int]] = connection.execute(
        query.order_by(_ACTION.c.due_at, _ACTION.c.id).limit(limit)
    ).all()
    return [(due_at, key) for due_at, key in found]


def move(connection: Connection, actions: Collection[int]) -> int:
    """Move those of these actions that are finished to the history; says how many."""
    finished = select(_ACTION.c.id).where(among(connection, _ACTION.c.id, actions), STATE.in_(FINISHED))
    ids = list(connection.execute(finished.with_for_update(skip_locked=True)).scalars())
    names = [column.name for column in _HISTORY.c]
    rows = select(*(_ACTION.c[name] for name in names)).where(among(connection, _ACTION.c.id, ids))
    connection.execute(insert(_HISTORY).from_select(names, rows, include_defaults=False))
    return connection.execute(delete(_ACTION).where(among(connection, _ACTION.c.id, ids))).rowcount


def empty(connection: Connection, before: datetime, limit: int) -> int:
    """Take their frozen content from some actions of the history whose date and end lie before an instant."""
    full = (
        select(_HISTORY.c.id)
        .where(_HISTORY.c.payload.is_not(None), _HISTORY.c.due_at < before, _HISTORY.c.finished_at < before)
        .order_by(_HISTORY.c.due_at)
        .limit(limit)
    )
    ids = list(connection.execute(full).scalars())
    emptied = update(_HISTORY).where(among(connection, _HISTORY.c.id, ids))
    return connection.execute(emptied.values(payload=None)).rowcount
