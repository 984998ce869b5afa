"""What customers did last, and who did something since somebody last looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select, union

from engine.store import events, tables
from engine.store.in_order import await_appends
from engine.store.listed import among
from engine.store.session import Store

_CUSTOMER = tables.table(tables.Customer)
_EVENT = tables.table(tables.Event)
_TXN = tables.table(tables.Txn)
SALE = _TXN.c.amount_minor >= 0  # a transaction's kind is its sign, and the sign is in the index


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """How far the log goes: the keys of its newest event and transaction, 0 for none."""

    event: int = 0
    txn: int = 0


def newest(connection: Connection) -> Newest:
    """How far the log goes now."""
    event, txn = (connection.execute(select(func.max(one.c.id))).scalar() or 0 for one in (_EVENT, _TXN))
    return Newest(event=event, txn=txn)


def settled(store: Store) -> Newest:
    """How far the log goes now, so that nothing will come to be there behind it: what a mark may remember."""
    with store.read() if store.is_sqlite else store.write() as connection:  # which sees what is committed meanwhile
        await_appends(connection)
        return newest(connection)


def touched(connection: Connection, since: datetime, beyond: Newest, *, kind: str = "", limit: int) -> list[int]:
    """Customers who were changed after an instant or, beyond a place in the log, bought something or had an event of
    the kind; so many at most."""
    parts = [select(_CUSTOMER.c.id).where(_CUSTOMER.c.updated_at > since)]
    if kind:
        parts.append(select(_EVENT.c.customer_id).where(_EVENT.c.id > beyond.event, _EVENT.c.kind == kind))
    else:
        parts.append(select(_TXN.c.customer_id).where(_TXN.c.id > beyond.txn))
    return list(connection.execute(union(*parts).limit(limit)).scalars().all())


def last_events(
    connection: Connection, kind: str, customers: Collection[int], now: datetime
) -> dict[int, events.Stored]:
    """The last event of a kind that had happened to each of these customers by `now`; of several at once the newest."""
    wanted = (_EVENT.c.kind == kind, _EVENT.c.occurred_at <= now, among(connection, _EVENT.c.customer_id, customers))
    place = func.row_number().over(
        partition_by=_EVENT.c.customer_id, order_by=(_EVENT.c.occurred_at.desc(), _EVENT.c.id.desc())
    )
    ordered = select(_EVENT.c.id, place.label("place")).where(*wanted).subquery()
    query = select(_EVENT).join(ordered, ordered.c.id == _EVENT.c.id).where(ordered.c.place == 1)
    return {row.customer_id: events.stored(row) for row in connection.execute(query)}


def last_purchases(connection: Connection, customers: Collection[int], today: date) -> dict[int, datetime]:
    """When each of these customers last bought something, up to and including a day of the shop."""
    query = select(_TXN.c.customer_id, func.max(_TXN.c.occurred_at)).where(
        among(connection, _TXN.c.customer_id, customers), _TXN.c.day <= today.toordinal(), SALE
    )
    return dict(connection.execute(query.group_by(_TXN.c.customer_id)).all())


def purchase_days(connection: Connection, customers: Collection[int], today: date) -> dict[int, list[int]]:
    """The days with a sale of each of these customers up to and including a day of the shop, in order, each once."""
    query = select(_TXN.c.customer_id, _TXN.c.day).distinct()
    wanted = (among(connection, _TXN.c.customer_id, customers), _TXN.c.day <= today.toordinal(), SALE)
    found: dict[int, list[int]] = defaultdict(list)
    for customer, day in connection.execute(query.where(*wanted).order_by(_TXN.c.customer_id, _TXN.c.day)):
        found[customer].append(day)
    return found
