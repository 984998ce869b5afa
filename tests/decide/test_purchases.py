"""When a customer buys again, by their own habit."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decide.purchases import next_purchase


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([], None),
        ([1], None),
        ([1, 11], None),
        ([1, 11, 21], 31),
        ([1, 11, 31], 46),  # between 10 and 20
        ([1, 11, 32], 48),  # 15.5 is rounded up
        ([1, 11, 21, 400], 410),  # one long pause
    ],
)
def test_the_last_day_plus_the_median_gap(days: list[int], expected: int | None) -> None:
    assert next_purchase(days) == (None if expected is None else date.fromordinal(expected))


@given(st.lists(st.integers(700_000, 740_000), min_size=3, max_size=12, unique=True).map(sorted))
def test_it_lies_behind_the_last_and_no_further_than_the_longest_pause(days: list[int]) -> None:
    gaps = [later - earlier for earlier, later in pairwise(days)]
    found = next_purchase(days)

    assert found is not None
    assert abs(found.toordinal() - days[-1] - median(gaps)) <= 0.5
    assert days[-1] < found.toordinal() <= days[-1] + max(gaps)


def test_beyond_the_calendar_there_is_none() -> None:
    last = date.max.toordinal()

    assert next_purchase([last - 20, last - 10, last]) is None
