"""Windows and caps asked at the last moment."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.calendar import Duration, Window
from engine.core.quiet import NO_QUIET, Quiet
from engine.dispatch.waiting import Cap, opens

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
ROME = "Europe/Rome"
DAY = timedelta(days=1)
TWICE_A_WEEK = Cap(messages=2, within=Duration(days=7))


@pytest.mark.parametrize(
    ("channel", "expected"),
    [("email", datetime(2026, 3, 11, 9, 0, tzinfo=UTC)), ("note", None), ("task", None), ("reward", None)],
)
def test_only_a_mail_waits_for_its_window(channel: str, expected: datetime | None) -> None:
    night = datetime(2026, 3, 10, 22, 0, tzinfo=UTC)
    window = Window(start=time(10), end=time(16))
    assert opens(channel, window, NO_QUIET, night, ROME) == (expected or night)


@pytest.mark.parametrize(("channel", "hours"), [("email", 10), ("note", 0)])
def test_only_a_mail_waits_for_the_morning(channel: str, hours: int) -> None:
    evening, quiet = datetime(2026, 3, 10, 21, 0, tzinfo=UTC), Quiet(start=time(21), end=time(8))
    assert opens(channel, Window(), quiet, evening, ROME) == evening + timedelta(hours=hours)


def test_what_is_never_open_is_asked_again_tomorrow() -> None:
    late, quiet = Window(start=time(22), end=time(23)), Quiet(start=time(21), end=time(8))
    assert opens("email", late, quiet, NOW, ROME) == NOW + DAY


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        ([], NOW),
        ([3], NOW),
        ([6, 3], NOW + DAY),
        ([7, 3], NOW),
        ([6, 5, 4], NOW + 2 * DAY),
    ],
)
def test_a_cap_lets_go_when_the_stretch_has_room(days_ago: list[int], expected: datetime) -> None:
    heard = [NOW - days * DAY for days in days_ago]
    assert TWICE_A_WEEK.allows_from(heard, NOW, ROME) == expected


def test_days_are_those_of_the_customers_calendar() -> None:
    after_the_clocks_went_forward = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
    assert TWICE_A_WEEK.since(after_the_clocks_went_forward, ROME) == datetime(2026, 3, 25, 9, 0, tzinfo=UTC)


@given(
    hours=st.lists(st.integers(0, 500), max_size=12),
    messages=st.integers(1, 4),
    days=st.integers(1, 10),
)
def test_no_stretch_ever_holds_more_than_the_cap(hours: list[int], messages: int, days: int) -> None:
    cap = Cap(messages=messages, within=Duration(days=days))
    heard: list[datetime] = []
    for hour in sorted(hours):
        now = NOW + timedelta(hours=hour)
        recent = [at for at in heard if at > cap.since(now, ROME)]
        free = cap.allows_from(recent, now, ROME)
        assert free >= now
        if free == now:
            heard.append(now)
        else:
            assert len([at for at in heard if cap.since(free, ROME) < at]) < messages
    for at in heard:
        assert len([other for other in heard if cap.since(at, ROME) < other <= at]) <= messages


def test_a_household_has_a_cap_of_its_own_or_none() -> None:
    heard = [NOW - days * DAY for days in (6, 5, 4)]
    assert TWICE_A_WEEK.home_allows_from(heard, NOW, ROME) == NOW
    home = Cap(messages=1, within=Duration(days=7), household=3)
    assert home.home_allows_from(heard, NOW, ROME) == NOW + DAY
    assert home.home_allows_from(heard[1:], NOW, ROME) == NOW
