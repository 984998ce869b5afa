"""One customer at one instant, as a condition sees it, and how a stored value becomes one that it can compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from math import isfinite
from typing import Any, Protocol

from engine.core import calendar
from engine.core.condition import INT64, Type, Value
from engine.core.facts import Customer, Event, Score


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
    event: Event | None = None
    first_purchase_at: datetime | None = None
    last_purchase_at: datetime | None = None
    purchase_days: Sequence[int] = ()
    has_open_complaint: bool = False
    history: Mapping[str, Value] = field(default_factory=dict)


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
