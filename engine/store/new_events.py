"""Events that nobody has decided on yet: each is here from when it comes in until what came of it is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, insert, not_, select, true

from engine.store import customers, tables
from engine.store.kept import as_kept, documents, instant
from engine.store.listed import among, listed, one_of


class New(NamedTuple):
    """An event to decide on: its key, its source, its customer's key, and what happened. A tuple, since thousands are
    made at a time."""

    id: int
    source: str
    customer_id: int
    kind: str
    ext_key: str
    occurred_at: datetime
    payload: Mapping[str, Any]


class Columns(NamedTuple):
    """The same of many events, column by column, as the driver gives them: quickly handed to another process."""

    id: Sequence[int] = ()
    source: Sequence[str] = ()
    customer_id: Sequence[int] = ()
    kind: Sequence[str] = ()
    ext_key: Sequence[str] = ()
    occurred_at: Sequence[Any] = ()
    payload: Sequence[Any] = ()

    def each(self) -> list[New]:
        """The events."""
        *plain, occurred_at, payload = self
        return list(map(New, *plain, map(instant, occurred_at), documents(payload)))


_EVENT = tables.table(tables.Event)
_NEW = tables.table(tables.NewEvent)
_STORED = select(_EVENT.c.id, _EVENT.c.customer_id, _EVENT.c.occurred_at)
_ADD = insert(_NEW).from_select(list(_NEW.c), _STORED.where(one_of(_EVENT.c.id)))
_ADD_FROM = insert(_NEW).from_select(list(_NEW.c), _STORED.where(_EVENT.c.id >= bindparam("first")))
_READ = select(*(as_kept(_EVENT.c[name]) for name in New._fields))
_COME = _NEW.c.occurred_at <= bindparam("now")
_NEXT = (
    _READ.join_from(_NEW, _EVENT, _NEW.c.event_id == _EVENT.c.id)
    .where(_COME)
    .order_by(_NEW.c.event_id)
    .limit(bindparam("limit"))
)
_OTHERS = _NEXT.where(not_(one_of(_NEW.c.customer_id, "without")))
_FAR = select(_NEW.c.event_id).where(_COME).limit(1).offset(bindparam("number"))
_WHOSE = (
    select(_NEW.c.event_id, _NEW.c.customer_id)
    .where(_COME, _NEW.c.event_id > bindparam("after"))
    .order_by(_NEW.c.event_id)
    .limit(bindparam("limit"))
)
_EACH = _READ.where(_EVENT.c.id == _NEW.c.event_id).offset(0).lateral()  # else PostgreSQL may go through all events
_MINE = (
    select(_EACH)
    .select_from(_NEW.join(_EACH, true()))
    .where(_COME, _NEW.c.event_id <= bindparam("last"), one_of(_NEW.c.customer_id, "customers"))
    .order_by(_NEW.c.event_id)
)


def add(connection: Connection, keys: Collection[int]) -> None:
    """The events with these keys, given out for them in this transaction, have been stored, unless they were known."""
    if connection.dialect.name == "sqlite":  # there is one writer, which is this transaction
        connection.execute(_ADD_FROM, {"first": min(keys)})
    else:
        connection.execute(_ADD, {"keys": listed(connection, keys)})


def next_events(connection: Connection, now: datetime, limit: int) -> list[New]:
    """The next events to decide on, in the order in which they came, about `limit`; those ahead of `now` wait.

    Their customers are held until the transaction ends, and events of those whom another worker holds are left to it.
    No event at all: nobody has one left to decide on.
    """
    if connection.dialect.name == "sqlite":
        return _read(connection, _NEXT, {"now": now, "limit": limit}).each()
    while True:
        mine, last = _held(connection, now, limit)
        found = _read(connection, _MINE, {"now": now, "last": last, "customers": listed(connection, mine)})
        if found.id or not last:  # read again, because others may have decided meanwhile, also on what was skipped
            return found.each()


def next_of_others(connection: Connection, now: datetime, limit: int, without: Collection[int]) -> Columns:
    """The same on SQLite, where nobody needs to be held, without the events of some customers."""
    return _read(connection, _OTHERS, {"now": now, "limit": limit, "without": listed(connection, without)})


def are_more(connection: Connection, now: datetime, number: int) -> bool:
    """Whether more events than so many are to be decided on."""
    return connection.execute(_FAR, {"now": now, "number": number}).first() is not None


def _held(connection: Connection, now: datetime, limit: int) -> tuple[set[int], int]:
    """Whom of the next events we hold, and up to which event; when others hold all of them, we wait for them."""
    mine: set[int] = set()
    last = found = 0
    while True:
        some = connection.execute(_WHOSE, {"now": now, "after": last, "limit": limit}).all()
        if not some:
            break
        mine |= customers.hold(connection, {who for _, who in some} - mine, wait=False)
        last = some[-1][0]
        found += sum(who in mine for _, who in some)
        if found >= max(1, limit // 2):
            return mine, last
    if last and not mine:
        first = connection.execute(_WHOSE, {"now": now, "after": 0, "limit": limit}).all()
        mine = customers.hold(connection, {who for _, who in first})
    return mine, last


def _read(connection: Connection, query: Select[*tuple[Any, ...]], wanted: Mapping[str, Any]) -> Columns:
    found = connection.execute(query, wanted).all()
    return Columns(*zip(*found, strict=True)) if found else Columns()


def take_off(connection: Connection, keys: Collection[int]) -> None:
    """These were decided on; part of the transaction that writes what came of them."""
    connection.execute(delete(_NEW).where(among(connection, _NEW.c.event_id, keys)))


def take_off_history(connection: Connection, before: datetime) -> int:
    """Events from before the shop started with Premura are history: known, never acted on. Says how many."""
    some = select(_NEW.c.event_id).where(_NEW.c.occurred_at < before)
    some = some.with_for_update(skip_locked=True)  # two who do so at once never wait
    return connection.execute(delete(_NEW).where(_NEW.c.event_id.in_(some))).rowcount


def of_customer(connection: Connection, customer: int, at: datetime | None = None) -> set[int]:
    """The keys of a customer's new events. at: and of those that have come in since that instant."""
    found = connection.execute(select(_NEW.c.event_id).where(_NEW.c.customer_id == customer)).scalars()
    if at is None:
        return set(found)
    later = select(_EVENT.c.id).where(_EVENT.c.customer_id == customer, _EVENT.c.received_at > at)
    return {*found, *connection.execute(later).scalars()}
