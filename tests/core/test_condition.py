"""The tree of a condition: its normal form, the types of terms, the names it reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.condition import (
    And,
    Arithmetic,
    Compare,
    Constant,
    Convert,
    Known,
    Member,
    Name,
    Negative,
    Not,
    Operator,
    Or,
    Size,
    Term,
    Test,
    TextTest,
    Type,
    names_in,
    normal_form,
    type_of,
)

TIER = Name(name="score.tier", type=Type.STRING, offset=0)
ALIVE = Name(name="score.p_alive", type=Type.DOUBLE, offset=0)
MAIL = Name(name="customer.has_email", type=Type.BOOL, offset=0)
GOLD = Constant(value="gold", offset=0)
LOW = Compare(operator="<", left=ALIVE, right=Constant(value=0.3, offset=0), offset=0)
IN_LIST = Member(term=TIER, options=(GOLD,), offset=0)
STARTS = TextTest(operator="startsWith", text=TIER, part=GOLD, offset=0)
KNOWN = Known(name=ALIVE, offset=0)
YES = Constant(value=True, offset=0)

LEAVES: st.SearchStrategy[Test] = st.sampled_from([LOW, IN_LIST, STARTS, KNOWN, MAIL, YES])


def _joined(inner: st.SearchStrategy[Test]) -> st.SearchStrategy[Test]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return (
        st.builds(And, parts=parts, offset=st.just(0))
        | st.builds(Or, parts=parts, offset=st.just(0))
        | st.builds(Not, part=inner, offset=st.just(0))
    )


TESTS: st.SearchStrategy[Test] = st.recursive(LEAVES, _joined, max_leaves=12)


def _negated_leaves_only(test: Test) -> bool:
    match test:
        case And() | Or():
            return all(_negated_leaves_only(part) for part in test.parts)
        case Not():
            return isinstance(test.part, Member | TextTest | Known | Name)
        case _:
            return True


@given(TESTS)
def test_in_the_normal_form_only_leaves_without_an_opposite_are_negated(test: Test) -> None:
    assert _negated_leaves_only(normal_form(test))
    assert _negated_leaves_only(normal_form(test, negate=True))


@given(TESTS)
def test_the_normal_form_is_its_own_and_reads_the_same_names(test: Test) -> None:
    normal = normal_form(test)

    assert normal_form(normal) == normal
    assert names_in(normal) == names_in(test)


@given(TESTS)
def test_twice_negated_is_not_negated(test: Test) -> None:
    assert normal_form(normal_form(test, negate=True), negate=True) == normal_form(test)
    assert normal_form(Not(part=test, offset=0)) == normal_form(test, negate=True)


def test_negation_turns_and_into_or_and_each_comparison_round() -> None:
    test = Not(part=And(parts=(LOW, Not(part=IN_LIST, offset=0), YES), offset=0), offset=0)

    high = Compare(operator=">=", left=ALIVE, right=Constant(value=0.3, offset=0), offset=0)
    assert normal_form(test) == Or(parts=(high, IN_LIST, Constant(value=False, offset=0)), offset=0)


@pytest.mark.parametrize(
    ("sign", "opposite"), [("==", "!="), ("!=", "=="), ("<", ">="), ("<=", ">"), (">", "<="), (">=", "<")]
)
def test_every_comparison_has_an_opposite(sign: str, opposite: str) -> None:
    test = Compare(operator=sign, left=ALIVE, right=ALIVE, offset=3)  # type: ignore[arg-type]  # parametrised

    assert normal_form(test, negate=True) == Compare(operator=opposite, left=ALIVE, right=ALIVE, offset=3)  # type: ignore[arg-type]  # parametrised


NOON = Constant(value=datetime(2026, 3, 1, 12, tzinfo=UTC), offset=0)
HOUR = Constant(value=timedelta(hours=1), offset=0)
THREE = Constant(value=3, offset=0)


def _calculated(sign: Operator, left: Term, right: Term) -> Arithmetic:
    return Arithmetic(operator=sign, left=left, right=right, offset=0)


@pytest.mark.parametrize(
    ("term", "kind"),
    [
        (ALIVE, Type.DOUBLE),
        (YES, Type.BOOL),
        (THREE, Type.INT),
        (Constant(value=0.5, offset=0), Type.DOUBLE),
        (GOLD, Type.STRING),
        (NOON, Type.TIMESTAMP),
        (HOUR, Type.DURATION),
        (Size(term=TIER, offset=0), Type.INT),
        (Negative(term=ALIVE, offset=0), Type.DOUBLE),
        (Convert(to=Type.DOUBLE, term=THREE, offset=0), Type.DOUBLE),
        (Convert(to=Type.INT, term=ALIVE, offset=0), Type.INT),
        (_calculated("*", THREE, THREE), Type.INT),
        (_calculated("/", ALIVE, ALIVE), Type.DOUBLE),
        (_calculated("-", NOON, NOON), Type.DURATION),
        (_calculated("-", NOON, HOUR), Type.TIMESTAMP),
        (_calculated("+", HOUR, NOON), Type.TIMESTAMP),
    ],
)
def test_the_type_of_a_term(term: Term, kind: Type) -> None:
    assert type_of(term) is kind


def test_names_come_once_in_the_order_of_the_source() -> None:
    longer = Compare(
        operator="==",
        left=_calculated("+", ALIVE, Negative(term=Name(name="score.clv", type=Type.DOUBLE, offset=0), offset=0)),
        right=ALIVE,
        offset=0,
    )
    test = Or(parts=(STARTS, And(parts=(longer, KNOWN, IN_LIST, MAIL, YES), offset=0)), offset=0)

    assert names_in(test) == ("score.tier", "score.p_alive", "score.clv", "customer.has_email")
