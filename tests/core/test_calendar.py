"""Local time: durations, windows, and what happens on the days that have a gap, a fold or no existence at all."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.calendar import (
    DAYS,
    Duration,
    Window,
    add,
    anniversary,
    at_local,
    aware,
    local_date,
    month,
    next_in,
    parse_days,
    parse_duration,
    zone,
)

TURNS = {  # days on which the clocks jump, by zone
    "Europe/Rome": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2025-10-05", "2026-04-05"),  # by half an hour
    "Pacific/Apia": ("2011-12-30", "2011-09-24", "2011-04-02"),  # the first of these did not exist
    "Africa/Casablanca": ("2025-02-23", "2025-04-06"),  # back for Ramadan, and forth again
    "Asia/Beirut": ("2024-03-31", "2024-10-27"),  # at midnight
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def on_the_wall(instant: datetime, tz: str) -> datetime:
    """What calendar and clock of the zone show."""
    return instant.astimezone(ZoneInfo(tz)).replace(tzinfo=None, fold=0)


def in_gap(wall: datetime, tz: str) -> bool:
    """Whether that wall time is skipped: its offset is larger after the jump than before (PEP 495)."""
    early, late = (wall.replace(tzinfo=ZoneInfo(tz), fold=fold).utcoffset() for fold in (0, 1))
    assert early is not None
    assert late is not None
    return early < late


@st.composite
def near_turns(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and a wall time, mostly within a day of a jump."""
    tz = draw(st.sampled_from(sorted(TURNS)))
    turn = date.fromisoformat(draw(st.sampled_from(TURNS[tz])))
    day = turn + timedelta(days=draw(st.integers(-1, 1) | st.integers(-400, 400)))
    return tz, datetime.combine(day, time(draw(st.integers(0, 23)), draw(st.integers(0, 59))))


class TestDurations:
    def test_the_forms_of_the_standard(self) -> None:
        assert parse_duration("P1D") == Duration(days=1)
        assert parse_duration("P2W") == Duration(days=14)
        assert parse_duration("P1Y6M") == Duration(months=18)
        assert parse_duration("PT4H") == Duration(seconds=14_400)
        assert parse_duration("P1M1DT1M1S") == Duration(months=1, days=1, seconds=61)
        assert parse_duration("P0D") == Duration()

    @given(*(st.integers(0, 99) for _ in range(7)))
    def test_each_part_counts_as_what_it_is(
        self, years: int, months: int, weeks: int, days: int, hours: int, minutes: int, seconds: int
    ) -> None:
        date_part = "".join(f"{n}{sign}" for n, sign in ((years, "Y"), (months, "M"), (weeks, "W"), (days, "D")) if n)
        time_part = "".join(f"{n}{sign}" for n, sign in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
        text = "P" + date_part + (f"T{time_part}" if time_part else "")
        if text == "P":
            text = "P0D"
        if years + months / 12 + (7 * weeks + days) / 365 > 99:
            return  # near the longest one; see below
        found = parse_duration(text)
        assert found.months == 12 * years + months
        assert found.days == 7 * weeks + days
        assert timedelta(seconds=found.seconds) == timedelta(hours=hours, minutes=minutes, seconds=seconds)
        assert parse_duration(str(found)) == found

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "P",
            "PT",
            "P1DT",
            "1D",
            "p1d",
            "P1",
            "P1H",
            "PT1D",
            "P-1D",
            "+P1D",
            "P1.5D",
            "P1D ",
            "P1D\n",
            "P1M1Y",
            "P١D",
        ],
    )
    def test_anything_else_is_refused_with_examples(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not a duration such as P1D"):
            parse_duration(text)

    @given(st.text("PYMWDTHS0123456789-", max_size=8))
    @example("P100Y")
    def test_whatever_is_accepted_can_be_written_and_read_again(self, text: str) -> None:
        found = None
        with suppress(ValueError):
            found = parse_duration(text)
        if found is not None:
            assert parse_duration(str(found)) == found
            assert add(utc("2026-11-21"), found, "Europe/Rome") >= utc("2026-11-21")

    @pytest.mark.parametrize("text", ["P1Y", "P11M", "P1Y6M", "PT4H", "PT1H30M", "P1DT12H", "PT45S", "P14D", "P0D"])
    def test_it_is_said_as_one_would_write_it(self, text: str) -> None:
        assert str(parse_duration(text)) == text

    def test_before_a_date_it_is_below_zero(self) -> None:
        assert str(Duration(months=-13, days=-2, seconds=-5400)) == "P-1Y-1M-2DT-1H-30M"

    @pytest.mark.parametrize("text", ["P101Y", "P1201M", "P9999999999D", "PT9999999999S", "P" + 5000 * "9" + "D"])
    def test_nothing_is_longer_than_a_century(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"century|is not a duration"):
            parse_duration(text)


class TestAtLocal:
    @pytest.mark.parametrize(
        ("tz", "day", "clock", "instant"),
        [
            ("Europe/Rome", "2026-03-29", "02:30", "2026-03-29T01:00"),  # gap: the first instant behind it
            ("Europe/Rome", "2026-03-29", "02:00", "2026-03-29T01:00"),
            ("Europe/Rome", "2026-03-29", "03:00", "2026-03-29T01:00"),
            ("Europe/Rome", "2026-10-25", "02:30", "2026-10-25T00:30"),  # fold: the earlier
            ("Europe/Rome", "2026-10-25", "03:00", "2026-10-25T02:00"),
            ("America/New_York", "2026-03-08", "02:15", "2026-03-08T07:00"),
            ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30"),
            ("Australia/Lord_Howe", "2025-10-05", "02:15", "2025-10-04T15:30"),
            ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45"),
            ("Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00"),  # the whole day was skipped
            ("Pacific/Apia", "2011-12-31", "00:00", "2011-12-30T10:00"),
            ("Africa/Casablanca", "2025-04-06", "02:30", "2025-04-06T02:00"),
            ("Africa/Casablanca", "2025-02-23", "02:30", "2025-02-23T01:30"),
            ("Asia/Beirut", "2024-03-31", "00:00", "2024-03-30T22:00"),  # midnight itself was skipped
            ("Asia/Kathmandu", "2026-01-01", "12:00", "2026-01-01T06:15"),
        ],
    )
    def test_known_days(self, tz: str, day: str, clock: str, instant: str) -> None:
        assert at_local(date.fromisoformat(day), time.fromisoformat(clock), tz) == utc(instant)

    @settings(deadline=None, max_examples=60)
    @given(near_turns())
    def test_it_is_the_first_instant_at_which_the_wall_shows_it_or_later(self, case: tuple[str, datetime]) -> None:
        tz, wall = case
        first = wall.replace(tzinfo=UTC) - timedelta(hours=15)  # no zone is further ahead
        while on_the_wall(first, tz) < wall:
            first += timedelta(minutes=1)
        assert at_local(wall.date(), wall.time(), tz) == first

    @given(near_turns())
    def test_the_fold_of_a_clock_says_nothing(self, case: tuple[str, datetime]) -> None:
        tz, wall = case
        assert at_local(wall.date(), wall.time().replace(fold=1), tz) == at_local(wall.date(), wall.time(), tz)

    def test_seconds_and_their_parts_are_kept_outside_of_gaps(self) -> None:
        assert at_local(date(2026, 6, 1), time(9, 0, 7, 250), "Europe/Rome") == datetime(
            2026, 6, 1, 7, 0, 7, 250, tzinfo=UTC
        )
        assert at_local(date(2026, 3, 29), time(2, 30, 7, 250), "Europe/Rome") == utc("2026-03-29T01:00")


class TestAdd:
    @pytest.mark.parametrize(
        ("start", "duration", "end"),
        [
            ("2026-01-31T09:00", "P1M", "2026-02-28T09:00"),
            ("2028-01-31T09:00", "P1M", "2028-02-29T09:00"),
            ("2028-02-29T09:00", "P1Y", "2029-02-28T09:00"),
            ("2028-02-29T09:00", "P4Y", "2032-02-29T09:00"),
            ("2026-12-31T09:00", "P2M", "2027-02-28T09:00"),
            ("2026-08-31T09:00", "P1M1D", "2026-10-01T09:00"),  # months first, then days
            ("2026-11-30T09:00", "P13M", "2027-12-30T09:00"),
        ],
    )
    def test_months_end_where_the_month_ends(self, start: str, duration: str, end: str) -> None:
        assert add(utc(start), parse_duration(duration), "UTC") == utc(end)

    def test_a_day_is_a_day_on_the_wall_and_24_hours_are_24_hours(self) -> None:
        saturday_noon = utc("2026-03-28T11:00")
        assert add(saturday_noon, parse_duration("P1D"), "Europe/Rome") == utc("2026-03-29T10:00")
        assert add(saturday_noon, parse_duration("PT24H"), "Europe/Rome") == utc("2026-03-29T11:00")

    def test_from_the_second_of_two_hours_into_a_gap(self) -> None:
        second_half_past_two = utc("2025-10-26T01:30")
        assert on_the_wall(second_half_past_two, "Europe/Rome").hour == 2
        days = (date(2026, 3, 29) - date(2025, 10, 26)).days
        assert add(second_half_past_two, Duration(days=days), "Europe/Rome") == utc("2026-03-29T01:00")

    def test_from_the_second_of_two_hours_into_another_fold(self) -> None:
        assert add(utc("2025-10-26T01:30"), Duration(days=364), "Europe/Rome") == utc("2026-10-25T00:30")

    def test_nothing_added_changes_nothing(self) -> None:
        second_half_past_two = utc("2025-10-26T01:30")
        assert add(second_half_past_two, Duration(), "Europe/Rome") == second_half_past_two
        assert add(second_half_past_two, Duration(months=1, days=-30), "Europe/Rome") != second_half_past_two
        assert add(second_half_past_two, Duration(months=1, days=-31), "Europe/Rome") == second_half_past_two

    def test_a_day_that_was_skipped_becomes_the_next(self) -> None:
        assert add(utc("2011-12-29T22:00"), Duration(days=1), "Pacific/Apia") == utc("2011-12-30T10:00")

    @given(near_turns(), st.integers(-800, 800), st.integers(0, 200_000))
    def test_days_keep_the_clock_and_seconds_are_exact(
        self, case: tuple[str, datetime], days: int, seconds: int
    ) -> None:
        tz, wall = case
        start = wall.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)
        aimed = on_the_wall(start, tz) + timedelta(days=days)
        moved = add(start, Duration(days=days), tz)
        if in_gap(aimed, tz):
            assert on_the_wall(moved, tz) > aimed
        else:
            assert on_the_wall(moved, tz) == aimed
        assert add(start, Duration(days=days, seconds=seconds), tz) == moved + timedelta(seconds=seconds)

    @given(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.times(), st.integers(-240, 240))
    def test_months_keep_the_day_or_take_the_last(self, day: date, clock: time, months: int) -> None:
        start = datetime.combine(day, clock, tzinfo=UTC)
        end = add(start, Duration(months=months), "UTC")
        assert (end.year - start.year) * 12 + end.month - start.month == months
        assert end.time() == start.time()
        assert end.day == start.day or (end.day < start.day and (end + timedelta(days=1)).day == 1)


class TestDays:
    def test_an_instant_has_another_date_elsewhere(self) -> None:
        assert local_date(utc("2026-12-31T23:30"), "Europe/Rome") == date(2027, 1, 1)
        assert local_date(utc("2026-12-31T23:30"), "America/New_York") == date(2026, 12, 31)
        assert local_date(utc("2011-12-30T09:59"), "Pacific/Apia") == date(2011, 12, 29)
        assert local_date(utc("2011-12-30T10:00"), "Pacific/Apia") == date(2011, 12, 31)

    @given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(1900, 2100))
    def test_an_anniversary_is_the_same_day_but_for_29_february(self, origin: date, year: int) -> None:
        kept = anniversary(origin, year)
        assert kept.year == year
        if (kept.month, kept.day) != (origin.month, origin.day):
            assert (origin.month, origin.day, kept.month, kept.day) == (2, 29, 2, 28)

    def test_29_february_is_kept_every_year(self) -> None:
        origin = date(2024, 2, 29)
        assert [anniversary(origin, year).day for year in (2025, 2026, 2027, 2028)] == [28, 28, 28, 29]
        assert anniversary(origin, 2100) == date(2100, 2, 28)

    @pytest.mark.parametrize("name", ["", "Europe", "Europe/Roma", "europe/rome!", "../etc/passwd", "a\0b", "x" * 5000])
    def test_an_unknown_zone_is_named(self, name: str) -> None:
        with pytest.raises(ValueError, match="is not a time zone such as Europe/Rome"):
            zone(name)

    def test_only_what_has_a_zone_is_an_instant(self) -> None:
        assert aware(datetime(2026, 6, 1, 9, tzinfo=ZoneInfo("Europe/Rome"))) == utc("2026-06-01T07:00")
        assert aware(datetime(2026, 6, 1, 9, tzinfo=ZoneInfo("Europe/Rome"))).tzinfo is UTC
        with pytest.raises(ValueError, match="2026-06-01T09:00:00 has no time zone"):
            aware(datetime(2026, 6, 1, 9))  # noqa: DTZ001 - that is what must be refused


class TestDaysOfTheWeek:
    def test_lists_and_ranges(self) -> None:
        assert parse_days("mon-fri") == frozenset(range(5))
        assert parse_days("sat") == {5}
        assert parse_days("mon, wed ,fri") == {0, 2, 4}
        assert parse_days("sat-mon") == {5, 6, 0}
        assert parse_days("sun-sat") == frozenset(range(7))

    @given(st.integers(0, 6), st.integers(0, 6))
    def test_a_range_goes_on_until_its_last_day(self, first: int, last: int) -> None:
        found = parse_days(f"{DAYS[first]}-{DAYS[last]}")
        assert len(found) == (last - first) % 7 + 1
        assert {(first + step) % 7 for step in range(len(found))} == found

    @given(st.lists(st.sampled_from(DAYS), min_size=1))
    def test_a_list_is_its_days(self, names: list[str]) -> None:
        assert parse_days(",".join(names)) == {DAYS.index(name) for name in names}

    @pytest.mark.parametrize(
        "text", ["", "mon-", "-fri", "monday", "MON", "lun", "mon-fri-sun", "mon;tue", "mon,,tue", "-"]
    )
    def test_anything_else_is_refused_with_examples(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not a list of days such as mon-sat or mon,wed,fri"):
            parse_days(text)


def quarter(number: int) -> time:
    return time(number // 4, number % 4 * 15)


DAYTIME = st.tuples(st.integers(12, 94), st.integers(1, 95)).filter(lambda pair: pair[0] < pair[1])


class TestNextIn:
    OFFICE = Window(days=parse_days("mon-fri"), start=time(9), end=time(16))

    @pytest.mark.parametrize(
        ("instant", "expected"),
        [
            ("2026-11-20T08:30", "2026-11-20T08:30"),  # a Friday at 9:30: open
            ("2026-11-20T15:00", "2026-11-20T15:00"),  # the last instant
            ("2026-11-20T15:01", "2026-11-23T08:00"),  # over the weekend
            ("2026-11-20T03:00", "2026-11-20T08:00"),
            ("2026-11-21T10:00", "2026-11-23T08:00"),
            ("2026-10-23T20:00", "2026-10-26T08:00"),  # over the night on which the clocks go back
            ("2026-03-27T20:00", "2026-03-30T07:00"),  # and forth
        ],
    )
    def test_office_hours(self, instant: str, expected: str) -> None:
        assert next_in(self.OFFICE, utc(instant), "Europe/Rome") == utc(expected)

    @pytest.mark.parametrize(
        ("start", "end", "instant", "expected"),
        [
            ("02:30", "04:00", "2026-03-29T00:00", "2026-03-29T01:00"),  # opens in the gap: behind it
            ("01:00", "02:30", "2026-03-29T00:59", "2026-03-29T00:59"),  # closes in the gap: behind it too
            ("02:15", "02:45", "2026-03-28T20:00", "2026-03-29T01:00"),  # all of it lies in the gap
            ("02:15", "02:45", "2026-10-24T20:00", "2026-10-25T00:15"),  # twice there: once open
            ("02:15", "02:45", "2026-10-25T00:46", "2026-10-26T01:15"),
            ("02:15", "02:45", "2026-10-25T01:20", "2026-10-26T01:15"),  # the second 02:20 is not another chance
        ],
    )
    def test_nights_on_which_the_clocks_jump(self, start: str, end: str, instant: str, expected: str) -> None:
        window = Window(start=time.fromisoformat(start), end=time.fromisoformat(end))
        assert next_in(window, utc(instant), "Europe/Rome") == utc(expected)

    def test_a_weekday_that_the_zone_skipped_is_waited_for(self) -> None:
        fridays = Window(days=frozenset((4,)), start=time(9), end=time(16))
        for asked in ("2011-12-24T06:00", "2011-12-29T22:00", "2011-12-31T00:00"):
            found = next_in(fridays, utc(asked), "Pacific/Apia")
            assert on_the_wall(found, "Pacific/Apia").isoformat() == "2012-01-06T09:00:00"

    @settings(deadline=None)
    @given(
        st.frozensets(st.integers(0, 6), min_size=1),
        DAYTIME,
        st.sampled_from(["Europe/Rome", "America/New_York", "Asia/Kolkata"]),
        st.sampled_from(["2026-03-05", "2026-03-26", "2026-06-01", "2026-10-22", "2026-10-29"]),
        st.integers(0, 6 * 96),
    )
    def test_it_is_the_first_quarter_that_lies_in_the_window(
        self, days: frozenset[int], hours: tuple[int, int], tz: str, start: str, later: int
    ) -> None:
        window = Window(days=days, start=quarter(hours[0]), end=quarter(hours[1]))
        instant = first = utc(start) + later * timedelta(minutes=15)

        def lies_inside(when: datetime) -> bool:
            wall = on_the_wall(when, tz)
            return wall.weekday() in days and window.start <= wall.time() <= window.end

        while not lies_inside(first):
            first += timedelta(minutes=15)
        assert next_in(window, instant, tz) == first

    @given(
        near_turns(), st.frozensets(st.integers(0, 6), min_size=1), st.tuples(st.integers(0, 94), st.integers(1, 95))
    )
    def test_whoever_waited_need_not_wait_again(
        self, case: tuple[str, datetime], days: frozenset[int], hours: tuple[int, int]
    ) -> None:
        (tz, wall), (one, two) = case, sorted(hours)
        window = Window(days=days, start=quarter(one), end=quarter(two))
        asked = wall.replace(tzinfo=UTC)
        found = next_in(window, asked, tz)
        assert found >= asked
        assert local_date(found, tz).weekday() in days
        assert next_in(window, found, tz) == found

    def test_without_limits_now_is_fine(self) -> None:
        now = utc("2026-11-21T03:07:09")
        assert next_in(Window(), now, "Europe/Rome") == now

    def test_a_window_without_days_is_never_open(self) -> None:
        with pytest.raises(ValueError, match="no days"):
            next_in(Window(days=frozenset()), utc("2026-11-21"), "UTC")


class TestMonth:
    def test_it_begins_and_ends_at_the_midnights_of_its_zone(self) -> None:
        november = datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC)
        for instant in (november[0], datetime(2026, 11, 15, tzinfo=UTC), november[1] - timedelta(microseconds=1)):
            assert month(instant, "Europe/Rome") == november
        assert month(november[1], "Europe/Rome")[0] == november[1]
        assert month(november[0], "UTC") == (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
        assert month(november[1], "Europe/Rome")[1] == datetime(2026, 12, 31, 23, tzinfo=UTC)

    def test_clocks_that_go_back_over_midnight_do_not_bring_a_month_back(self) -> None:
        begins = datetime(2009, 11, 1, 2, 30, tzinfo=UTC)  # a minute later it is the 31st of October again
        for minutes in (0, 5, 59, 61):
            assert month(begins + timedelta(minutes=minutes), "America/St_Johns")[0] == begins
        assert local_date(begins + timedelta(minutes=5), "America/St_Johns") == date(2009, 10, 31)

    @settings(max_examples=60)
    @given(
        st.integers(-7300 * 24, 25500 * 24),
        st.sampled_from(("Europe/Rome", "America/St_Johns", "Pacific/Kiritimati", "America/Havana", "Asia/Amman")),
    )
    def test_every_instant_lies_in_one_month_and_months_follow_one_another(self, hours: int, tz: str) -> None:
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        begin, end = month(instant, tz)
        assert begin <= instant < end
        assert month(begin, tz) == month(end - timedelta(microseconds=1), tz) == (begin, end)
        assert month(end, tz)[0] == end
        assert timedelta(days=26) < end - begin < timedelta(days=32)
