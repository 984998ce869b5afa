"""Events: appended by ingest, each decided on once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, not_, select, update

from engine.core.facts import Event
from engine.store import customers, rows, tables
from engine.store.kept import as_kept, documents, instant
from engine.store.listed import among, listed, one_of
from engine.store.written import Values


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


_EVENT = tables.table(tables.Event)
_WAITS = (_EVENT.c.processed_at.is_(None), _EVENT.c.occurred_at <= bindparam("now"))
_NEW = select(*(as_kept(_EVENT.c[name]) for name in New._fields)).where(*_WAITS).order_by(_EVENT.c.id)
_NEXT = _NEW.limit(bindparam("limit"))
_OTHERS = _NEXT.where(not_(one_of(_EVENT.c.customer_id, "without")))
_FAR = select(_EVENT.c.id).where(*_WAITS).limit(1).offset(bindparam("number"))
_MINE = _NEW.where(_EVENT.c.id <= bindparam("last"), one_of(_EVENT.c.customer_id, "customers"))
_WHOSE = (
    select(_EVENT.c.id, _EVENT.c.customer_id)
    .where(*_WAITS, _EVENT.c.id > bindparam("after"))
    .order_by(_EVENT.c.id)
    .limit(bindparam("limit"))
)
_SINCE = (
    select(_EVENT)
    .where(one_of(_EVENT.c.customer_id, "customers"), one_of(_EVENT.c.kind, "kinds"))
    .where(_EVENT.c.occurred_at >= bindparam("first"))
    .order_by(_EVENT.c.occurred_at, _EVENT.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An event as stored: its key, its source, its customer's key, and the facts."""

    id: int
    source: str
    customer_id: int
    facts: Event
    processed: bool


def add(connection: Connection, source: str, happened: Sequence[tuple[int, Event]], now: datetime) -> int:
    """Append events of customers by key; known ones are left. Says how many are new."""
    facts = [fact for _, fact in happened]
    columns: dict[str, list[Any]] = {
        "customer_id": [customer for customer, _ in happened],
        "ext_key": [fact.ext_key for fact in facts],
        "kind": [fact.kind for fact in facts],
        "occurred_at": [fact.occurred_at for fact in facts],
        "payload": [fact.payload for fact in facts],
    }
    return append(connection, source, columns, now)


def append(connection: Connection, source: str, columns: Mapping[str, Values], now: datetime) -> int:
    """The same of events in columns: `customer_id`, `ext_key`, `kind`, `occurred_at`, `payload` (fields, or each)."""
    return rows.add_columns(connection, _EVENT, columns, {"source": source, "received_at": now})


def by_keys(connection: Connection, source: str, keys: Collection[str]) -> dict[str, Stored]:
    """The events with these keys of that source."""
    query = select(_EVENT).where(_EVENT.c.source == source, among(connection, _EVENT.c.ext_key, keys))
    return {row.ext_key: stored(row) for row in connection.execute(query)} if keys else {}


def unprocessed(connection: Connection, now: datetime, limit: int) -> list[New]:
    """The next events to decide on, in the order in which they came, about `limit`; those ahead of `now` wait.

    Their customers are held until the transaction ends, and events of those whom another worker holds are left to it.
    No event at all: nobody has one left to decide on.
    """
    if connection.dialect.name == "sqlite":
        return _new(connection, _NEXT, {"now": now, "limit": limit})
    while True:
        mine, last = _held(connection, now, limit)
        found = _new(connection, _MINE, {"now": now, "last": last, "customers": listed(connection, mine)})
        if found or not last:
            return found  # read again, because others may have decided meanwhile; and so may what was skipped before


def unprocessed_of_others(connection: Connection, now: datetime, limit: int, without: Collection[int]) -> list[New]:
    """The same on SQLite, where nobody needs to be held, without the events of some customers."""
    return _new(connection, _OTHERS, {"now": now, "limit": limit, "without": listed(connection, without)})


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


def _new(connection: Connection, query: Select[*tuple[Any, ...]], wanted: Mapping[str, Any]) -> list[New]:
    found = connection.execute(query, wanted).all()
    if not found:
        return []
    *plain, occurred_at, payload = zip(*found, strict=True)
    return list(map(New, *plain, map(instant, occurred_at), documents(payload)))


def mark_processed(connection: Connection, ids: Collection[int], now: datetime) -> None:
    """These were decided on; part of the transaction that wrote what came of them."""
    connection.execute(update(_EVENT).where(among(connection, _EVENT.c.id, ids)).values(processed_at=now))


def mark_history(connection: Connection, before: datetime, now: datetime) -> int:
    """Events from before the shop started with Premura are history: known, never acted on. Says how many."""
    where = (_EVENT.c.processed_at.is_(None), _EVENT.c.occurred_at < before)
    some = select(_EVENT.c.id).where(*where).with_for_update(skip_locked=True)  # two who do so at once never wait
    return connection.execute(update(_EVENT).where(_EVENT.c.id.in_(some)).values(processed_at=now)).rowcount


def since(
    connection: Connection, customers: Collection[int], kinds: Collection[str], first: datetime
) -> dict[int, list[Stored]]:
    """The events of these kinds that happened to these customers at or after an instant, oldest first."""
    found: dict[int, list[Stored]] = {}
    if kinds:
        wanted = {"customers": listed(connection, customers), "kinds": listed(connection, kinds), "first": first}
        for row in connection.execute(_SINCE, wanted):
            found.setdefault(row.customer_id, []).append(stored(row))
    return found


def of_customer(connection: Connection, customer: int, until: datetime | None = None) -> list[Stored]:
    """A customer's events, oldest first.

    until: as it was at that instant: without what happened later, and what was decided on later is not processed.
    """
    query = select(_EVENT).where(_EVENT.c.customer_id == customer).order_by(_EVENT.c.occurred_at, _EVENT.c.id)
    if until is not None:
        query = query.where(_EVENT.c.occurred_at <= until)
    return [stored(row, until) for row in connection.execute(query)]


def stored(row: Row[Any], until: datetime | None = None) -> Stored:
    """The event of a row of its table; until: as it was at that instant, when it may not have been processed yet."""
    facts = Event(customer="", kind=row.kind, ext_key=row.ext_key, occurred_at=row.occurred_at, payload=row.payload)
    processed = row.processed_at is not None and (until is None or row.processed_at <= until)
    return Stored(id=row.id, source=row.source, customer_id=row.customer_id, facts=facts, processed=processed)
