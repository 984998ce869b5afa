"""From a checked expression to the tree: each sign of the language, with its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from engine.core.condition import (
    And,
    Arithmetic,
    Compare,
    Comparison,
    Constant,
    Convert,
    Known,
    Member,
    Name,
    Negative,
    Not,
    Or,
    Size,
    Term,
    Test,
    TextOperator,
    TextTest,
    Type,
    Value,
)
from engine.decide.checker import check
from engine.decide.problems import ConditionError
from engine.decide.tree import decode
from engine.decide.vocabulary import vocabulary

QUOTE = vocabulary().events["quote.sent"]


def _tree(source: str) -> Test:
    return decode(check(source, QUOTE), source, QUOTE)


def _left(source: str) -> Term:
    tree = _tree(source)
    assert isinstance(tree, Compare)
    return tree.left


def _name(name: str, offset: int) -> Name:
    return Name(name=name, type=QUOTE.fields[name].type, offset=offset)


def _constant(value: Value, offset: int) -> Constant:
    return Constant(value=value, offset=offset)


@pytest.mark.parametrize("sign", ["==", "!=", "<", "<=", ">", ">="])
def test_comparisons(sign: Comparison) -> None:
    expected = Compare(operator=sign, left=_name("now.day", 0), right=_constant(3, 9 + len(sign)), offset=8)

    assert _tree(f"now.day {sign} 3") == expected


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "%"])
def test_arithmetic_on_whole_numbers(sign: str) -> None:
    left = _left(f"now.day {sign} 3 > 1")

    assert isinstance(left, Arithmetic)
    assert (left.operator, left.left, left.right, left.offset) == (sign, _name("now.day", 0), _constant(3, 10), 8)


@pytest.mark.parametrize("sign", ["+", "-", "*", "/"])
def test_arithmetic_on_doubles(sign: str) -> None:
    left = _left(f"score.clv {sign} 0.5 > 1.0")

    assert isinstance(left, Arithmetic)
    assert (left.operator, left.left, left.right) == (sign, _name("score.clv", 0), _constant(0.5, 12))


@pytest.mark.parametrize("name", ["startsWith", "endsWith", "contains"])
def test_looking_into_a_text(name: TextOperator) -> None:
    place = len("customer.city.") + len(name)
    expected = TextTest(operator=name, text=_name("customer.city", 0), part=_constant("a", place + 1), offset=place)

    assert _tree(f"customer.city.{name}('a')") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("customer.has_email", _name("customer.has_email", 0)),
        ("true", _constant(True, 0)),
        ("!true", Not(part=_constant(True, 1), offset=0)),
        ("known(score.tier)", Known(name=_name("score.tier", 6), offset=5)),
        (
            "true && false && true",
            And(parts=(_constant(True, 0), _constant(False, 8), _constant(True, 17)), offset=14),
        ),
        ("true || (false || true)", Or(parts=(_constant(True, 0), _constant(False, 9), _constant(True, 18)), offset=5)),
        (
            "true && (false || true)",
            And(parts=(_constant(True, 0), Or(parts=(_constant(False, 9), _constant(True, 18)), offset=15)), offset=5),
        ),
        (
            "now.day in [1, -2]",
            Member(term=_name("now.day", 0), options=(_constant(1, 12), _constant(-2, 15)), offset=8),
        ),
        ("now.day in []", Member(term=_name("now.day", 0), options=(), offset=8)),
    ],
)
def test_tests(source: str, expected: Test) -> None:
    assert _tree(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("-now.day < 3", Negative(term=_name("now.day", 1), offset=0)),
        ("-3 < now.day", _constant(-3, 0)),
        ("size(customer.city) < 3", Size(term=_name("customer.city", 5), offset=4)),
        ("customer.city.size() < 3", Size(term=_name("customer.city", 0), offset=18)),
        ("int(score.clv) < 3", Convert(to=Type.INT, term=_name("score.clv", 4), offset=3)),
        ("double(now.day) < 3.0", Convert(to=Type.DOUBLE, term=_name("now.day", 7), offset=6)),
        ("'it\\'s' == customer.city", _constant("it's", 0)),
        ('r"\\d" == customer.city', _constant("\\d", 0)),
        ("1e3 < score.clv", _constant(1000.0, 0)),
        ("0x10 < now.day", _constant(16, 0)),
    ],
)
def test_terms(source: str, expected: Term) -> None:
    assert _left(source) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-31T00:00:00Z", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T01:00:00+01:00", datetime(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_timestamps(text: str, value: datetime) -> None:
    assert _left(f"timestamp('{text}') < now.instant") == _constant(value, 9)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("72h", timedelta(hours=72)),
        ("90m", timedelta(minutes=90)),
        ("0s", timedelta()),
        ("1h30m5s", timedelta(hours=1, minutes=30, seconds=5)),
        ("-2h", timedelta(hours=-2)),
    ],
)
def test_durations(text: str, value: timedelta) -> None:
    assert _left(f"duration('{text}') < now.instant - event.occurred_at") == _constant(value, 8)


@pytest.mark.parametrize("text", ["", "h", "3", "3d", "1.5h", "30m1h", "1h 30m", "P1D", "1H", "9999999999h"])
def test_durations_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ConditionError, match=r"duration\(\) cannot read this"):
        _tree(f"duration('{text}') < now.instant - event.occurred_at")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T00:00:00",
        "2026-01-31 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T00:00Z",
        "20260131T000000Z",
    ],
)
def test_timestamps_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ConditionError, match=r"timestamp\(\) cannot read this"):
        _tree(f"timestamp('{text}') < now.instant")


@pytest.mark.parametrize("source", ["score.tier in ['a', 3]", "now.day in [1, 2.5]", "score.clv in [1.0, 'a']"])
def test_a_list_holds_one_type(source: str) -> None:
    with pytest.raises(ConditionError, match="the list holds something else than"):
        _tree(source)


def test_places_count_characters_and_not_bytes() -> None:
    tree = _tree("customer.city != 'è😀' && customer.has_email")

    assert isinstance(tree, And)
    assert tree.parts[1] == _name("customer.has_email", 25)
