"""Every time zone of the world over two decades: what comes every day or every year comes exactly once.

Around each change of a zone's clocks every day is checked at many times of the day, other days are sampled; a few zones
are lived through day by day. The decades hold what clocks do to calendars: a day that Samoa and Tokelau never had
(30 December 2011), hours that are missing at midnight (Beirut, Nuuk), jumps of half an hour (Lord Howe) and of three
(Casey), and a month without summer time in summer (Casablanca).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from engine.core.calendar import Duration, Window, add, anniversary, at_local, local_date, next_in

DECADES = ((2011, 2020), (2021, 2030))
DAY = timedelta(days=1)
STEP = timedelta(days=14)  # no zone changed its clocks twice within less than three weeks
CLOCKS = (*(time(hour) for hour in range(0, 24, 3)), time(2, 30), time(23, 30), time(23, 59, 59))
LIVED = ("Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Nuuk")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a zone's clocks did not change: from one instant up to another, ahead of UTC by `offset`."""

    begin: datetime
    end: datetime
    offset: timedelta


def stretches(tz: str, first: int, last: int) -> Iterator[Stretch]:
    """The stretches of a zone, from a month before the first year to a month after the last."""
    here = ZoneInfo(tz)

    def offset(instant: datetime) -> timedelta:
        return instant.astimezone(here).replace(tzinfo=UTC) - instant

    begin = at = datetime(first - 1, 12, 1, tzinfo=UTC)
    end, old = datetime(last + 1, 2, 1, tzinfo=UTC), offset(at)
    while at < end:
        ahead = at + STEP
        new = offset(ahead)
        if new != old:
            low, high = at, ahead
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if offset(middle) == old else (low, middle)
            change = high.replace(microsecond=0)
            yield Stretch(begin, change, old)
            begin = change
        at, old = ahead, new
    yield Stretch(begin, end, old)


@cache
def histories(first: int, last: int) -> dict[tuple[Stretch, ...], list[str]]:
    """What the clocks of the world did in these years, each with the zones that did so: many have several names."""
    found: dict[tuple[Stretch, ...], list[str]] = {}
    for tz in sorted(available_timezones()):
        found.setdefault(tuple(stretches(tz, first, last)), []).append(tz)
    return found


def reached(history: Sequence[Stretch], wall: datetime) -> datetime:
    """The first instant at which the wall shows that time or a later one, by the offsets alone."""
    shown = wall.replace(tzinfo=UTC)
    for stretch in history:
        instant = max(stretch.begin, shown - stretch.offset)
        if instant < stretch.end:
            return instant
    raise AssertionError(f"{wall} is not in these years")


def existed(history: Sequence[Stretch], day: date) -> bool:
    """Whether the calendar of the zone had that day."""
    midnight = datetime.combine(day, time(0))
    return reached(history, midnight) < reached(history, midnight + DAY)


def walls_to_check(history: Sequence[Stretch], first: int, last: int) -> set[datetime]:
    """Many times of the days around each change, above all near what it skips or repeats; a few of every 47th day."""
    new_year = datetime.combine(date(first, 1, 1), time(9))
    found = {new_year + 47 * number * DAY for number in range(365 * (last - first + 1) // 47)}
    for before, after in pairwise(history):
        if not first <= after.begin.year <= last:
            continue
        clocks = set(CLOCKS)
        for offset in (before.offset, after.offset):
            wall = (after.begin + offset).replace(tzinfo=None)
            clocks.update((wall + timedelta(minutes=minutes)).time() for minutes in (-45, -1, 0, 1, 45))
        day = after.begin.date()
        found.update(datetime.combine(day + ahead * DAY, clock) for ahead in range(-2, 3) for clock in clocks)
    return found


@pytest.mark.parametrize(("first", "last"), DECADES)
def test_what_comes_daily_comes_once_on_each_day_of_every_zone(first: int, last: int) -> None:
    for history, names in histories(first, last).items():
        tz = names[0]
        for wall in walls_to_check(history, first, last):
            day, clock = wall.date(), wall.time()
            today, tomorrow = at_local(day, clock, tz), at_local(day + DAY, clock, tz)
            assert today == reached(history, wall), (tz, wall)
            assert today < tomorrow or not existed(history, day), (tz, wall)
            if local_date(today, tz) != day:  # the day ended before that hour, if it was there at all
                assert today == reached(history, datetime.combine(day + DAY, time(0))), (tz, wall)


@pytest.mark.parametrize("tz", LIVED)
def test_day_by_day_through_a_decade(tz: str) -> None:
    history = tuple(stretches(tz, 2011, 2020))
    days = [date(2011, 1, 1) + number * DAY for number in range(3653)]
    there = [day for day in days if existed(history, day)]
    assert len(days) - len(there) == (tz == "Pacific/Apia")
    for clock in (time(0), time(2, 30), time(9)):
        instants = [at_local(day, clock, tz) for day in there]
        assert [local_date(instant, tz) for instant in instants] == there
        assert all(one < other for one, other in pairwise(instants))


def test_the_decades_hold_what_they_are_chosen_for() -> None:
    zones = [tz for first, last in DECADES for names in histories(first, last).values() for tz in names]
    assert set(zones) == available_timezones()
    assert len(zones) == 2 * len(available_timezones())
    past, coming = (
        {tz: history for history, names in histories(*decade).items() for tz in names} for decade in DECADES
    )
    assert not existed(past["Pacific/Apia"], date(2011, 12, 30))
    assert not existed(past["Pacific/Fakaofo"], date(2011, 12, 30))
    assert len(past["Europe/Rome"]) == len(coming["Europe/Rome"]) == 21
    assert len(past["Africa/Casablanca"]) > 30
    assert local_date(at_local(date(2025, 3, 29), time(23, 30), "America/Nuuk"), "America/Nuuk") == date(2025, 3, 30)


@pytest.mark.parametrize(("first", "last"), DECADES)
def test_what_comes_yearly_comes_once_in_each_year_of_every_zone(first: int, last: int) -> None:
    for origin in (date(1996, 2, 29), date(2001, 12, 30), date(1999, 3, 31), date(1970, 1, 1)):
        kept = [anniversary(origin, year) for year in range(first, last + 1)]
        assert [day.year for day in kept] == list(range(first, last + 1))
        for history, names in histories(first, last).items():
            tz = names[0]
            instants = [at_local(day, time(9), tz) for day in kept]
            assert all(one < other for one, other in pairwise(instants))
            for day, instant in zip(kept, instants, strict=True):
                assert local_date(instant, tz) == (day if existed(history, day) else day + DAY), (tz, day)


@pytest.mark.parametrize(("first", "last"), DECADES)
def test_what_comes_monthly_from_the_31st_comes_on_each_last_day_of_every_zone(first: int, last: int) -> None:
    for names in histories(first, last).values():
        tz = names[0]
        start = at_local(date(first, 1, 31), time(9), tz)
        for months in range(12 * (last - first + 1)):
            year, month = first + months // 12, months % 12 + 1
            ends = date(year, month, monthrange(year, month)[1])
            assert add(start, Duration(months=months), tz) == at_local(ends, time(9), tz), (tz, months)


@pytest.mark.parametrize(("first", "last"), DECADES)
def test_a_window_is_open_on_its_own_day_in_every_zone(first: int, last: int) -> None:
    window = {weekday: Window(days=frozenset({weekday}), start=time(22), end=time(23, 30)) for weekday in range(7)}
    for history, names in histories(first, last).items():
        tz = names[0]
        for change in (stretch.begin for stretch in history[1:]):
            weekday = local_date(change - timedelta(hours=1), tz).weekday()
            for asked in (change - timedelta(hours=1), change - timedelta(seconds=1), change):
                found = next_in(window[weekday], asked, tz)
                assert found >= asked
                assert local_date(found, tz).weekday() == weekday, (tz, asked)
