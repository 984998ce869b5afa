"""Tokens for messages: a burst, then a steady flow, and never more than the provider counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.rate import SKEW, Bucket, Rate, full, take

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RATES = st.builds(Rate, number=st.integers(1, 500), seconds=st.sampled_from([0.5, 1.0, 60.0, 3600.0]))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("number", "seconds"), [(0, 1), (-1, 1), (1, 0), (1, -1), (1, float("inf")), (1, float("nan"))]
)
def test_a_rate_of_nothing_is_none(number: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="is none"):
        Rate(number=number, seconds=seconds)


@pytest.mark.parametrize(("number", "burst"), [(1, 1), (9, 1), (14, 1), (20, 2), (100, 10)])
def test_after_a_rest_a_tenth_may_go_at_once(number: int, burst: int) -> None:
    rate = Rate(number=number)
    granted, _ = take(full(rate, NOON), rate, 1000, NOON)
    assert granted == rate.burst == burst


def test_one_a_second_is_one_a_second() -> None:
    rate, bucket = Rate(number=1), full(Rate(number=1), NOON)
    got = []
    for tenth in range(31):
        granted, bucket = take(bucket, rate, 5, at(tenth / 10))
        got += [tenth] * granted
    assert got == [0, 10, 20, 30]


def test_who_asks_when_the_bucket_is_full_again_gets_nine_tenths_and_more() -> None:
    rate = Rate(number=100, seconds=10.0)
    now, bucket, sent = NOON, full(rate, NOON), 0
    while now < at(100):
        granted, bucket = take(bucket, rate, 1000, now)
        sent += granted
        now += rate.rest
    assert 900 <= sent <= 1000


@settings(max_examples=60)
@given(RATES, st.lists(st.tuples(st.floats(0, 0.3), st.integers(-1, 600)), max_size=60))
def test_no_stretch_holds_more_than_the_rate(rate: Rate, asked: list[tuple[float, int]]) -> None:
    now, bucket, given_out = NOON, full(rate, NOON), list[tuple[datetime, int]]()
    for wait, wanted in asked:
        now += timedelta(seconds=wait * rate.seconds)
        granted, bucket = take(bucket, rate, wanted, now)
        assert 0 <= granted <= max(0, wanted)
        given_out.append((now, granted))
    stretch = timedelta(seconds=rate.seconds)
    for start, _ in given_out:
        assert sum(number for when, number in given_out if start <= when < start + stretch) <= rate.number


def test_two_clocks_that_differ_a_little_do_not_make_more_of_it() -> None:
    rate = Rate(number=1)
    bucket, sent = full(rate, NOON), 0
    for second in range(1000):
        granted, bucket = take(bucket, rate, 1, at(second / 10 - (second % 2) * 30))
        sent += granted
    assert sent <= 101


def test_a_clock_that_was_set_back_holds_nobody_up() -> None:
    rate = Rate(number=1)
    bucket = Bucket(tokens=0.0, at=NOON)
    granted, bucket = take(bucket, rate, 1, NOON - timedelta(hours=1))
    assert (granted, bucket.at) == (0, NOON - timedelta(hours=1))
    granted, bucket = take(bucket, rate, 1, NOON - timedelta(hours=1) + timedelta(seconds=1))
    assert granted == 1


def test_a_clock_that_is_a_little_behind_waits_until_it_has_caught_up() -> None:
    rate = Rate(number=1)
    granted, bucket = take(Bucket(tokens=0.0, at=NOON), rate, 1, NOON - SKEW)
    assert (granted, bucket.at) == (0, NOON)
