"""Questions about the history: how they are written as names, and when their period begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.condition import Type
from engine.core.lookback import ABOUT_EVENTS, ANSWERS, Function, Lookback, lookbacks

ROME = "Europe/Rome"
QUESTIONS = st.builds(
    lambda function, kind, period: Lookback(
        function=function, kind=kind if function in ABOUT_EVENTS else "", period=period
    ),
    st.sampled_from(list(ANSWERS)),
    st.sampled_from(("quote.sent", "a.b", "p90d.p1y", "boiler_2.inspected.again")),
    st.sampled_from(("", "P90D", "P1Y6M", "PT4H", "P2W")),
)


@pytest.mark.parametrize(
    ("function", "kind", "period", "name", "kept"),
    [
        ("has_event", "review.received", "P90D", "has_event('review.received', 'P90D')", Type.BOOL),
        ("count_events", "quote.sent", "", "count_events('quote.sent')", Type.INT),
        ("count_purchases", "", "P1Y", "count_purchases('P1Y')", Type.INT),
        ("sum_purchases", "", "", "sum_purchases()", Type.DOUBLE),
    ],
)
def test_a_question_is_a_name_with_a_type(function: Function, kind: str, period: str, name: str, kept: Type) -> None:
    one = Lookback(function=function, kind=kind, period=period)

    assert (one.name, one.type) == (name, kept)


@given(st.lists(QUESTIONS, max_size=4))
def test_names_are_read_back_each_once_and_other_names_are_left(questions: list[Lookback]) -> None:
    names = [one.name for one in questions]

    assert lookbacks([*names, "score.tier", *names, "now.month"]) == tuple(dict.fromkeys(questions))


@pytest.mark.parametrize("name", ["customer.has_email", "has_event", "has_events('a.b')", "sum_purchases('90D')", ""])
def test_what_is_no_question_is_left(name: str) -> None:
    assert lookbacks([name]) == ()


@pytest.mark.parametrize(
    ("period", "now", "since"),
    [
        ("P1D", "2026-03-29T18:00", "2026-03-28T18:00"),  # 23 hours: the clocks went forward
        ("P1D", "2026-10-25T18:00", "2026-10-24T18:00"),  # 25 hours
        ("PT24H", "2026-03-29T18:00", "2026-03-28T17:00"),
        ("P90D", "2026-06-01T10:00", "2026-03-03T10:00"),
        ("P1M", "2026-03-31T10:00", "2026-02-28T10:00"),
        ("P1Y", "2028-02-29T10:00", "2027-02-28T10:00"),
        ("P2W", "2026-01-05T00:30", "2025-12-22T00:30"),
        ("P1DT2H", "2026-06-02T10:00", "2026-06-01T08:00"),
        ("P1M", "2026-04-29T02:30", "2026-03-29T03:00"),  # there was no half past two
    ],
)
def test_the_period_goes_back_on_the_customers_clock(period: str, now: str, since: str) -> None:
    def local(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ROME)).astimezone(UTC)

    assert Lookback(function="sum_purchases", period=period).since(local(now), ROME) == local(since)


def test_the_same_period_begins_elsewhere_at_another_instant() -> None:
    now = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # in Rome it is April, and summer
    month = Lookback(function="count_purchases", period="P1M")

    assert month.since(now, "UTC") == datetime(2026, 2, 28, 22, 30, tzinfo=UTC)
    assert month.since(now, ROME) == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


def test_without_a_period_it_begins_never_and_a_century_is_no_trouble() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)

    assert Lookback(function="count_purchases").since(now, ROME) is None
    (long,) = lookbacks(["count_purchases('P100Y')"])
    since = long.since(now, ROME)
    assert since is not None
    assert abs(since - now.replace(year=1926)) < timedelta(hours=1)
