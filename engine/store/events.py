"""Events: appended by ingest, and never changed; which of them are new is told in new_events."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from engine.core.facts import Event
from engine.store import new_events, rows, tables
from engine.store.in_order import appends
from engine.store.listed import among, listed, one_of
from engine.store.written import Values

_EVENT = tables.table(tables.Event)
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
    if not columns["ext_key"]:
        return 0
    appends(connection)
    keys = rows.next_keys(connection, _EVENT, len(columns["ext_key"]))
    if connection.dialect.name != "sqlite":  # which gives the same
        columns = {"id": keys, **columns}
    number = rows.add_columns(connection, _EVENT, columns, {"source": source, "received_at": now})
    new_events.add(connection, keys)
    return number


def by_keys(connection: Connection, source: str, keys: Collection[str]) -> dict[str, Stored]:
    """The events with these keys of that source."""
    query = select(_EVENT).where(_EVENT.c.source == source, among(connection, _EVENT.c.ext_key, keys))
    return {row.ext_key: stored(row) for row in connection.execute(query)} if keys else {}


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
    """A customer's events, oldest first. until: without what happened later."""
    query = select(_EVENT).where(_EVENT.c.customer_id == customer).order_by(_EVENT.c.occurred_at, _EVENT.c.id)
    if until is not None:
        query = query.where(_EVENT.c.occurred_at <= until)
    return [stored(row) for row in connection.execute(query)]


def stored(row: Row[Any]) -> Stored:
    """The event of a row of its table."""
    facts = Event(customer="", kind=row.kind, ext_key=row.ext_key, occurred_at=row.occurred_at, payload=row.payload)
    return Stored(id=row.id, source=row.source, customer_id=row.customer_id, facts=facts)
