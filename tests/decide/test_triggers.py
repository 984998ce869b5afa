"""When rules are asked about dates, lines that are crossed, and which rules an event starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.calendar import anniversary
from engine.core.facts import Event
from engine.decide import triggers
from engine.decide.condition import compile_condition
from engine.decide.rule import Rule, load
from engine.decide.vocabulary import vocabulary
from tests.decide.dated import dated
from tests.shop import THANKS

WORDS = vocabulary()
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


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


def birthday(*steps: str) -> Rule:
    """A rule for birthdays with such steps."""
    text = dated("care", 'date = "customer.birthday"', *steps)
    return load({"rules/care.toml": text}, vocabulary=WORDS, templates=["email/service_thank_you"])[0]


@pytest.mark.parametrize(
    ("steps", "lead", "day"),
    [
        ((), 0, date(2026, 3, 31)),
        (("",), 0, date(2026, 3, 31)),
        (("",), 3, date(2026, 3, 28)),
        (('after = "P2D"',), 3, date(2026, 3, 30)),
        (('after = "P10D"',), 3, date(2026, 3, 31)),
        (('before = "P30D"', 'before = "P7D"', 'after = "P1D"'), 0, date(2026, 3, 1)),
        (('before = "P1M"',), 0, date(2026, 2, 28)),
        (('before = "P1M"',), 3, date(2026, 2, 25)),
        (('before = "PT1H"',), 0, date(2026, 3, 30)),
        (('before = "PT24H"',), 0, date(2026, 3, 30)),
    ],
)
def test_a_rule_is_asked_when_its_first_step_is_near(steps: tuple[str, ...], lead: int, day: date) -> None:
    rule = birthday(*steps) if steps else replace(birthday(""), steps=())

    assert triggers.asked_on(rule, date(2026, 3, 31), {"email": lead}) == day


DURATIONS = st.sampled_from(["P1D", "P30D", "P1M", "P2M15D", "P1Y", "PT1H", "PT49H", "P3W"])


@given(
    st.lists(st.tuples(st.sampled_from(["before", "after"]), DURATIONS), min_size=1, max_size=3),
    st.integers(0, 5),
    st.dates(date(2023, 1, 1), date(2027, 1, 1)),
    st.dates(date(1960, 1, 1), date(2000, 1, 1)),
)
def test_whoever_looks_every_day_is_asked_about_each_date_once_it_is_near(
    steps: list[tuple[str, str]], lead: int, begin: date, born: date
) -> None:
    rule = birthday(*(f'{side} = "{span}"' for side, span in steps))
    on, travels = rule.trigger.date, {"email": lead}
    assert on is not None
    seen: dict[date, date] = {}
    for number in range(800):
        today = begin + timedelta(days=number)
        for day, _ in triggers.due(rule, on, born, since=today, today=today, travels=travels):
            seen.setdefault(day, today)

    wanted = [anniversary(born, year) for year in range(begin.year, begin.year + 5)]
    for day in wanted:
        first = triggers.asked_on(rule, day, travels)
        if day >= begin and first < begin + timedelta(days=800):
            assert seen.pop(day) == max(first, begin)
    assert not seen
