"""Whose complaints are open: read from the events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from engine.store import tables
from engine.store.listed import listed, one_of

_EVENT = tables.table(tables.Event)
_OPENED, _RESOLVED = "complaint.opened", "complaint.resolved"
_IN_ORDER = (
    select(_EVENT.c.customer_id, _EVENT.c.kind, _EVENT.c.occurred_at)
    .where(_EVENT.c.kind.in_((_OPENED, _RESOLVED)))
    .order_by(_EVENT.c.occurred_at, _EVENT.c.id)
)
_OF_SOME = _IN_ORDER.where(one_of(_EVENT.c.customer_id))


def open_complaints(connection: Connection, customers: Collection[int], until: datetime | None = None) -> set[int]:
    """Which of these customers have more complaints opened than resolved since; an answer to nothing does not count.

    until: as it was at that instant.
    """
    query = _OF_SOME if until is None else _OF_SOME.where(_EVENT.c.occurred_at <= until)
    open_now: dict[int, int] = {}
    for customer, kind, _ in connection.execute(query, {"keys": listed(connection, customers)}):
        open_now[customer] = _then(open_now.get(customer, 0), kind)
    return {customer for customer, number in open_now.items() if number}


def turns(connection: Connection, until: datetime) -> dict[int, list[tuple[datetime, bool]]]:
    """When everybody's complaints were opened or settled up to an instant, oldest first; and whether one was open then.

    Who never complained is left out.
    """
    number: dict[int, int] = defaultdict(int)
    found: dict[int, list[tuple[datetime, bool]]] = defaultdict(list)
    for customer, kind, at in connection.execute(_IN_ORDER.where(_EVENT.c.occurred_at <= until)):
        number[customer] = _then(number[customer], kind)
        found[customer].append((at, number[customer] > 0))
    return dict(found)


def _then(number: int, kind: str) -> int:
    return max(0, number + (1 if kind == _OPENED else -1))
