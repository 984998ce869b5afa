"""Whose complaints are open: read from the events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from engine.store import tables
from engine.store.session import among

_EVENT = tables.table(tables.Event)
_OPENED, _RESOLVED = "complaint.opened", "complaint.resolved"


def open_complaints(connection: Connection, customers: Collection[int], until: datetime | None = None) -> set[int]:
    """Which of these customers have more complaints opened than resolved since; an answer to nothing does not count.

    until: as it was at that instant.
    """
    query = _in_order(until)
    open_now: dict[int, int] = {}
    for customer, kind, _ in connection.execute(query.where(among(connection, _EVENT.c.customer_id, customers))):
        open_now[customer] = _then(open_now.get(customer, 0), kind)
    return {customer for customer, number in open_now.items() if number}


def turns(connection: Connection, until: datetime) -> dict[int, list[tuple[datetime, bool]]]:
    """When everybody's complaints were opened or settled up to an instant, oldest first; and whether one was open then.

    Who never complained is left out.
    """
    number: dict[int, int] = defaultdict(int)
    found: dict[int, list[tuple[datetime, bool]]] = defaultdict(list)
    for customer, kind, at in connection.execute(_in_order(until)):
        number[customer] = _then(number[customer], kind)
        found[customer].append((at, number[customer] > 0))
    return dict(found)


def _in_order(until: datetime | None) -> Select[*tuple[Any, ...]]:
    query = select(_EVENT.c.customer_id, _EVENT.c.kind, _EVENT.c.occurred_at)
    query = query.where(_EVENT.c.kind.in_((_OPENED, _RESOLVED))).order_by(_EVENT.c.occurred_at, _EVENT.c.id)
    return query if until is None else query.where(_EVENT.c.occurred_at <= until)


def _then(number: int, kind: str) -> int:
    return max(0, number + (1 if kind == _OPENED else -1))
