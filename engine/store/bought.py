"""Purchases that end journeys or let steps go on: which those are, and what somebody bought since an instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, String, Text, bindparam, cast, func, literal_column, select

from engine.core.actions import PURCHASE, State
from engine.core.facts import Event
from engine.store import tables
from engine.store.latest import SALE
from engine.store.listed import listed, one_of

_ACTION = tables.table(tables.Action)
_JOURNEY = tables.table(tables.Journey)
_TXN = tables.table(tables.Txn)
_STILL = _JOURNEY.c.state + "" == "active"  # found by the customer: SQLite would go through all that are under way
_STOPS = cast(_JOURNEY.c.stop_on, Text).contains(f'"{PURCHASE}"', autoescape=True)
_AWAITS = (_ACTION.c.awaits != literal_column("''", String)) & (_ACTION.c.awaits == PURCHASE)  # by the partial index

_SINCE = (
    select(_TXN.c.customer_id, _TXN.c.occurred_at)
    .where(one_of(_TXN.c.customer_id, "customers"), SALE, _TXN.c.occurred_at >= bindparam("first"))
    .order_by(_TXN.c.occurred_at, _TXN.c.id)
)  # made once, for it is asked again and again


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A journey that a purchase ends: the first since it began, on a day of the shop (date.toordinal)."""

    journey: int
    customer: int
    day: int


def stopped(connection: Connection, after: int, until: int) -> list[Stopped]:
    """The journeys under way that end with one of the transactions whose keys lie beyond `after`, up to `until`."""
    since = _JOURNEY.c.customer_id == _TXN.c.customer_id
    began = (_TXN.c.occurred_at > _JOURNEY.c.anchor_at) | (_TXN.c.occurred_at > _JOURNEY.c.started_at)
    query = (
        select(_JOURNEY.c.id, _JOURNEY.c.customer_id, func.min(_TXN.c.day))
        .select_from(_TXN.join(_JOURNEY, since))
        .where(_TXN.c.id > after, _TXN.c.id <= until, SALE, _STILL, _STOPS, began)
        .group_by(_JOURNEY.c.id, _JOURNEY.c.customer_id)
    )
    return [Stopped(journey=key, customer=who, day=day) for key, who, day in connection.execute(query)]


def since(connection: Connection, customers: Collection[int], first: datetime) -> dict[int, list[datetime]]:
    """When these customers bought something at or after an instant, oldest first."""
    found: dict[int, list[datetime]] = defaultdict(list)
    for who, at in connection.execute(_SINCE, {"customers": listed(connection, customers), "first": first}):
        found[who].append(at)
    return found


def awaiting(connection: Connection, after: int, until: int) -> set[int]:
    """Customers with a step that waits for a purchase, and a sale in its time whose key lies beyond `after`, up to
    `until`: of all that a shop ever sold, which it may take in at once, few are.

    Whether it is what the step waits for is another question.
    """
    waits = (_ACTION.c.customer_id == _TXN.c.customer_id) & _AWAITS & (_ACTION.c.state + "" == State.WAITING)
    began = (_JOURNEY.c.id == _ACTION.c.journey_id) & (_TXN.c.occurred_at > _JOURNEY.c.anchor_at)
    query = select(_TXN.c.customer_id).distinct().select_from(_TXN.join(_ACTION, waits).join(_JOURNEY, began))
    new = (_TXN.c.id > after, _TXN.c.id <= until, SALE, _TXN.c.occurred_at <= _ACTION.c.due_at)
    return set(connection.execute(query.where(*new)).scalars())


def awaited(
    connection: Connection, asked: Sequence[ColumnElement[Any]], which: ColumnElement[bool], now: datetime
) -> Iterator[tuple[Row[Any], Event]]:
    """Sales that such waiting actions may wait for, the first one first: what is `asked` of action and journey, and the
    sale as an event, with its `amount_minor` and `currency`."""
    in_time = (_TXN.c.occurred_at > _JOURNEY.c.anchor_at) & (_TXN.c.occurred_at <= _ACTION.c.due_at)
    query = (
        select(*asked, *(_TXN.c[name] for name in ("ext_key", "occurred_at", "amount_minor", "currency")))
        .join(_JOURNEY, _JOURNEY.c.id == _ACTION.c.journey_id)
        .join(_TXN, (_TXN.c.customer_id == _ACTION.c.customer_id) & SALE & in_time)
        .where(which, _AWAITS, _TXN.c.occurred_at <= now)
        .order_by(_ACTION.c.id, _TXN.c.occurred_at, _TXN.c.id)
    )
    for row in connection.execute(query):
        paid = {"amount_minor": row.amount_minor, "currency": row.currency}
        at = row.occurred_at
        yield row, Event(customer="", kind=PURCHASE, ext_key=row.ext_key, occurred_at=at, payload=paid)
