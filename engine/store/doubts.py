"""Attempts of which nobody knows how they ended: found when a lease is lost, kept until somebody knows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, literal, select, text, update

from engine.core.actions import State
from engine.store import tables, touchpoints
from engine.store.actions import Action
from engine.store.listed import among

_ACTION = tables.table(tables.Action)
_DELIVERY = tables.table(tables.Delivery)
_LEASE = tables.table(tables.Lease)
_UNDER_WAY = text("action.state = 'submitting'")  # word for word, so that the partial index serves it
_STANDING = (_DELIVERY.c.outcome == "unknown", _DELIVERY.c.settled == "")
WORKER = "worker:"
"""How the leases are named under which workers show that they live; each goes on with its owner's id."""


def release_lost(connection: Connection, owner: str, now: datetime) -> int:
    """What a worker that is gone had under way is in doubt from now on; says how many.

    A worker is gone when its own lease has ended, and an attempt when the lease of the action has. On SQLite the caller
    is the only dispatcher, so that every other owner is gone, whatever its time says.
    """
    lives = exists().where(_LEASE.c.name == literal(WORKER) + _ACTION.c.lease_owner, _LEASE.c.until >= now)
    lost = (_ACTION.c.lease_until < now) | ~lives
    if connection.dialect.name == "sqlite":
        lost = (_ACTION.c.lease_until < now) | (_ACTION.c.lease_owner != owner)
    found = select(_ACTION.c.id).where(_UNDER_WAY, lost).with_for_update(skip_locked=True)
    ids = list(connection.execute(found).scalars())
    put_in_doubt(connection, ids, "the worker stopped while sending: it may have gone out", now)
    return len(ids)


def put_in_doubt(connection: Connection, actions: Collection[int], reason: str, now: datetime) -> None:
    """Nobody knows of these whether they went out; the attempts that are open are closed."""
    doubtful = update(_ACTION).where(among(connection, _ACTION.c.id, actions))
    connection.execute(doubtful.values(state=State.UNKNOWN, reason=reason, lease_owner=None, lease_until=None))
    unfinished = update(_DELIVERY).where(
        among(connection, _DELIVERY.c.action_id, actions), _DELIVERY.c.finished_at.is_(None)
    )
    connection.execute(unfinished.values(outcome="unknown", detail=reason, finished_at=now))


def stands(connection: Connection, actions: Collection[int]) -> frozenset[int]:
    """Those of these actions of which an attempt may have gone out, for all that anybody knows."""
    if not actions:
        return frozenset()
    query = select(_DELIVERY.c.action_id).where(among(connection, _DELIVERY.c.action_id, actions), *_STANDING)
    return frozenset(connection.execute(query).scalars())


def keep(connection: Connection, reason: str, now: datetime) -> None:
    """What is past its time and waits for another attempt, while one may have gone out, is in doubt: it did not expire.

    Nobody else settles these before the transaction ends.
    """
    late = select(_ACTION.c.id).where(
        text("action.state IN ('ready', 'retry_at')"), _ACTION.c.valid_until < now, _ACTION.c.attempts > 0
    )
    put_in_doubt(connection, stands(connection, list(connection.execute(late).scalars())), reason, now)


def resolve(connection: Connection, action: Action, *, sent: bool, by: str, now: datetime) -> bool:
    """A person says whether a doubtful action went out: accepted, or ready to be sent again."""
    known = update(_ACTION).where(_ACTION.c.id == action.id, _ACTION.c.state == State.UNKNOWN)
    if sent:
        values: dict[str, Any] = {"state": State.ACCEPTED, "reason": f"confirmed by {by}", "finished_at": now}
    else:
        values = {"state": State.READY, "reason": f"{by} says that it did not go out", "due_at": now}
    if not connection.execute(known.values(**values)).rowcount:
        return False
    close(connection, [action.id], "found" if sent else "absent")
    if sent:
        touchpoints.add(connection, [action], now)
    return True


def close(connection: Connection, actions: Collection[int], settled: str) -> None:
    """Of all attempts at these actions it is known what became of them."""
    doubtful = update(_DELIVERY).where(among(connection, _DELIVERY.c.action_id, actions), *_STANDING)
    connection.execute(doubtful.values(settled=settled))
