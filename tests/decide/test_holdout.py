"""Who is left alone: about the share that was asked for, always the same people, other people for another rule."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.arms import Arm
from engine.core.facts import Customer
from engine.decide.holdout import rule_arm, workspace_arm

MANY = 20_000
CUSTOMERS = [Customer(ref=f"C{number}") for number in range(MANY)]
ARMS = {rule: [rule_arm("key", rule, one, 0.1) for one in CUSTOMERS] for rule in ("thanks", "birthday")}
WHOLE = [workspace_arm("key", one, 0.1) for one in CUSTOMERS]


def expected(share: float) -> tuple[float, float]:
    """How many of all to expect, and four standard deviations around it."""
    return MANY * share, 4 * sqrt(MANY * share * (1 - share))


@pytest.mark.parametrize("drawn", [*ARMS.values(), WHOLE])
def test_holdout_and_comparison_are_of_the_size_that_was_asked_for(drawn: list[Arm]) -> None:
    sizes, (size, around) = Counter(drawn), expected(0.1)

    assert abs(sizes[Arm.HOLDOUT] - size) < around
    assert abs(sizes[Arm.COMPARISON] - size) < around
    assert sizes[Arm.TREATED] == MANY - sizes[Arm.HOLDOUT] - sizes[Arm.COMPARISON]


@pytest.mark.parametrize("other", [ARMS["birthday"], WHOLE])
@pytest.mark.parametrize("first", [Arm.HOLDOUT, Arm.COMPARISON])
@pytest.mark.parametrize("second", [Arm.HOLDOUT, Arm.COMPARISON])
def test_one_draw_says_nothing_about_another(other: list[Arm], first: Arm, second: Arm) -> None:
    both = sum(one is first and two is second for one, two in zip(ARMS["thanks"], other, strict=True))
    size, around = expected(0.01)

    assert abs(both - size) < around


def test_another_shop_draws_others() -> None:
    both = sum(
        ours is theirs is Arm.HOLDOUT
        for ours, theirs in zip(
            ARMS["thanks"], (rule_arm("another key", "thanks", one, 0.1) for one in CUSTOMERS), strict=True
        )
    )
    size, around = expected(0.01)

    assert abs(both - size) < around


@settings(max_examples=40)
@given(st.text(max_size=8), st.text(max_size=8), st.floats(0, 0.5), st.floats(0, 0.5))
def test_the_lot_is_the_same_every_time_and_grows_with_the_share(ref: str, rule: str, one: float, two: float) -> None:
    few, many = sorted((one, two))
    small, large = (rule_arm("key", rule, Customer(ref=ref), share) for share in (few, many))

    assert rule_arm("key", rule, Customer(ref=ref), few) is small
    assert small is not Arm.HOLDOUT or large is Arm.HOLDOUT
    assert small is not Arm.COMPARISON or large is not Arm.TREATED


def test_without_a_share_nobody_is_drawn_and_with_the_whole_everybody() -> None:
    assert {rule_arm("key", "thanks", one, 0.0) for one in CUSTOMERS[:500]} == {Arm.TREATED}
    assert {rule_arm("key", "thanks", one, 1.0) for one in CUSTOMERS[:500]} == {Arm.HOLDOUT}
    assert {rule_arm("key", "thanks", one, 0.7) for one in CUSTOMERS[:500]} == {Arm.HOLDOUT, Arm.COMPARISON}


def test_who_live_together_are_drawn_together() -> None:
    homes = [[Customer(ref=f"C{home}/{one}", household=f"H{home}") for one in range(4)] for home in range(500)]

    for drawn in (
        [{rule_arm("key", "thanks", one, 0.3) for one in home} for home in homes],
        [{workspace_arm("key", one, 0.3) for one in home} for home in homes],
    ):
        assert {len(arms) for arms in drawn} == {1}
        assert {Arm.HOLDOUT, Arm.COMPARISON, Arm.TREATED} == set().union(*drawn)


def test_a_household_is_not_the_customer_of_the_same_name() -> None:
    alone = [rule_arm("key", "thanks", Customer(ref=f"{number}"), 0.5) for number in range(200)]
    homes = [rule_arm("key", "thanks", Customer(ref="x", household=f"{number}"), 0.5) for number in range(200)]

    assert alone != homes
