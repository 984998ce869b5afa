"""One customer at one instant, as a condition sees it, and how a stored value becomes one that it can compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from math import inf, isfinite
from typing import Any, Protocol

from engine.core import calendar
from engine.core.condition import INT64, Type, Value
from engine.core.facts import Customer, Happening, Score


class Earlier(Protocol):
    """The values of the score before the current one; None where there was none. A `Score` will do."""

    @property
    def p_alive(self) -> float | None: ...
    @property
    def clv_minor(self) -> int | None: ...
    @property
    def percentile(self) -> float | None: ...
    @property
    def tier(self) -> str | None: ...


@dataclass(slots=True, kw_only=True)
class Situation:
    """What the names of a condition are read from. Nobody changes one; it is made for every event, and to freeze it
    would take four times as long.

    `time_zone` and `currency` are the customer's zone (or else the shop's) and the shop's currency; `event` is the one
    that started the rule; `purchase_days` are the days with a sale, in order, as date.toordinal; `history` answers the
    questions about the history (`core.lookback`) by their names.
    """

    customer: Customer
    now: datetime
    time_zone: str
    currency: str
    score: Score | None = None
    previous: Earlier | None = None
    event: Happening | None = None
    first_purchase_at: datetime | None = None
    last_purchase_at: datetime | None = None
    purchase_days: Sequence[int] = ()
    has_open_complaint: bool = False
    history: Mapping[str, Value] = field(default_factory=dict)


@dataclass(kw_only=True)
class Situations:
    """Many customers at one instant, column by column: whatever can be read of all of them at once.

    zones: of each; known: values by their names; events: those that started the rules, all of one kind, or empty where
    there are none; alone: makes one of them a `Situation`, for what is read from each.
    """

    now: datetime
    zones: Sequence[str]
    known: Mapping[str, Sequence[Any]]
    events: Sequence[Happening]
    alone: Callable[[int], Situation]

    @cached_property
    def each(self) -> list[Situation]:
        """All of them, one by one."""
        return list(map(self.alone, range(len(self.zones))))

    @cached_property
    def clocks(self) -> dict[str, datetime]:
        """What the clocks of each zone show."""
        return {tz: calendar.local_time(self.now, tz) for tz in set(self.zones)}


def converted(values: Sequence[Any], kind: Type, zones: Sequence[str]) -> list[Value | None]:
    """The same as `convert` of each; what is of its type already, as most is, stays as it is."""
    both = zip(values, zones, strict=True)
    if kind is Type.DOUBLE:
        return [one if type(one) is float and -inf < one < inf else convert(one, kind, tz) for one, tz in both]
    if kind is Type.STRING:
        return [one if type(one) is str and one else convert(one, kind, tz) for one, tz in both]
    return [convert(one, kind, tz) for one, tz in both]


def convert(value: Any, kind: Type, tz: str) -> Value | None:
    """A JSON value as the declared type, or None where it does not fit: what cannot be compared counts as missing.

    Numbers and instants may come as text, because that is what a CSV file holds. A date is its first instant in `tz`,
    and so is read a date and time without a zone.
    """
    if value is None or value == "" or isinstance(value, list | dict):
        return None
    try:
        return _CONVERT[kind](value, tz)
    except (ValueError, OverflowError):
        return None


def _double(value: Any, _: str) -> float | None:
    number = float(value)
    return number if isfinite(number) and not isinstance(value, bool) else None


def _int(value: Any, _: str) -> int | None:
    number = int(value)
    return number if number in INT64 and not isinstance(value, bool) and number == float(value) else None


def _string(value: Any, _: str) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _bool(value: Any, _: str) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())


def _timestamp(value: Any, tz: str) -> datetime:
    instant = datetime.fromisoformat(str(value))
    return calendar.aware(instant) if instant.tzinfo else calendar.at_local(instant.date(), instant.time(), tz)


_CONVERT = {Type.DOUBLE: _double, Type.INT: _int, Type.STRING: _string, Type.BOOL: _bool, Type.TIMESTAMP: _timestamp}


def begins(day: date | None, tz: str) -> datetime | None:
    """The first instant of a day on the clocks of `tz`."""
    return None if day is None else calendar.at_local(day, time(0), tz)


def full_years(since: date | None, today: date) -> int | None:
    """How many anniversaries of `since` have come, the one of today included."""
    if since is None:
        return None
    return today.year - since.year - (calendar.anniversary(since, today.year) > today)
