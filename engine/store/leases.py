"""Leases (what one process may do at a time) and marks (how far recurring work has come)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, delete, select

from engine.store import tables
from engine.store.session import insert_into

_LEASE = tables.table(tables.Lease)
_MARK = tables.table(tables.Mark)


def take(
    connection: Connection, name: str, owner: str, holder: str, now: datetime, until: datetime, *, gone: str = ""
) -> str | None:
    """Take or renew a lease; None when it is ours, else who holds it (for people).

    owner: a random id of this process; holder: host and process, to be shown; gone: an owner that is known to be dead,
    whose lease has ended whatever its time says.
    """
    statement = insert_into(connection, _LEASE)
    row = {"name": name, "owner": owner, "holder": holder, "until": until}
    free = _LEASE.c.owner.in_((owner, gone)) | (_LEASE.c.until <= now)
    renewed = (_LEASE.c.owner == owner) & (_LEASE.c.until > now)
    taken = {**row, "since": case((renewed, _LEASE.c.since), else_=now)}
    made = [{**row, "since": now}]
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=taken, where=free), made)
    held = connection.execute(select(_LEASE.c.owner, _LEASE.c.holder).where(_LEASE.c.name == name)).one()
    return None if held.owner == owner else str(held.holder)


def owner(connection: Connection, name: str) -> str | None:
    """Who holds a lease, or held it last."""
    return connection.execute(select(_LEASE.c.owner).where(_LEASE.c.name == name)).scalar()


def holder(connection: Connection, name: str) -> str | None:
    """The same for people: host and process."""
    return connection.execute(select(_LEASE.c.holder).where(_LEASE.c.name == name)).scalar()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Who holds a lease (for people), and since when."""

    holder: str
    since: datetime


def held(connection: Connection, name: str, now: datetime) -> Held | None:
    """Who holds that lease now; None when it was given back or has ended."""
    query = select(_LEASE.c.holder, _LEASE.c.since).where(_LEASE.c.name == name, _LEASE.c.until > now)
    row = connection.execute(query).first()
    return Held(holder=row.holder, since=row.since) if row else None


def release(connection: Connection, name: str, owner: str) -> None:
    """Give a lease back, if it is still ours."""
    connection.execute(delete(_LEASE).where(_LEASE.c.name == name, _LEASE.c.owner == owner))


def forget(connection: Connection, prefix: str, now: datetime) -> None:
    """Leases that have ended, of all whose names begin so: nobody will ask for them again."""
    connection.execute(delete(_LEASE).where(_LEASE.c.name.startswith(prefix, autoescape=True), _LEASE.c.until < now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far recurring work had come, and when that was written."""

    value: str
    at: datetime


def mark(connection: Connection, name: str) -> Mark | None:
    """How far that work has come, or None when it was never begun."""
    row = connection.execute(select(_MARK.c.value, _MARK.c.at).where(_MARK.c.name == name)).first()
    return Mark(value=row.value, at=row.at) if row else None


def set_mark(connection: Connection, name: str, value: str, now: datetime) -> None:
    """That work has come so far."""
    row = {"name": name, "value": value, "at": now}
    statement = insert_into(connection, _MARK)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row), [row])
