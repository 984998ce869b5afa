"""The checker lets through exactly the rule language: nothing that a back-end could not do the same way."""

from __future__ import annotations

import pytest

from engine.decide.checker import _environment, check
from engine.decide.problems import ConditionError
from engine.decide.vocabulary import vocabulary

WORDS = vocabulary(attributes={"until": "timestamp"})
QUOTE = WORDS.events["quote.sent"]


def _codes(source: str) -> list[str]:
    with pytest.raises(ConditionError) as caught:
        check(source, QUOTE)
    return [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize(
    "source",
    [
        "has(event.amount)",
        "customer.city.matches('a+')",
        "matches(customer.city, 'a+')",
        "event.occurred_at.getFullYear() == 2026",
        "event.occurred_at.getMonth() == 1",
        "event.occurred_at.getDayOfWeek('Europe/Rome') == 1",
        "event.occurred_at.getHours() == 1",
        "string(now.day) == '1'",
        "bool('true')",
        "bytes('a') == bytes('b')",
        "uint(now.day) == uint(3)",
        "dyn(now.day) == 3",
        "type(now.day) == type(3)",
        "customer.city.lowerAscii() == 'roma'",
        "math.greatest(1, 2) == 2",
    ],
)
def test_functions_of_cel_outside_the_language_are_unknown(source: str) -> None:
    assert set(_codes(source)) <= {"R031", "R032"}
    assert _codes(source)


@pytest.mark.parametrize(
    "source",
    ["[1, 2].all(x, x > 1)", "[1, 2].exists(x, x > 1)", "[1].exists_one(x, x > 1)", "[1].map(x, x + 1) == [2]"],
)
def test_macros_are_off_so_nothing_can_run_long(source: str) -> None:
    assert "R032" in _codes(source)


@pytest.mark.parametrize(
    "source",
    [
        "customer.city + 'a' == 'Romaa'",
        "[1] + [2] == [1, 2]",
        "duration('1h') + duration('1h') > duration('1h')",
        "size([1]) == 1",
        "int('3') == 3",
        "int(event.occurred_at) == 3",
        "double('3') == 3.0",
        "timestamp(3) < now.instant",
        "true < false",
        "1u < 2u",
        "score.clv % 2.0 == 0.0",
        "score.clv < 3",
        "now.day < 3.0",
        "now.day == 3.0",
        "score.tier == 3",
        "now.instant + 3 > now.instant",
    ],
)
def test_types_of_cel_outside_the_language_do_not_fit(source: str) -> None:
    assert _codes(source)[0] == "R033"


@pytest.mark.parametrize(("source", "kind"), [("customer.city", "string"), ("now.day + 1", "int"), ("[1]", "list")])
def test_a_condition_is_true_or_false(source: str, kind: str) -> None:
    with pytest.raises(ConditionError, match=f"true or false, this is a {kind}"):
        check(source, QUOTE)


def test_the_answer_is_the_tree_with_its_places() -> None:
    checked = check("score.tier == 'gold'", QUOTE)

    call = checked.expr.call_expr
    assert call.function == "_==_"
    assert call.args[0].ident_expr.name == "score.tier"
    assert call.args[1].const_expr.string_value == "gold"
    places = {place.key: place.value for place in checked.source_info.positions}
    assert places[checked.expr.id] == 11


def test_each_scope_has_one_environment() -> None:
    words = vocabulary()
    before = _environment.cache_info().misses

    for _ in range(3):
        for scope in (words.plain, words.crossing, words.events["quote.sent"]):
            check("true", scope)

    assert _environment.cache_info().misses == before + 3


@pytest.mark.parametrize("kind", sorted(WORDS.events))
def test_every_name_of_every_event_can_be_said(kind: str) -> None:
    for name in WORDS.events[kind].fields:
        check(f"known({name})", WORDS.events[kind])
