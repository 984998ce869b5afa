"""The dates that start rules: from what is known of a customer to the days on which a rule is meant. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, timedelta
from typing import Any

from engine.core.calendar import Duration, anniversary, local_date, moved, parse_duration
from engine.core.facts import Event
from engine.decide.situation import Situation
from engine.decide.vocabulary import Vocabulary, context

REPEATS = ("yearly", "once")
LEAP_DAYS = ("feb28", "mar1")
NO_SHIFT = Duration()
MOVING = ("customer.last_purchase", "customer.next_purchase")
"""Dates of customers that every purchase moves, as events move theirs: they come once unless a rule says otherwise."""
_ZONES = 3  # days by which a day as stored may lie beside the customer's own: zones are up to 26 hours apart
_MONTHS = 6  # and by which a shift by months, undone, may miss: month ends, leap days


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTrigger:
    """The date that a rule waits for.

    name: as the rule has it. kind: of the event that it comes from, or empty; the last one counts. reads: the name that
    holds the instant. shift: months and days from there to the date that is meant. in_march: 29 February is kept on
    1 March in common years.
    """

    name: str
    reads: str
    kind: str = ""
    yearly: bool = True
    shift: Duration = NO_SHIFT
    in_march: bool = False


def read(on: Mapping[str, Any], words: Vocabulary) -> DateTrigger | None:
    """The date trigger of an ``[on]`` table that was checked before; None when it has none that these words know."""
    name = on.get("date")
    if name not in words.dates:
        return None
    kind, reads = words.dates[name]
    return DateTrigger(
        name=name,
        reads=reads,
        kind=kind,
        yearly=on.get("repeat", usual_repeat(name, words)) == "yearly",
        shift=parse_duration(on.get("after", "P0D")),
        in_march=on.get("leap_day") == "mar1",
    )


def usual_repeat(name: str, words: Vocabulary) -> str:
    """Whether a date comes round if the rule says nothing: what the customer is does, what happened once does not."""
    return "once" if words.dates[name][0] or name in MOVING else "yearly"


def origin(trigger: DateTrigger, situation: Situation, words: Vocabulary) -> date | None:
    """The date that is meant, on the customer's calendar; yearly ones come round from it. situation: with the event."""
    if trigger.kind and (situation.event is None or situation.event.kind != trigger.kind):
        return None
    value: datetime | None = context(situation, words, [trigger.reads])[trigger.reads]
    try:
        return None if value is None else moved(local_date(value, situation.time_zone), trigger.shift)
    except (OverflowError, ValueError):
        return None  # beyond the calendar: 9999-12-31, as some systems write what has no end


def last_of(kind: str, events: Sequence[Event], now: datetime) -> Event | None:
    """The last event of a kind that has happened; events: oldest first."""
    return next((one for one in reversed(events) if one.kind == kind and one.occurred_at <= now), None)


def occurrences(trigger: DateTrigger, origin: date, first: date, last: date) -> list[tuple[date, int | None]]:
    """The days from `first` to `last` that are meant; of yearly ones with the full years since the origin."""
    if not trigger.yearly:
        return [(origin, None)] if first <= origin <= last else []
    years = range(max(first.year, origin.year + 1), last.year + 1)
    days = ((anniversary(origin, year, in_march=trigger.in_march), year - origin.year) for year in years)
    return [(day, since) for day, since in days if first <= day <= last]


def around(trigger: DateTrigger, origin: date, today: date) -> tuple[date | None, date | None]:
    """The last day before `today` that was meant, and the next from today on; of the last two years and for good."""
    first = origin if not trigger.yearly else date(max(today.year - 1, 1), 1, 1)
    until = date(min(max(today.year, origin.year) + 2, MAXYEAR), 12, 31)
    days = [day for day, _ in occurrences(trigger, origin, first, until)]
    return (
        max((day for day in days if day < today), default=None),
        min((day for day in days if day >= today), default=None),
    )


def has_moved(trigger: DateTrigger, origin: date | None, day: date, today: date) -> str | None:
    """Why a journey that began for a day has become pointless, or None when that day is still meant."""
    if origin is None:
        return f"{trigger.name} is not known any more"
    if occurrences(trigger, origin, day, day):
        return None
    return f"the date has moved to {around(trigger, origin, today)[1] or origin}"


def sought(trigger: DateTrigger, first: date, last: date) -> tuple[date, date]:
    """Between which days a value lies that may be meant from `first` to `last` (of any year, if it comes round).

    It is a little too wide, because zones and month ends differ; whoever lies between is looked at one by one.
    """
    back = Duration(months=-trigger.shift.months), Duration(days=-trigger.shift.days)
    spare = timedelta(days=_ZONES + (_MONTHS if trigger.shift != NO_SHIFT else 0))
    ends = []
    for day, sign, end in ((first, -1, date.min), (last, 1, date.max)):
        try:
            ends.append(moved(moved(day, back[1]), back[0]) + sign * spare)
        except (OverflowError, ValueError):
            ends.append(end)
    return ends[0], ends[1]
