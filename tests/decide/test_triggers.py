"""Dates that come round, lines that are crossed, and which rules an event starts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.calendar import anniversary
from engine.core.facts import Event
from engine.decide import triggers
from engine.decide.condition import compile_condition
from engine.decide.rule import load
from engine.decide.vocabulary import vocabulary
from tests.shop import THANKS

WORDS = vocabulary()
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_returns_are_anniversaries_and_never_the_day_itself() -> None:
    assert triggers.returns(date(2024, 5, 3), date(2024, 1, 1), date(2026, 12, 31)) == [
        (date(2025, 5, 3), 1),
        (date(2026, 5, 3), 2),
    ]


def test_returns_span_the_turn_of_the_year() -> None:
    assert triggers.returns(date(2020, 1, 2), date(2025, 12, 30), date(2026, 1, 5)) == [(date(2026, 1, 2), 6)]


@given(
    origin=st.dates(date(1930, 1, 1), date(2026, 1, 1)),
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    span=st.integers(0, 800),
)
def test_each_year_of_a_span_has_its_one_return(origin: date, first: date, span: int) -> None:
    last = first + timedelta(days=span)

    found = triggers.returns(origin, first, last)

    expected = [
        anniversary(origin, year)
        for year in range(first.year, last.year + 1)
        if year > origin.year and first <= anniversary(origin, year) <= last
    ]
    assert [day for day, _ in found] == expected
    assert [years for _, years in found] == [day.year - origin.year for day in expected]


def test_days_in_a_row_see_each_return_exactly_once() -> None:
    origin, seen = date(2000, 2, 29), []
    for number in range(1500):
        today = date(2023, 1, 1) + timedelta(days=number)
        seen += [day for day, _ in triggers.returns(origin, today, today)]

    assert seen == [date(2023, 2, 28), date(2024, 2, 29), date(2025, 2, 28), date(2026, 2, 28)]


def test_a_line_is_crossed_when_it_holds_now_and_did_not_before() -> None:
    line = compile_condition("p_alive < 0.3", WORDS.crossing)

    def crossed(now: float | None, then: float | None) -> bool:
        values = {"score.p_alive": now, "score.prev_p_alive": then}
        rest = {f"score.{name}": None for name in ("clv", "percentile", "tier")}
        rest |= {f"score.prev_{name}": None for name in ("clv", "percentile", "tier")}
        return triggers.crosses(line, values | rest)

    assert crossed(0.2, 0.5)
    assert crossed(0.2, None)
    assert not crossed(0.2, 0.1)
    assert not crossed(0.5, 0.2)
    assert not crossed(None, 0.2)


def test_rules_are_found_by_the_event_that_starts_them() -> None:
    rules = load({"rules/thanks.toml": THANKS}, vocabulary=WORDS, templates=["email/service_thank_you"])

    assert list(triggers.by_event(rules)) == ["service_call.completed"]
    assert triggers.of_kind(rules, "date") == []


def test_an_events_occurrence_is_its_own_key() -> None:
    event = Event(customer="C1", kind="quote.sent", ext_key="E1", occurred_at=NOON)
    why = triggers.event_occasion("till", 7, event)
    assert (why.occurrence, why.anchor, why.event, why.event_id) == ("till/E1", NOON, event, 7)


def test_the_day_of_an_instant_is_the_customers() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)

    assert triggers.day_of(late, "Europe/Rome") == date(2026, 3, 2)
    assert triggers.day_of(None, "Europe/Rome") is None
