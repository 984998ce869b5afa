"""What lift is read from: who was drawn into the groups that are compared, who lives together, what they paid."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Text, cast, or_, select

from engine.core.answers import answers, short
from engine.store import tables
from engine.store.listed import among

_CUSTOMER = tables.table(tables.Customer)
_DECISION = tables.table(tables.Decision)
_TXN = tables.table(tables.Txn)
_VERSION = tables.table(tables.RuleVersion)
_PAGE = 10_000


class Drawn(NamedTuple):
    """An answer about a customer who is in one of the groups; arm: as `engine.core.arms` explains."""

    rule: str
    customer: int
    at: datetime
    arm: str


class Paid(NamedTuple):
    """A sale, or what was given back. cost_minor: what the sale cost the shop, where that is known."""

    customer: int
    at: datetime
    amount_minor: int
    cost_minor: int | None
    source: str
    ext_key: str
    reverses: str | None


def drawn(connection: Connection) -> Iterator[Drawn]:
    """All such answers, in the order in which they were stored; whoever was in none of the groups is left out."""
    rules = {short(row.hash): row.rule_id for row in connection.execute(select(_VERSION.c.hash, _VERSION.c.rule_id))}
    text = cast(_DECISION.c.answers, Text)
    named = or_(text.contains("holdout"), text.contains("comparison"))
    columns = (_DECISION.c.id, _DECISION.c.customer_id, _DECISION.c.decided_at, _DECISION.c.answers)
    query, last = select(*columns).where(named).order_by(_DECISION.c.id).limit(_PAGE), 0
    while some := connection.execute(query.where(_DECISION.c.id > last)).all():
        for last, customer, at, kept in some:  # noqa: B007 - the next page begins behind the last of this one
            for one in answers(kept):
                if "holdout" in one.arm or "comparison" in one.arm:
                    yield Drawn(rule=rules[one.version], customer=customer, at=at, arm=one.arm)


def paid(connection: Connection, customers: Collection[int], currency: str) -> Iterator[Paid]:
    """What these customers paid and got back in a currency: customer by customer, the oldest first."""
    names = ("customer_id", "occurred_at", "amount_minor", "cost_minor", "source", "ext_key", "reverses")
    query = select(*(_TXN.c[name] for name in names)).where(
        among(connection, _TXN.c.customer_id, customers), _TXN.c.currency == currency
    )
    for row in connection.execute(query.order_by(_TXN.c.customer_id, _TXN.c.occurred_at, _TXN.c.id)):
        yield Paid(*row)


def households(connection: Connection, customers: Collection[int]) -> dict[int, str]:
    """Who of these customers lives in which household; who stands alone is left out."""
    lives = among(connection, _CUSTOMER.c.id, customers) & (_CUSTOMER.c.household != "")
    return dict(connection.execute(select(_CUSTOMER.c.id, _CUSTOMER.c.household).where(lives)).all())
