"""Whose complaints are open: read from the events."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from engine.store import tables
from engine.store.session import among

_EVENT = tables.table(tables.Event)
_OPENED, _RESOLVED = "complaint.opened", "complaint.resolved"


def open_complaints(connection: Connection, customers: Collection[int], until: datetime | None = None) -> set[int]:
    """Which of these customers have more complaints opened than resolved since; an answer to nothing does not count.

    until: as it was at that instant.
    """
    query = select(_EVENT.c.customer_id, _EVENT.c.kind).where(_EVENT.c.kind.in_((_OPENED, _RESOLVED)))
    if until is not None:
        query = query.where(_EVENT.c.occurred_at <= until)
    query = query.order_by(_EVENT.c.occurred_at, _EVENT.c.id)
    open_now: dict[int, int] = {}
    for customer, kind in connection.execute(query.where(among(connection, _EVENT.c.customer_id, customers))):
        open_now[customer] = max(0, open_now.get(customer, 0) + (1 if kind == _OPENED else -1))
    return {customer for customer, number in open_now.items() if number}
