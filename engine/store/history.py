"""What conditions ask about customers' history: `core.lookback` in SQL, for everybody who is in a statement at once.

An event or a transaction counts from the instant at which it occurred, what is dated ahead not yet. A purchase is a
sale, also one in another currency; sums are of the shop's currency, and what was given back in the period goes off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Select, bindparam, case, cast, exists, func, literal, select

from engine.core.condition import Value
from engine.core.lookback import ABOUT_EVENTS, Lookback
from engine.core.money import exponent
from engine.store import tables
from engine.store.listed import paired, pairs

_CUSTOMER = tables.table(tables.Customer)
_EVENT = tables.table(tables.Event)
_TXN = tables.table(tables.Txn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """When questions are asked, and by which shop.

    time_zone: the shop's, which is that of customers without one. zones: those of the customers.
    """

    now: datetime
    currency: str
    time_zone: str
    zones: Collection[str] = ()


def zones(connection: Connection) -> list[str]:
    """The time zones of all customers, without the empty one."""
    query = select(_CUSTOMER.c.time_zone).where(_CUSTOMER.c.time_zone != "").distinct()
    return list(connection.execute(query).scalars())


def answers(
    connection: Connection, asked: Collection[Lookback], customers: Mapping[int, str], past: Past
) -> dict[int, dict[str, Value]]:
    """The answer to each question for each of these customers (key -> time zone), by its name: one statement each.

    `past.zones` is not read: those of the customers are given.
    """
    found: dict[int, dict[str, Value]] = {key: {} for key in customers}
    if not asked or not customers:
        return found
    whom, given = paired(connection.dialect.name), pairs(connection, customers.items())
    for one in asked:
        answer = _column(one, whom.c.number, whom.c.text, past, customers.values())
        for key, value in connection.execute(select(whom.c.number, answer), given):
            found[key][one.name] = value
    return found


def columns(
    asked: Collection[Lookback], customer: ColumnElement[int], zone: ColumnElement[str], past: Past
) -> dict[str, ColumnElement[Any]]:
    """The answers by name, of the customers of a statement by the columns of their keys and zones."""
    return {one.name: _column(one, customer, zone, past, past.zones) for one in asked}


def _column(
    one: Lookback, customer: ColumnElement[int], zone: ColumnElement[str], past: Past, zones: Collection[str]
) -> ColumnElement[Any]:
    table = _EVENT if one.function in ABOUT_EVENTS else _TXN
    inside = [table.c.customer_id == customer, table.c.occurred_at <= past.now]
    if one.period:
        inside.append(table.c.occurred_at > _since(one, zone, past, zones))
    match one.function:
        case "has_event":
            return exists(select(1).where(_EVENT.c.kind == one.kind, *inside).correlate_except(table))
        case "count_events":
            return _single(select(func.count()).where(_EVENT.c.kind == one.kind, *inside), table)
        case "count_purchases":
            return _single(select(func.count()).where(_TXN.c.kind == "sale", *inside), table)
        case "sum_purchases":
            # of doubles: exact up to 2^53, and whole numbers that grow beyond 64 bits are an error for SQLite
            total = func.coalesce(func.sum(cast(_TXN.c.amount_minor, Double)), 0.0)
            whole = total / 10.0 ** exponent(past.currency)
            return _single(select(whole).where(_TXN.c.currency == past.currency, *inside), table)


def _single(query: Select[Any], table: Any) -> ColumnElement[Any]:
    return query.select_from(table).correlate_except(table).scalar_subquery()


def _since(one: Lookback, zone: ColumnElement[str], past: Past, zones: Collection[str]) -> ColumnElement[datetime]:
    """After which instant the period begins for a customer; there are few such instants, however many the zones."""
    found: dict[datetime | None, set[str]] = defaultdict(set)
    for name in {*zones, past.time_zone}:
        found[one.since(past.now, name or past.time_zone)].add(name)
    (usual, _), *others = sorted(found.items(), key=lambda each: past.time_zone not in each[1])

    def instant(value: datetime | None) -> ColumnElement[datetime]:
        return literal(value, _EVENT.c.occurred_at.type)

    def listed(names: Collection[str]) -> ColumnElement[bool]:
        # written into the statement: so many names may be more values than an old SQLite binds
        return zone.in_(bindparam(None, sorted(names), expanding=True, literal_execute=True))

    whens = [(listed(names), instant(value)) for value, names in others]
    return case(*whens, else_=instant(usual)) if whens else instant(usual)
