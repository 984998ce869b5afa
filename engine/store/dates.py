"""Whose date may be meant, as sets: by what each is stored as, and a little too wide, because zones and texts differ.

Whoever is found is looked at one by one (`decide.dates`); nobody else is meant.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, between, extract, func, literal, not_, or_, select

from engine.store import tables
from engine.store.latest import SALE
from engine.store.listed import among

_CUSTOMER = tables.table(tables.Customer)
_EVENT = tables.table(tables.Event)
_TXN = tables.table(tables.Txn)
_CYCLE = 146_097  # days of 400 years, after which the calendar begins anew
_END = datetime.combine(date.max, time(0), UTC) - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """The days from `first` to `last`; if `yearly`, those of any year with the month and day of one of them."""

    first: date
    last: date
    yearly: bool = False

    @property
    def days(self) -> list[tuple[int, int]] | None:
        """The months and days that are meant; None for all."""
        if (self.last - self.first).days >= 366:
            return None
        every = (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))
        found = {(day.month, day.day) for day in every}
        return sorted(found | ({(2, 29)} if found & {(2, 28), (3, 1)} else set()))  # in other years it is one of them


def of_customers(
    connection: Connection, name: str, sought: Sought, *, today: date, keys: Collection[int] | None = None
) -> list[int]:
    """Customers of whom a date may be meant: ``birthday``, ``first_contact``, ``attributes.NAME``, ``first_purchase``,
    ``last_purchase`` or ``next_purchase``; of all, or of those with these keys. today: of the shop."""
    if name.endswith("_purchase"):
        return _by_purchases(connection, name.removesuffix("_purchase"), sought, today, keys)
    field = name.removeprefix("attributes.")
    if field != name:
        test = _in_text(_CUSTOMER.c.attributes[field].as_string(), sought)
    else:
        test = _in_days(_CUSTOMER.c["birthday" if name == "birthday" else "first_contact_on"], sought)
    return _keys(connection, select(_CUSTOMER.c.id).where(test), _CUSTOMER.c.id, keys)


def of_events(
    connection: Connection,
    kind: str,
    field: str,
    sought: Sought,
    *,
    now: datetime,
    keys: Collection[int] | None = None,
) -> list[int]:
    """Customers of whose last event of a kind the date may be meant: that of a field, or ``occurred_at`` for its time.

    An event is only found if no other of its kind has come after it by `now`.
    """
    if field == "occurred_at":
        test = _in_instants(_EVENT.c.occurred_at, sought)
    else:
        test = _in_text(_EVENT.c.payload[field].as_string(), sought)
    later = _EVENT.alias("later")
    newer = or_(
        later.c.occurred_at > _EVENT.c.occurred_at,
        and_(later.c.occurred_at == _EVENT.c.occurred_at, later.c.id > _EVENT.c.id),
    )
    same = and_(later.c.customer_id == _EVENT.c.customer_id, later.c.kind == kind, later.c.occurred_at <= now)
    query = select(_EVENT.c.customer_id).where(_EVENT.c.kind == kind, _EVENT.c.occurred_at <= now, test)
    last = ~select(literal(1)).select_from(later).where(same, newer).exists()
    return _keys(connection, query.where(last), _EVENT.c.customer_id, keys)


def _by_purchases(
    connection: Connection, which: str, sought: Sought, today: date, keys: Collection[int] | None
) -> list[int]:
    first, last = func.min(_TXN.c.day), func.max(_TXN.c.day)
    day = first if which == "first" else last
    test: ColumnElement[bool] | None
    if which == "next":
        test = func.count(_TXN.c.day.distinct()) >= 3
        if not sought.yearly:  # half of the gaps are as long as the median, so twice their mean is beyond it
            number = func.count(_TXN.c.day.distinct()) - 1
            late = 2 * (last - first) >= (sought.first.toordinal() - 2 - last) * number
            test = and_(test, last <= sought.last.toordinal(), late)
    elif not sought.yearly:
        test = between(day, sought.first.toordinal(), sought.last.toordinal())
    else:
        places = _places(sought.days)
        test = None if places is None else among(connection, day % _CYCLE, places)
    query = select(_TXN.c.customer_id).where(SALE).group_by(_TXN.c.customer_id)
    if which != "first":
        query = query.where(_TXN.c.day <= today.toordinal())
    return _keys(connection, query if test is None else query.having(test), _TXN.c.customer_id, keys)


def _places(days: list[tuple[int, int]] | None) -> list[int] | None:
    """Where these months and days lie in the calendar's cycle, as day numbers."""
    if days is None:
        return None
    leap = [(2, 29)] if (2, 29) in days else []
    found = [date(year, *day) for year in range(1, 401) for day in days if day != (2, 29)]
    found += [date(year, *day) for year in range(4, 401, 4) if year % 100 or not year % 400 for day in leap]
    return [day.toordinal() % _CYCLE for day in found]


def _in_days(column: ColumnElement[Any], sought: Sought) -> ColumnElement[bool]:
    if not sought.yearly:
        return column.between(sought.first, sought.last)
    if sought.days is None:
        return column.is_not(None)
    return (extract("month", column) * 100 + extract("day", column)).in_([100 * m + d for m, d in sought.days])


def _in_instants(column: ColumnElement[datetime], sought: Sought) -> ColumnElement[bool]:
    """By their days in UTC."""
    if sought.yearly:
        return _in_days(column, sought)
    first, last = (datetime.combine(day, time(0), UTC) for day in (sought.first, sought.last))
    return column.between(first, min(last, _END) + timedelta(days=1))


def _in_text(text: ColumnElement[str], sought: Sought) -> ColumnElement[bool]:
    """Of dates as JSON has them: whatever begins as 2026-03-09 by its signs, anything else in any case."""
    if not sought.yearly:
        digits = func.replace(func.substr(text, 1, 10), "-", "")  # which every collation orders alike
        first, last = (str(day).replace("-", "") for day in (sought.first, sought.last))
        meant = digits.between(first, last)
    elif sought.days is None:
        return text.is_not(None)
    else:
        meant = func.substr(text, 6, 5).in_([f"{month:02}-{day:02}" for month, day in sought.days])
    return or_(meant, not_(text.like("____-__-__%")))


def _keys(
    connection: Connection, query: Select[*tuple[Any, ...]], key: ColumnElement[int], keys: Collection[int] | None
) -> list[int]:
    if keys is not None:
        query = query.where(among(connection, key, keys))
    return list(connection.execute(query.order_by(key)).scalars().all())
