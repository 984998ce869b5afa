"""The outbox: claim under a lease, commit the attempt before any I/O, close it with a receipt (design §5-6).

Completion is fenced by the lease's owner: a worker that lost its lease can no longer change the action.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from engine.core.actions import State
from engine.core.permission import INTERNAL_CHANNELS, SILENT_CHANNELS
from engine.store import tables
from engine.store.actions import Action, from_row
from engine.store.session import among, in_chunks, insert_into

_ACTION = tables.table(tables.Action)
_DELIVERY = tables.table(tables.Delivery)
_TOUCHPOINT = tables.table(tables.Touchpoint)
_PRINT_JOB = tables.table(tables.PrintJob)
_FREE = {"lease_owner": None, "lease_until": None}
_DUE = (State.READY, State.RETRY_AT)


def claim(
    connection: Connection, *, owner: str, now: datetime, until: datetime, limit: int, adapters: Collection[str]
) -> list[Action]:  # fmt: skip
    """Take due actions of these adapters under a lease; nobody else can have them until it ends."""
    due = (
        select(_ACTION.c.id)
        .where(_ACTION.c.state.in_(_DUE), _ACTION.c.due_at <= now, _ACTION.c.adapter.in_(adapters))
        .order_by(_ACTION.c.due_at, _ACTION.c.id)
        .limit(limit)
    )
    if connection.dialect.name != "sqlite":
        due = due.with_for_update(skip_locked=True)
    taken = update(_ACTION).where(_ACTION.c.id.in_(select(due.cte("due").c.id)))  # WITH: PostgreSQL locks it once
    rows = connection.execute(
        taken.values(state=State.CLAIMED, lease_owner=owner, lease_until=until).returning(_ACTION)
    ).all()
    return sorted((from_row(row) for row in rows), key=lambda action: (action.due_at, action.id))


def begin_attempt(connection: Connection, action: Action, owner: str, now: datetime) -> bool:
    """Commit, before any I/O, that an attempt is under way; False when the lease was lost."""
    moved = update(_ACTION).where(
        _ACTION.c.id == action.id,
        _ACTION.c.state == State.CLAIMED,
        _ACTION.c.lease_owner == owner,
        _ACTION.c.attempts == action.attempts,
    )
    if not connection.execute(moved.values(state=State.SUBMITTING, attempts=_ACTION.c.attempts + 1)).rowcount:
        return False
    row = {
        "action_id": action.id,
        "attempt": action.attempts + 1,
        "adapter": action.adapter,
        "owner": owner,
        "started_at": now,
    }
    connection.execute(insert(_DELIVERY), [row])
    return True


def close_attempt(
    connection: Connection, action: Action, owner: str, *, state: State, outcome: str, now: datetime,
    provider_ref: str = "", detail: str = "", due_at: datetime | None = None,
) -> bool:  # fmt: skip
    """Write what came of an attempt; False when the lease was lost meanwhile.

    The action is then left to whoever settles it, and the attempt stays closed as it was; what the late answer said is
    added to its detail.
    """
    values: dict[str, Any] = {"state": state, "reason": detail, **_FREE}
    if provider_ref:
        values["provider_ref"] = provider_ref
    if due_at is not None:
        values["due_at"] = due_at
    if state not in (State.RETRY_AT, State.UNKNOWN):
        values["finished_at"] = now
    fenced = update(_ACTION).where(
        _ACTION.c.id == action.id,
        _ACTION.c.state == State.SUBMITTING,
        _ACTION.c.lease_owner == owner,
        _ACTION.c.attempts == action.attempts + 1,
    )
    attempt = update(_DELIVERY).where(_DELIVERY.c.action_id == action.id, _DELIVERY.c.attempt == action.attempts + 1)
    if connection.execute(fenced.values(**values)).rowcount:
        connection.execute(attempt.values(finished_at=now, outcome=outcome, provider_ref=provider_ref, detail=detail))
        return True
    late = f"; its answer came too late: {' '.join(part for part in (outcome, provider_ref, detail) if part)}"
    connection.execute(attempt.where(_DELIVERY.c.owner == owner).values(detail=_DELIVERY.c.detail + late))
    return False


def hand_back(connection: Connection, actions: Collection[int], owner: str) -> int:
    """Return what was claimed but not begun; part of a graceful stop."""
    back = update(_ACTION).where(
        _ACTION.c.id.in_(actions), _ACTION.c.state == State.CLAIMED, _ACTION.c.lease_owner == owner
    )
    return connection.execute(back.values(state=State.READY, **_FREE)).rowcount


def postpone(connection: Connection, action: int, owner: str, due_at: datetime) -> bool:
    """Return what was claimed but may not go before another instant; False when the lease was lost."""
    later = update(_ACTION).where(
        _ACTION.c.id == action, _ACTION.c.state == State.CLAIMED, _ACTION.c.lease_owner == owner
    )
    return bool(connection.execute(later.values(state=State.READY, due_at=due_at, **_FREE)).rowcount)


def release_lost(connection: Connection, owner: str, now: datetime) -> tuple[int, int]:
    """Leases that ended: claimed actions are ready again, submitting ones unknown. Returns how many of each.

    On SQLite the caller is the only dispatcher, so that every other owner's lease has ended, whatever its time says.
    """
    lost = _ACTION.c.lease_until < now
    if connection.dialect.name == "sqlite":
        lost |= _ACTION.c.lease_owner != owner
    ready = connection.execute(
        update(_ACTION).where(_ACTION.c.state == State.CLAIMED, lost).values(state=State.READY, **_FREE)
    ).rowcount
    reason = "the worker stopped while sending: it may have gone out"
    doubtful = update(_ACTION).where(_ACTION.c.state == State.SUBMITTING, lost).returning(_ACTION.c.id)
    ids = list(connection.execute(doubtful.values(state=State.UNKNOWN, reason=reason, **_FREE)).scalars())
    for some in in_chunks(ids):
        unfinished = update(_DELIVERY).where(_DELIVERY.c.action_id.in_(some), _DELIVERY.c.finished_at.is_(None))
        connection.execute(unfinished.values(outcome="unknown", detail=reason, finished_at=now))
    return ready, len(ids)


def replay_unknown(
    connection: Connection, adapters: Collection[str], *, attempts: int | None = None, now: datetime | None = None
) -> int:
    """Doubtful actions of adapters that can safely send the same bytes again become ready; says how many.

    attempts: after so many a doubt is left to a person. now: what is to be tried again later waits for its time, and
    what is past its time is left to a person, since nobody may say of it that it never went out.
    """
    again = update(_ACTION).where(_ACTION.c.state == State.UNKNOWN, _ACTION.c.adapter.in_(adapters))
    if attempts is not None:
        again = again.where(_ACTION.c.attempts < attempts)
    if now is not None:
        in_time = _ACTION.c.valid_until.is_(None) | (_ACTION.c.valid_until >= now)
        again = again.where(_ACTION.c.due_at <= now, in_time)
    return connection.execute(again.values(state=State.READY, reason="sent again under the same key")).rowcount


def resolve(connection: Connection, action: Action, *, sent: bool, by: str, now: datetime) -> bool:
    """A person says whether a doubtful action went out: accepted, or ready to be sent again."""
    known = update(_ACTION).where(_ACTION.c.id == action.id, _ACTION.c.state == State.UNKNOWN)
    if sent:
        values: dict[str, Any] = {"state": State.ACCEPTED, "reason": f"confirmed by {by}", "finished_at": now}
    else:
        values = {"state": State.READY, "reason": f"{by} says that it did not go out"}
    if not connection.execute(known.values(**values)).rowcount:
        return False
    if sent:
        touch(connection, action, now)
    return True


def touch(connection: Connection, action: Action, now: datetime) -> None:
    """The customer heard from us: what caps count, once an action; what they do not see is no touchpoint."""
    if action.channel in SILENT_CHANNELS | INTERNAL_CHANNELS:
        return
    row = {
        "action_id": action.id,
        "customer_id": action.customer_id,
        "channel": action.channel,
        "purpose": action.purpose,
        "rule_id": action.rule_id,
        "at": now,
    }
    connection.execute(insert_into(connection, _TOUCHPOINT).on_conflict_do_nothing(), [row])


def heard(connection: Connection, customers: Collection[int], since: datetime) -> list[datetime]:
    """When any of these heard from us after an instant, or may have; transactional words do not count. Oldest first."""
    words = select(_TOUCHPOINT.c.at).where(
        among(connection, _TOUCHPOINT.c.customer_id, customers),
        _TOUCHPOINT.c.at > since,
        _TOUCHPOINT.c.purpose != "transactional",
    )
    perhaps = (
        select(func.max(_DELIVERY.c.started_at))
        .join(_ACTION, _ACTION.c.id == _DELIVERY.c.action_id)
        .where(
            among(connection, _ACTION.c.customer_id, customers),
            _ACTION.c.state.in_((State.SUBMITTING, State.UNKNOWN)),
            _ACTION.c.purpose != "transactional",
            _ACTION.c.channel.in_(("email", "note")),
        )
        .group_by(_ACTION.c.id)
        .having(func.max(_DELIVERY.c.started_at) > since)
    )
    return sorted([*connection.execute(words).scalars(), *connection.execute(perhaps).scalars()])


def add_print_job(connection: Connection, action: int, files: Sequence[str], pages: int, now: datetime) -> None:
    """Note which files hold a drawn note, once an action."""
    row = {"action_id": action, "files": list(files), "pages": pages, "state": "rendered", "at": now}
    connection.execute(insert_into(connection, _PRINT_JOB).on_conflict_do_nothing(), [row])


def print_jobs(connection: Connection) -> dict[str, list[str]]:
    """The files of all drawn notes, by the public id of their actions."""
    query = select(_ACTION.c.public_id, _PRINT_JOB.c.files).join(_ACTION, _ACTION.c.id == _PRINT_JOB.c.action_id)
    return dict(connection.execute(query).all())


def attempts_of(connection: Connection, action: int) -> Sequence[Mapping[str, Any]]:
    """The attempts of an action, oldest first."""
    query = select(_DELIVERY).where(_DELIVERY.c.action_id == action).order_by(_DELIVERY.c.attempt)
    return [row._asdict() for row in connection.execute(query)]


def by_channel(connection: Connection) -> list[tuple[str, str, int]]:
    """What customers got: (rule, channel, number)."""
    columns = (_TOUCHPOINT.c.rule_id, _TOUCHPOINT.c.channel)
    return list(connection.execute(select(*columns, func.count()).group_by(*columns).order_by(*columns)))
