"""Purchases that end journeys: which journeys those are, and what somebody bought since an instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, cast, func, select

from engine.core.actions import PURCHASE
from engine.store import tables
from engine.store.latest import SALE
from engine.store.listed import listed, one_of

_JOURNEY = tables.table(tables.Journey)
_TXN = tables.table(tables.Txn)
_STILL = _JOURNEY.c.state + "" == "active"  # found by the customer: SQLite would go through all that are under way
_STOPS = cast(_JOURNEY.c.stop_on, Text).contains(f'"{PURCHASE}"', autoescape=True)

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
