"""What a purchase says, and when a customer buys again by their own habit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.facts import Event
from engine.decide.purchases import in_words, next_purchase


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


@pytest.mark.parametrize(
    ("kind", "payload", "currency", "said"),
    [
        ("purchase", {"amount_minor": 8050, "currency": "EUR"}, "EUR", {"amount": 80.5}),
        ("purchase", {"amount_minor": 8050, "currency": "JPY"}, "JPY", {"amount": 8050.0}),
        ("purchase", {"amount_minor": 0, "currency": "EUR"}, "EUR", {"amount": 0.0}),
        ("purchase", {"amount_minor": 8050, "currency": "CHF"}, "EUR", {}),
        ("quote.accepted", {"amount": 3.0}, "EUR", {"amount": 3.0}),
    ],
)
def test_a_purchase_says_what_was_paid_in_the_currency_of_the_shop(
    kind: str, payload: dict[str, object], currency: str, said: dict[str, object]
) -> None:
    event = Event(customer="", kind=kind, ext_key="1", occurred_at=datetime(2026, 3, 2, tzinfo=UTC), payload=payload)
    assert in_words(event, currency).payload == said
