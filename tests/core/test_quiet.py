"""Quiet hours and holidays: what may go out when, against a search that tries every quarter of an hour."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.calendar import Window, next_in, parse_days, zone
from engine.core.facts import Address
from engine.core.quiet import NO_QUIET, Quiet, QuietPolicy, next_permitted

ROME = "Europe/Rome"
NIGHT = Quiet(start=time(21), end=time(8))
QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
TURNS = {  # days around which the clocks jump, by zone; the last of each is an ordinary one
    ROME: ("2026-03-29", "2026-10-25", "2026-06-10"),
    "America/New_York": ("2026-03-08", "2026-11-01", "2026-06-10"),
    "Australia/Lord_Howe": ("2025-10-05", "2026-04-05", "2026-06-10"),
    "Asia/Beirut": ("2024-03-31", "2024-10-26", "2024-06-10"),
    "America/Nuuk": ("2025-03-29", "2025-10-25", "2025-06-10"),
    "Pacific/Apia": ("2011-12-30", "2011-09-24", "2011-06-10"),
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def clocks(first: int = 0, last: int = 95) -> st.SearchStrategy[time]:
    return st.integers(first, last).map(lambda number: time(number // 4, number % 4 * 15))


@cache
def quarters(tz: str, turn: str) -> tuple[list[datetime], list[datetime]]:
    """Every quarter of an hour around a day: the instants, and what the wall shows."""
    instants = [at(turn) - 4 * DAY + number * QUARTER for number in range(16 * 96)]
    return instants, [instant.astimezone(zone(tz)).replace(tzinfo=None, fold=0) for instant in instants]


class Tried:
    """Whether something may go out, by its definition: every day's window and quiet hours, tried one by one."""

    def __init__(self, window: Window, quiet: Quiet, tz: str, turn: str) -> None:
        self.window, self.quiet = window, quiet
        self.instants, self.walls = quarters(tz, turn)

    def reached(self, day: date, clock: time) -> datetime:
        """When the wall first shows that time or a later one."""
        wall = datetime.combine(day, clock)
        return next(
            (one for one, shown in zip(self.instants, self.walls, strict=True) if shown >= wall), at("9999-01-01")
        )

    def passed(self, day: date, clock: time) -> datetime:
        """From when on the wall shows no earlier time any more."""
        wall = datetime.combine(day, clock)
        return max(
            (one + QUARTER for one, shown in zip(self.instants, self.walls, strict=True) if shown < wall),
            default=at("1000-01-01"),
        )

    def permitted(self) -> list[datetime]:
        """All instants at which something may go out; the first and last days are left out, for their neighbours'."""
        over = DAY if self.quiet.end <= self.quiet.start else timedelta()
        days = sorted({wall.date() for wall in self.walls})
        evenings = [days[0] + number * DAY for number in range((days[-1] - days[0]).days + 1)]  # skipped days too
        nights = [(self.reached(day, self.quiet.start), self.passed(day + over, self.quiet.end)) for day in evenings]
        found = []
        for day in days[2:-2]:
            if day.weekday() not in self.window.days or self.quiet.closed(day):
                continue
            opens, closes = self.reached(day, self.window.start), self.reached(day, self.window.end)
            begin = bisect_left(self.instants, opens)
            for instant, wall in zip(self.instants[begin:], self.walls[begin:], strict=True):
                if instant > closes or wall.date() != day:
                    break
                if self.quiet.start == self.quiet.end or not any(one <= instant < other for one, other in nights):
                    found.append(instant)
        return found


@given(
    turn=st.sampled_from([(tz, turn) for tz, turns in TURNS.items() for turn in turns]),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    window=st.tuples(clocks(), clocks()).map(sorted),
    quiet=st.tuples(clocks(), clocks()) | st.just((time(21), time(8))) | st.tuples(clocks(0, 15), clocks(0, 15)),
    closed=st.frozensets(st.integers(-3, 12), max_size=5),
    asked=st.integers(2 * 96, 9 * 96),
)
@example(  # the night of a day that the calendar left out
    turn=("Pacific/Apia", "2011-12-30"),
    days=frozenset(range(6)),
    window=[time(0), time(0)],
    quiet=(time(21), time(8)),
    closed=frozenset(),
    asked=192,
)
def test_it_is_the_first_quarter_at_which_it_may_go_out(
    turn: tuple[str, str],
    days: frozenset[int],
    window: list[time],
    quiet: tuple[time, time],
    closed: frozenset[int],
    asked: int,
) -> None:
    tz, day = turn
    holidays = {date.fromisoformat(day) + number * DAY for number in closed}
    wanted = Window(days=days, start=window[0], end=window[1])
    peace = Quiet(start=quiet[0], end=quiet[1], closed=lambda day: day in holidays)
    tried = Tried(wanted, peace, tz, day)
    instant = tried.instants[asked]
    permitted = [one for one in tried.permitted() if one >= instant]

    found = next_permitted(wanted, peace, instant, tz)

    if permitted:
        assert found == permitted[0]
    else:
        assert found is None or found > tried.instants[-3 * 96]


@given(
    asked=st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - the zone is put on below
    tz=st.sampled_from(sorted(TURNS)),
    start=clocks(),
    end=clocks(),
)
def test_what_may_go_out_need_not_wait_again(asked: datetime, tz: str, start: time, end: time) -> None:
    quiet = Quiet(start=start, end=end, closed=lambda day: day.day % 10 == 1)
    instant = asked.replace(tzinfo=UTC)

    found = next_permitted(Window(), quiet, instant, tz)

    if found is not None:
        wall = found.astimezone(zone(tz))
        assert found >= instant
        assert wall.day % 10 != 1
        assert not (start <= wall.time() < end)
        assert start <= end or (end <= wall.time() < start)
        assert next_permitted(Window(), quiet, found, tz) == found


@given(
    asked=st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - the zone is put on below
    tz=st.sampled_from(sorted(TURNS)),
    days=st.frozensets(st.integers(0, 6), min_size=1),
)
def test_without_quiet_it_is_the_window_alone(asked: datetime, tz: str, days: frozenset[int]) -> None:
    window, instant = Window(days=days, start=time(9), end=time(17)), asked.replace(tzinfo=UTC)

    assert next_permitted(window, NO_QUIET, instant, tz) == next_in(window, instant, tz)


class TestHours:
    @pytest.mark.parametrize(
        ("instant", "goes"),
        [
            ("2026-03-02T12:00", "2026-03-02T12:00"),
            ("2026-03-02T19:59", "2026-03-02T19:59"),  # a minute to nine in the evening in Rome
            ("2026-03-02T20:00", "2026-03-03T07:00"),  # nine: in the morning at eight
            ("2026-03-03T00:30", "2026-03-03T07:00"),  # after midnight
            ("2026-03-03T07:00", "2026-03-03T07:00"),
            ("2026-03-28T21:00", "2026-03-29T06:00"),  # the night that is an hour short
            ("2026-10-24T21:00", "2026-10-25T07:00"),  # and the one that is an hour long
        ],
    )
    def test_a_night(self, instant: str, goes: str) -> None:
        assert next_permitted(Window(), NIGHT, at(instant), ROME) == at(goes)

    def test_hours_within_a_day(self) -> None:
        siesta = Quiet(start=time(13), end=time(15, 30))
        assert next_permitted(Window(), siesta, at("2026-06-10T10:59"), ROME) == at("2026-06-10T10:59")
        assert next_permitted(Window(), siesta, at("2026-06-10T11:00"), ROME) == at("2026-06-10T13:30")

    def test_until_midnight(self) -> None:
        evening = Quiet(start=time(20), end=time(0))
        assert next_permitted(Window(), evening, at("2026-06-10T18:00"), ROME) == at("2026-06-10T22:00")

    @pytest.mark.parametrize(
        ("end", "goes"),
        [("02:30", "2026-10-25T01:30"), ("02:00", "2026-10-25T01:00"), ("03:00", "2026-10-25T02:00")],
    )
    def test_an_hour_that_comes_twice_is_quiet_twice(self, end: str, goes: str) -> None:
        quiet = Quiet(start=time(22), end=time.fromisoformat(end))
        assert next_permitted(Window(), quiet, at("2026-10-24T22:00"), ROME) == at(goes)

    def test_hours_that_end_in_a_gap_end_with_it(self) -> None:
        quiet = Quiet(start=time(22), end=time(2, 30))
        assert next_permitted(Window(), quiet, at("2026-03-28T22:00"), ROME) == at("2026-03-29T01:00")

    def test_a_day_that_ends_in_a_gap_leaves_nothing_over_for_its_window(self) -> None:
        late = Window(days=parse_days("sat"), start=time(22), end=time(23, 30))
        quiet = Quiet(start=time(21), end=time(23))  # in Nuuk there is no 23:00 on 29 March 2025: it is Sunday then
        found = next_permitted(late, quiet, at("2025-03-29T12:00"), "America/Nuuk")
        assert found == at("2025-04-06T00:00")  # 23:00 on the next Saturday

    def test_a_window_that_opens_in_the_night_waits_for_the_morning(self) -> None:
        early = Window(days=parse_days("mon-fri"), start=time(6), end=time(9))
        assert next_permitted(early, NIGHT, at("2026-03-06T23:00"), ROME) == at("2026-03-09T07:00")

    def test_a_window_that_lies_in_the_night_is_never_open(self) -> None:
        late = Window(start=time(22), end=time(23, 30))
        assert next_permitted(late, NIGHT, at("2026-03-06T12:00"), ROME) is None


class TestDays:
    def test_a_closed_day_is_the_customers_day(self) -> None:
        quiet = Quiet(closed=lambda day: day == date(2026, 5, 1))
        eve = at("2026-04-30T22:30")  # in Rome it is May, in New York it is not
        assert next_permitted(Window(), quiet, eve, ROME) == at("2026-05-01T22:00")
        assert next_permitted(Window(), quiet, eve, "America/New_York") == eve

    def test_after_a_closed_day_comes_its_night(self) -> None:
        quiet = Quiet(start=time(21), end=time(8), closed=lambda day: day == date(2026, 5, 1))
        assert next_permitted(Window(), quiet, at("2026-04-30T20:00"), ROME) == at("2026-05-02T06:00")

    def test_weeks_of_closed_fridays_are_waited_for(self) -> None:
        fridays = Window(days=parse_days("fri"), start=time(10), end=time(12))
        quiet = Quiet(closed=lambda day: day < date(2026, 4, 10))
        assert next_permitted(fridays, quiet, at("2026-03-05T12:00"), ROME) == at("2026-04-10T08:00")

    def test_a_year_of_closed_days_is_not(self) -> None:
        assert next_permitted(Window(), Quiet(closed=lambda _day: True), at("2026-03-05T12:00"), ROME) is None


def first_of_may(country: str, region: str, year: int) -> frozenset[date]:
    """A world in which Italy rests on the first of May, and Trento on its second as well."""
    days = {date(year, 5, 1)} | ({date(year, 5, 2)} if region == "TN" else set())
    return frozenset(days) if country == "IT" else frozenset()


class TestPolicy:
    SHOP = QuietPolicy(start=time(21), end=time(8), holidays=first_of_may, country="IT")
    MAY = date(2026, 5, 1)

    @pytest.mark.parametrize("channel", ["email", "note", "sms"])
    def test_whatever_reaches_the_customer_keeps_the_quiet(self, channel: str) -> None:
        quiet = self.SHOP.around(channel=channel, purpose="marketing", address=Address(country="IT"))
        assert (quiet.start, quiet.end) == (time(21), time(8))
        assert quiet.closed(self.MAY)
        assert not quiet.closed(date(2026, 5, 2))

    @pytest.mark.parametrize("channel", ["reward", "referral", "task", "console"])
    def test_what_nobody_hears_does_not(self, channel: str) -> None:
        assert self.SHOP.around(channel=channel, purpose="marketing", address=Address(country="IT")) == NO_QUIET

    def test_what_the_customer_is_owed_keeps_the_hours_but_not_the_holidays(self) -> None:
        quiet = self.SHOP.around(channel="email", purpose="transactional", address=Address(country="IT"))
        assert quiet == NIGHT

    def test_the_country_is_the_customers_else_the_shops(self) -> None:
        def closed(**where: str) -> bool:
            return self.SHOP.around(channel="email", purpose="relationship", address=Address(**where)).closed(self.MAY)

        assert closed(country="IT")
        assert closed()
        assert not closed(country="DE")

    def test_the_region_may_have_days_of_its_own(self) -> None:
        for region, rests in (("TN", True), ("FC", False)):
            address = Address(country="IT", region=region)
            quiet = self.SHOP.around(channel="email", purpose="relationship", address=address)
            assert quiet.closed(date(2026, 5, 2)) is rests

    def test_a_shop_that_says_nothing_is_never_quiet(self) -> None:
        assert QuietPolicy().around(channel="email", purpose="marketing", address=Address()) == NO_QUIET
