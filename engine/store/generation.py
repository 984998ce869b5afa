"""How often the store has been told that it is the live one, whether it is a copy, and what it missed when it was one.

The generation only grows. A file beside the store (engine/highwater.py) remembers it too: a store that is behind the
file is an old copy. A copy that `premura db backup` made says so itself; a copy of a PostgreSQL database finds that it
lives elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, select, text, update

from engine.core.actions import State
from engine.core.gaps import BEGINNING, MAYBE, Gap
from engine.store import tables
from engine.store.leases import mark, set_mark
from engine.store.listed import among
from engine.store.session import insert_into

GENERATION, COPIED, HOME = "generation", "copied", "home"
_MARK = tables.table(tables.Mark)
_RESTORE = tables.table(tables.Restore)
_ACTION = tables.table(tables.Action)
_DELIVERY = tables.table(tables.Delivery)
_FROZEN = (State.READY, State.RETRY_AT)
_FILLED = {"owner": "restore", "outcome": "unknown", "detail": MAYBE, "provider_ref": "", "parcel": "", "settled": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the store says of itself: its generation (0: none yet) and when it got it; whether it is a copy.

    copied_at: when `premura db backup` made it. moved: this is a database other than the one that it was.
    """

    generation: int
    at: datetime
    copied_at: datetime | None = None
    moved: bool = False


def standing(connection: Connection) -> Standing:
    """What the store says of itself."""
    grown, copied, home = (mark(connection, name) for name in (GENERATION, COPIED, HOME))
    return Standing(
        generation=int(grown.value) if grown else 0,
        at=grown.at if grown and grown.value != "0" else BEGINNING,
        copied_at=copied.at if copied else None,
        moved=home is not None and home.value != _home(connection),
    )


def settle(connection: Connection, now: datetime) -> Standing:
    """The same, while nobody else may change it until this transaction ends."""
    row = {"name": GENERATION, "value": "0", "at": now}
    connection.execute(insert_into(connection, _MARK).on_conflict_do_nothing(), [row])
    connection.execute(select(_MARK.c.value).where(_MARK.c.name == GENERATION).with_for_update())
    return standing(connection)


def advance(connection: Connection, generation: int, now: datetime) -> None:
    """This is the live store, and no copy."""
    set_mark(connection, GENERATION, str(generation), now)
    connection.execute(delete(_MARK).where(_MARK.c.name == COPIED))
    if home := _home(connection):
        set_mark(connection, HOME, home, now)


def _home(connection: Connection) -> str:
    """Which database of which server this is; a file may lie anywhere."""
    if connection.dialect.name == "sqlite":
        return ""
    server = "''"
    if connection.execute(text("SELECT has_function_privilege('pg_control_system()', 'execute')")).scalar():
        server = "(SELECT system_identifier FROM pg_control_system())"
    here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    query = f"SELECT {server} || '/' || {here} || '/' || CAST('mark' AS regclass)::oid"
    return str(connection.execute(text(query)).scalar())


def gaps(connection: Connection) -> tuple[Gap, ...]:
    """All stretches of which this store knows nothing, the oldest first."""
    rows = connection.execute(select(_RESTORE).order_by(_RESTORE.c.id)).all()
    return tuple(Gap(since=row.since, until=row.until, confirmed=row.confirmed_at is not None) for row in rows)


def add_gap(connection: Connection, gap: Gap) -> None:
    """The store was restored."""
    row = {"since": gap.since, "until": gap.until, "confirmed_at": None, "confirmed_by": ""}
    connection.execute(insert(_RESTORE), [row])


def confirm(connection: Connection, by: str, now: datetime) -> int:
    """A person says that work may go on after every restore so far; says how many were open."""
    open_ = update(_RESTORE).where(_RESTORE.c.confirmed_at.is_(None))
    return connection.execute(open_.values(confirmed_at=now, confirmed_by=by)).rowcount


def frozen(connection: Connection, until: datetime, after: int = 0, limit: int = 5000) -> Sequence[Mapping[str, Any]]:
    """Actions that would go out as they are and were decided for a time up to `until`, in the order of their keys.

    As id, dedupe_key, adapter, created_at, scheduled_at, not_before, due_at and approved_by; those with keys after
    `after`.
    """
    names = (
        "id", "dedupe_key", "adapter", "created_at", "scheduled_at", "not_before", "due_at", "approved_by"
    )  # fmt: skip
    query = select(*(_ACTION.c[name] for name in names)).where(
        _ACTION.c.state.in_(_FROZEN),
        (_ACTION.c.not_before <= until) | (_ACTION.c.due_at <= until),
        _ACTION.c.id > after,
    )
    return [row._asdict() for row in connection.execute(query.order_by(_ACTION.c.id).limit(limit))]


def hold(connection: Connection, actions: Collection[int]) -> int:
    """Frozen actions that may have gone out wait for a person; says how many."""
    held = update(_ACTION).where(among(connection, _ACTION.c.id, actions), _ACTION.c.state.in_(_FROZEN))
    return connection.execute(held.values(state=State.HELD, reason=MAYBE, approved_by="")).rowcount


def ask(connection: Connection, actions: Collection[int], gaps: Sequence[Gap]) -> int:
    """Frozen actions that may have gone out are in doubt, as after an attempt that filled the gap; says how many."""
    meant = among(connection, _ACTION.c.id, actions) & _ACTION.c.state.in_(_FROZEN)
    began, ended = min(gap.since for gap in gaps), max(gap.until for gap in gaps)
    attempt = {
        "action_id": _ACTION.c.id,
        "attempt": _ACTION.c.attempts + 1,
        "adapter": _ACTION.c.adapter,
        "started_at": literal(began, _DELIVERY.c.started_at.type),
        "finished_at": literal(ended, _DELIVERY.c.finished_at.type),
        **{name: literal(value) for name, value in _FILLED.items()},
    }
    connection.execute(insert(_DELIVERY).from_select(list(attempt), select(*attempt.values()).where(meant)))
    values = {"state": State.UNKNOWN, "reason": MAYBE, "attempts": _ACTION.c.attempts + 1}
    return connection.execute(update(_ACTION).where(meant).values(**values)).rowcount


def in_doubt(connection: Connection) -> list[tuple[str, str, int]]:
    """What waits since a restore, and all else of which nobody knows whether it went out: (adapter, state, number)."""
    columns = (_ACTION.c.adapter, _ACTION.c.state)
    held = (_ACTION.c.state == State.HELD) & (_ACTION.c.reason == MAYBE)
    query = select(*columns, func.count()).where(held | (_ACTION.c.state == State.UNKNOWN))
    return list(connection.execute(query.group_by(*columns).order_by(*columns)))
