"""Local time: the one place, besides the edges, where it exists.

Instants are aware UTC everywhere else. Policy: a local time in a daylight-saving gap moves to the first valid instant,
one in a fold happens once, the earlier; 29 February is kept on 28 February in common years, or on 1 March by wish.
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import repeat
from operator import sub
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ISO_DURATION = re.compile(
    "P(?=.)(?:(N)Y)?(?:(N)M)?(?:(N)W)?(?:(N)D)?(?:T(?=.)(?:(N)H)?(?:(N)M)?(?:(N)S)?)?".replace("N", "[0-9]{1,10}")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """An ISO 8601 duration: months and days are calendar units (local), seconds are exact."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    def __str__(self) -> str:
        day_part = _said(self.months, Y=12, M=1) + _said(self.days, D=1)
        time_part = _said(self.seconds, H=3600, M=60, S=1)
        return "P" + (day_part + ("T" + time_part if time_part else "") or "0D")


def _said(number: int, **units: int) -> str:
    """A number in units, the largest first; one below zero has each of them below zero."""
    words, sign, rest = "", -1 if number < 0 else 1, abs(number)
    for name, size in units.items():
        many, rest = divmod(rest, size)
        words += f"{sign * many}{name}" if many else ""
    return words


@lru_cache(maxsize=1024)  # the same one for all that say the same
def parse_duration(text: str) -> Duration:
    """Read ``P1D``, ``P2W``, ``P1Y6M``, ``PT4H`` (ISO 8601-1:2019, 5.5.2), up to a century. Raises ValueError."""
    match = _ISO_DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is not a duration such as P1D (a day), P2W (two weeks) or PT4H (four hours)")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    found = Duration(months=12 * years + months, days=7 * weeks + days, seconds=3600 * hours + 60 * minutes + seconds)
    if found.months / 12 + found.days / 365 + found.seconds / 31_536_000 > 100:
        raise ValueError(f"'{text}' is longer than a century")
    return found


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises ValueError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is not a time zone such as Europe/Rome") from None


def aware(instant: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant.astimezone(UTC)


def at_local(day: date, clock: time, tz: str) -> datetime:
    """The UTC instant at which the clocks of `tz` show `clock` on `day`; see the module for gaps and folds."""
    ahead = _ahead_all_day(day, tz)
    if ahead is not None:
        return datetime.combine(day, clock, UTC) - ahead
    here = zone(tz)
    wall = datetime.combine(day, clock.replace(fold=0))  # fold=0: the earlier of two
    instant = wall.replace(tzinfo=here).astimezone(UTC)
    if instant.astimezone(here).replace(tzinfo=None) == wall:
        return instant
    # In a gap: fold=0 used the offset before it, so `instant` lies behind the jump by as much as `clock` lies in the
    # gap; the jump itself is where the offset changes.
    before, after = instant - timedelta(hours=26), instant
    old = before.astimezone(here).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(here).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def at_locals(walls: Sequence[datetime], tz: str) -> list[datetime]:
    """The UTC instants at which the clocks of `tz` show these dates and times, each as `at_local` has it.

    walls: as if they were UTC, which spares to make each of them twice.
    """
    days = list(map(datetime.date, walls))
    ahead = {day: _ahead_all_day(day, tz) for day in set(days)}
    shifts = set(ahead.values())
    if len(shifts) == 1 and (shift := shifts.pop()) is not None:
        return list(map(sub, walls, repeat(shift)))
    return [
        at_local(day, wall.time(), tz) if (shift := ahead[day]) is None else wall - shift
        for day, wall in zip(days, walls, strict=True)
    ]


@lru_cache(maxsize=4096)
def _ahead_all_day(day: date, tz: str) -> timedelta | None:
    """How far the clocks of `tz` are ahead of UTC from the first hour of a day to its last; None when they change."""
    if day in (date.min, date.max):
        return None
    here, midnight = zone(tz), datetime.combine(day, time(0))
    offsets = {(midnight + timedelta(hours=hour)).replace(tzinfo=here).utcoffset() for hour in range(-3, 28)}
    return offsets.pop() if len(offsets) == 1 else None


@lru_cache(maxsize=4096)
def local_time(instant: datetime, tz: str) -> datetime:
    """The instant on the clocks of `tz`."""
    return instant.astimezone(zone(tz))


def local_date(instant: datetime, tz: str) -> date:
    """The date on the wall of `tz` at that instant."""
    return local_time(instant, tz).date()


@lru_cache(maxsize=4096)  # a hundred rules ask it of one event
def add(instant: datetime, duration: Duration, tz: str) -> datetime:
    """`instant` plus a duration: months and days move on the local calendar at the same clock time, seconds exactly.

    A day that the month does not have becomes its last day (31 January plus a month is 28 or 29 February).
    """
    if duration.months or duration.days:
        here = instant.astimezone(zone(tz))
        day = moved(here.date(), duration)
        if day != here.date():
            instant = at_local(day, here.time(), tz)
    return instant + timedelta(seconds=duration.seconds)


def month(instant: datetime, tz: str) -> tuple[datetime, datetime]:
    """The first instant of the month that `instant` lies in on the calendar of `tz`, and that of the next month."""
    first = local_date(instant, tz).replace(day=1)
    while True:
        following = (first + timedelta(days=32)).replace(day=1)
        begin, end = (at_local(day, time(0), tz) for day in (first, following))
        if instant < end:
            return begin, end
        first = following  # the clocks went back over midnight into a month that had ended


def moved(day: date, duration: Duration) -> date:
    """`day` plus the months, then the days of a duration, which may be negative.

    A day that the month does not have becomes its last. Raises OverflowError or ValueError outside the calendar.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + duration.months, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last)) + timedelta(days=duration.days)


def anniversary(origin: date, year: int, *, in_march: bool = False) -> date:
    """The day in `year` on which `origin` is kept: 29 February on the 28th in a common year, or on 1 March."""
    if (origin.month, origin.day) == (2, 29) and not isleap(year):
        return date(year, 3, 1) if in_march else date(year, 2, 28)
    return origin.replace(year=year)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days of the week (0 is Monday) and clock times, in the customer's zone, in which something may go out."""

    days: frozenset[int] = frozenset(range(7))
    start: time = time(0, 0)
    end: time = time(23, 59, 59)


def parse_days(text: str) -> frozenset[int]:
    """Read ``mon-fri``, ``sat``, ``mon,wed,fri`` or ``sat-mon``. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if first not in DAYS or (last if dash else first) not in DAYS:
            raise ValueError(f"'{text}' is not a list of days such as mon-sat or mon,wed,fri")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(found)


def openings(window: Window, instant: datetime, tz: str, days: int) -> Iterator[tuple[date, datetime, datetime]]:
    """When `window` is open on the clocks of `tz`, from `instant` on: the day, the first and the last instant of each.

    days: how many days of the calendar are looked at, today's included.
    """
    today = local_date(instant, tz)
    for ahead in range(days):
        day = today + timedelta(days=ahead)
        if day.weekday() not in window.days:
            continue
        opens, closes = at_local(day, window.start, tz), at_local(day, window.end, tz)
        if local_date(opens, tz) != day:
            continue  # there was no such day, as on Samoa's 30 December 2011, or it ended in a gap before that hour
        if local_date(closes, tz) != day:
            closes -= timedelta(microseconds=1)  # it ends in a gap, as in Nuuk in March: the jump is the next day's
        if instant <= closes:
            yield day, max(opens, instant), closes


def next_in(window: Window, instant: datetime, tz: str) -> datetime:
    """The first instant at or after `instant` that lies in `window` on the clocks of `tz`."""
    # Two weeks and a day: the one day of the window may be one that the zone skipped.
    for _, opens, _ in openings(window, instant, tz, days=16):
        return opens
    raise ValueError("the window has no days")
