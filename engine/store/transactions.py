"""Transactions: appended by ingest; `purchases` is how score reads them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from engine.core.calendar import local_date
from engine.core.facts import Transaction
from engine.store import rows, tables
from engine.store.in_order import appends
from engine.store.listed import among
from engine.store.session import in_chunks, insert_into

_TXN = tables.table(tables.Txn)
_DIRTY = tables.table(tables.DirtyCustomer)
_SAID = (
    "ext_key", "kind", "occurred_at", "amount_minor", "currency", "cost_minor", "reverses", "referral_code", "lines",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A transaction as stored: its key, its customer's key, and the facts that later rooms need."""

    id: int
    customer_id: int
    ext_key: str
    occurred_at: datetime
    amount_minor: int
    currency: str
    reverses: str | None
    referral_code: str


def add(
    connection: Connection, source: str, booked: Sequence[tuple[int, Transaction]], now: datetime, time_zone: str
) -> int:  # fmt: skip
    """Append transactions of customers by key and mark the customers dirty. Says how many were not known yet.

    time_zone: the shop's, which gives a transaction its calendar day, for good. A refund must not come before the sale
    of the same source and customer that it names; else it is one that names none.
    """
    if not booked:
        return 0
    appends(connection)
    facts = [fact for _, fact in booked]
    day_of = {at: local_date(at, time_zone).toordinal() for at in {fact.occurred_at for fact in facts}}
    days = [day_of[fact.occurred_at] for fact in facts]
    sale_days = _sale_days(connection, source, booked, days)
    columns = {
        "customer_id": [customer for customer, _ in booked],
        "day": days,
        "sale_day": [sale_days.get((customer, fact.reverses), 0) for customer, fact in booked],
        **{name: [getattr(fact, name) for fact in facts] for name in _SAID},
    }
    new = rows.add_columns(connection, _TXN, columns, {"source": source, "received_at": now})
    if new:
        _mark_dirty(connection, {customer for customer, _ in booked}, now)
    return new


def _sale_days(
    connection: Connection, source: str, booked: Sequence[tuple[int, Transaction]], days: Sequence[int]
) -> dict[tuple[int, str | None], int]:
    """The days of the sales that these transactions reverse, by customer and key; what is stored already goes first."""
    named = {fact.reverses for _, fact in booked if fact.reverses}
    if not named:
        return {}
    query = select(_TXN.c.customer_id, _TXN.c.ext_key, _TXN.c.day).where(_TXN.c.source == source, _TXN.c.kind == "sale")
    found: dict[tuple[int, str | None], int] = {}
    for some in in_chunks(named):
        for customer, key, day in connection.execute(query.where(_TXN.c.ext_key.in_(some))):
            found[customer, key] = day
    for (customer, fact), day in zip(booked, days, strict=True):
        if fact.ext_key in named and fact.kind == "sale":
            found.setdefault((customer, fact.ext_key), day)
    return found


def _mark_dirty(connection: Connection, customers: Collection[int], now: datetime) -> None:
    last = newest(connection)
    dirty = [{"customer_id": customer, "since": now, "txn_id": last} for customer in sorted(customers)]
    statement = insert_into(connection, _DIRTY)
    changed = {name: statement.excluded[name] for name in ("since", "txn_id")}
    connection.execute(statement.on_conflict_do_update(index_elements=["customer_id"], set_=changed), dirty)


def newest(connection: Connection) -> int:
    """The key of the transaction that was stored last, 0 when there is none."""
    return connection.execute(select(func.max(_TXN.c.id))).scalar() or 0


def by_keys(connection: Connection, source: str, keys: Collection[str]) -> dict[str, Stored]:
    """The transactions with these keys of that source."""
    query = _stored().where(_TXN.c.source == source, among(connection, _TXN.c.ext_key, keys))
    return {row.ext_key: _from(row) for row in connection.execute(query)} if keys else {}


def first_of(connection: Connection, customers: Collection[int]) -> dict[int, datetime]:
    """When each of these customers first bought something."""
    query = select(_TXN.c.customer_id, func.min(_TXN.c.occurred_at)).where(_TXN.c.kind == "sale")
    found: dict[int, datetime] = {}
    for some in in_chunks(customers):
        each = connection.execute(query.where(_TXN.c.customer_id.in_(some)).group_by(_TXN.c.customer_id))
        found.update(dict(each.all()))
    return found


def of_customer(connection: Connection, customer: int) -> list[Stored]:
    """A customer's transactions, oldest first."""
    query = _stored().where(_TXN.c.customer_id == customer).order_by(_TXN.c.occurred_at, _TXN.c.id)
    return [_from(row) for row in connection.execute(query)]


def count(connection: Connection) -> int:
    """How many transactions there are."""
    return connection.execute(select(func.count()).select_from(_TXN)).scalar_one()


def _stored() -> Select[*tuple[Any, ...]]:
    names = ("id", "customer_id", "ext_key", "occurred_at", "amount_minor", "currency", "reverses", "referral_code")
    return select(*(_TXN.c[name] for name in names))


def _from(row: Row[*tuple[Any, ...]]) -> Stored:
    key, customer, ext_key, occurred_at, amount, currency, reverses, code = row
    return Stored(
        id=key,
        customer_id=customer,
        ext_key=ext_key,
        occurred_at=occurred_at,
        amount_minor=amount,
        currency=currency,
        reverses=reverses,
        referral_code=code,
    )
