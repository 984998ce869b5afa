"""What a condition says: compared with cel-cpp where nothing is missing, with WHERE of SQLite where anything may be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.condition import INT64, Type
from engine.decide.closure import closure, together
from engine.decide.condition import Condition, compile_condition
from tests.decide.oracles import NAMES, SCOPE, a_thousand, by_cel, by_sqlite, conditions, contexts, trees

NOTHING: dict[str, Any] = dict.fromkeys(NAMES)


def _condition(source: str) -> Condition:
    return compile_condition(source, SCOPE)


FULL, GAPPED = contexts(12, missing=0.0), contexts(24, missing=0.3)


def test_a_thousand_conditions_say_what_cel_says() -> None:
    for source, tree in zip(a_thousand(), trees(), strict=True):
        assert list(map(closure(tree), FULL)) == by_cel(source, FULL), source


def test_a_thousand_conditions_say_what_where_says_of_what_is_missing() -> None:
    for source, tree in zip(a_thousand(), trees(), strict=True):
        assert list(map(closure(tree), GAPPED)) == by_sqlite(tree, GAPPED), source


def test_a_thousand_conditions_say_of_many_rows_what_they_say_of_each() -> None:
    names = list(NAMES)
    rows = [[row[name] for name in names] for row in GAPPED]
    for source, tree in zip(a_thousand(), trees(), strict=True):
        assert together([[tree]], names).held(rows) == [(closure(tree)(row),) for row in GAPPED], source


def test_the_thousand_are_no_two_the_same_and_most_tell_customers_apart() -> None:
    assert len(set(a_thousand())) == 1000
    assert len(set(trees())) == 1000
    assert sum(len(set(map(closure(tree), GAPPED))) == 2 for tree in trees()) > 500


@settings(max_examples=60)
@given(conditions())
def test_with_every_value_there_it_says_what_cel_says(source: str) -> None:
    condition = _condition(source)

    assert [condition.holds(row) for row in FULL] == by_cel(source, FULL)


@settings(max_examples=60)
@given(conditions())
def test_with_values_missing_it_says_what_where_says(source: str) -> None:
    condition = _condition(source)

    assert [condition.holds(row) for row in GAPPED] == by_sqlite(condition.tree, GAPPED)


@settings(max_examples=60)
@given(conditions())
def test_the_clauses_together_are_the_condition(source: str) -> None:
    condition = _condition(source)

    for row in GAPPED:
        assert all(clause.holds for clause in condition.explain(row)) is condition.holds(row)


@pytest.mark.parametrize(
    "source",
    [
        "score.tier == 'gold'",
        "score.tier != 'gold'",
        "!(score.tier == 'gold')",
        "score.tier in ['gold']",
        "!(score.tier in ['gold'])",
        "score.tier.startsWith('g')",
        "!score.tier.contains('')",
        "score.p_alive < 0.3",
        "score.p_alive + 1.0 > 0.0",
        "!(size(score.tier) > 3)",
        "customer.has_email",
        "!customer.has_email",
        "customer.has_email != true",
        "known(score.tier)",
        "event.occurred_at < now.instant",
        "0.3 < score.p_alive && true",
        "score.tier == customer.city",
    ],
)
def test_nothing_holds_of_what_is_missing(source: str) -> None:
    assert _condition(source).holds(NOTHING) is False


@pytest.mark.parametrize("source", ["!known(score.tier)", "!known(score.tier) || score.tier == 'gold'", "true"])
def test_what_does_not_depend_on_it_still_holds(source: str) -> None:
    assert _condition(source).holds(NOTHING) is True


@pytest.mark.parametrize(
    ("source", "frequency"),
    [
        ("score.frequency / 2 == 3", 7),
        ("score.frequency / 2 == -3", -7),
        ("score.frequency % 3 == -1", -7),
        ("score.frequency % -3 == 1", 7),
        ("-score.frequency == 7", -7),
        ("int(-2.9) == score.frequency", -2),
        ("double(score.frequency) / 2.0 == 3.5", 7),
    ],
)
def test_whole_numbers_divide_towards_zero(source: str, frequency: int) -> None:
    assert _condition(source).holds(NOTHING | {"score.frequency": frequency})


@pytest.mark.parametrize(
    ("term", "changed"),
    [
        ("score.frequency / now.month", {"score.frequency": 1, "now.month": 0}),
        ("score.frequency % now.month", {"score.frequency": 1, "now.month": 0}),
        ("score.frequency + 1", {"score.frequency": INT64[-1]}),
        ("-score.frequency", {"score.frequency": INT64[0]}),
        ("int(event.amount)", {"event.amount": 1e300}),
    ],
)
def test_a_result_that_does_not_exist_is_missing(term: str, changed: dict[str, Any]) -> None:
    for test in (f"{term} == 0", f"{term} != 0", f"!({term} == 0)"):
        assert not _condition(test).holds(NOTHING | changed)


@pytest.mark.parametrize("term", ["event.amount / 0.0", "event.amount * 1e300", "0.0 / (event.amount - event.amount)"])
def test_infinite_numbers_are_missing(term: str) -> None:
    for test in (f"{term} > 0.0", f"{term} <= 0.0", f"{term} != {term}"):
        assert not _condition(test).holds(NOTHING | {"event.amount": 1e300})


def test_an_instant_outside_the_calendar_is_missing() -> None:
    late = NOTHING | {"now.instant": datetime(9999, 12, 31, 23, tzinfo=UTC)}

    assert not _condition("now.instant + duration('2h') > now.instant").holds(late)
    assert not _condition("now.instant + duration('2h') <= now.instant").holds(late)


def test_texts_compare_by_code_point_and_count_code_points() -> None:
    names = NOTHING | {"customer.city": "Forlì 😀"}

    assert _condition("size(customer.city) == 7 && customer.city > 'Forlz' && customer.city < 'G'").holds(names)


@pytest.mark.parametrize("parts", range(1, 8))
def test_chains_of_every_length(parts: int) -> None:
    months = [f"now.month != {month}" for month in range(parts)]
    every, some = _condition(" && ".join(months)), _condition(f"!({' && '.join(months)})")

    for month in range(parts + 1):
        values = NOTHING | {"now.month": month}
        assert every.holds(values) is (month == parts)
        assert some.holds(values) is (month < parts)


def test_spans_of_time() -> None:
    then = datetime(2026, 3, 28, 12, tzinfo=UTC)
    condition = _condition("now.instant - event.occurred_at > duration('72h')")

    assert condition.holds(NOTHING | {"event.occurred_at": then, "now.instant": then + timedelta(hours=72, seconds=1)})
    assert not condition.holds(NOTHING | {"event.occurred_at": then, "now.instant": then + timedelta(hours=72)})


def test_the_random_conditions_reach_every_type() -> None:
    assert set(NAMES.values()) == set(Type) - {Type.DURATION}


@pytest.mark.parametrize("levels", [1, 7, 14])
def test_conditions_within_conditions_however_deep(levels: int) -> None:
    source = "customer.has_email"
    for level in range(levels):
        source = f"({source} {'||' if level % 2 else '&&'} now.month != {level % 12 - 3})"
    condition = _condition(source)

    assert [condition.holds(row) for row in FULL] == by_cel(source, FULL)
    assert [condition.holds(row) for row in GAPPED] == by_sqlite(condition.tree, GAPPED)


@pytest.mark.parametrize("text", ["') or True or ('", 'a" or "a', "{0}", "context", "é\\\n"])
def test_a_text_is_compared_and_never_read_as_words_of_ours(text: str) -> None:
    condition = _condition(f"customer.city == {json.dumps(text)} || score.tier in [{json.dumps(text)}]")

    assert not condition.holds(NOTHING | {"customer.city": "Roma", "score.tier": "gold"})
    assert condition.holds(NOTHING | {"customer.city": text})
    assert condition.holds(NOTHING | {"score.tier": text})


@settings(max_examples=30)
@given(st.lists(conditions(), max_size=6))
def test_many_conditions_asked_at_once_say_what_each_says_alone(sources: list[str]) -> None:
    asked = [_condition(source) for source in [*sources, *sources[:1]]]  # one of them twice, as rules have it
    names = list(NAMES)
    every = together([*([part.tree for part in one.parts] for one in asked), []], names)

    rows = [*FULL, *GAPPED]
    held = every.held([row[name] for name in names] for row in rows)
    for row, said in zip(rows, held, strict=True):
        assert every.signs(said) == (*(one.held(row) for one in asked), "")


def test_values_that_are_equal_and_of_two_types_stay_two() -> None:
    asked = [_condition(source) for source in ("now.month == 1", "score.p_alive == 1.0")]
    every = together(([part.tree for part in one.parts] for one in asked), ["now.month", "score.p_alive"])

    assert [every.signs(said) for said in every.held([(1, 1.0), (2, 1.0)])] == [("1", "1"), ("0", "1")]


def test_a_test_that_several_conditions_have_is_asked_once() -> None:
    asked = [_condition(source) for source in ("now.month == 1 && score.p_alive > 0.5", "now.month == 1")]
    every = together(([part.tree for part in one.parts] for one in asked), ["score.p_alive", "now.month"])

    assert every.held([(0.4, 1), (None, 2)]) == [(True, False), (False, False)]
    assert every.signs((True, False)) == ("10", "1")
