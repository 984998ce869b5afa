"""A group's mean and its error, with households of any size, and what a difference says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.report.group import Compared, Group, Says, compared

HOMES = st.lists(st.tuples(st.integers(1, 6), st.integers(-100_000, 1_000_000)), min_size=2, max_size=40)


def singles(paid: list[int]) -> Group:
    return Group.of([(1, amount) for amount in paid])


def test_nobody_and_one_alone() -> None:
    assert Group.of([]) == Group(customers=0, households=0, mean=0.0, error=0.0)
    assert Group.of([(3, 90)]) == Group(customers=3, households=1, mean=30.0, error=0.0)


def test_where_all_live_alone_it_is_the_usual_error_of_a_mean() -> None:
    paid = [0, 500, -300, 1000]
    found = singles(paid)
    assert (found.customers, found.households, found.mean) == (4, 4, 300.0)
    assert found.error == pytest.approx(np.var(paid, ddof=1) / 4)


@given(homes=HOMES)
def test_it_is_the_error_of_a_ratio_between_sums_of_households(homes: list[tuple[int, int]]) -> None:
    found = Group.of(homes)
    sizes, sums = np.array(homes, dtype=float).T
    assert found.mean == pytest.approx(sums.sum() / sizes.sum())
    apart = sums - found.mean * sizes
    number = len(homes)
    assert found.error == pytest.approx(number / (number - 1) * (apart**2).sum() / sizes.sum() ** 2, rel=1e-6, abs=1e-3)


@given(homes=HOMES, times=st.integers(2, 9))
def test_members_who_all_do_the_same_tell_no_more_than_one_of_them(homes: list[tuple[int, int]], times: int) -> None:
    once = Group.of([(1, amount) for _, amount in homes])
    often = Group.of([(times, times * amount) for _, amount in homes])
    assert often.mean == pytest.approx(once.mean)
    assert often.error == pytest.approx(once.error)


@pytest.mark.parametrize(
    ("holdout", "comparison", "says"),
    [
        ([0, 1000] * 50, [500, 1500] * 50, "more"),
        ([500, 1500] * 50, [0, 1000] * 50, "less"),
        ([0, 1000] * 50, [0, 1001] * 50, "nothing sure"),
        ([0, 1000] * 49, [500, 1500] * 500, "too few"),
        ([], [], "too few"),
    ],
)
def test_what_it_says(holdout: list[int], comparison: list[int], says: Says) -> None:
    assert compared(singles(holdout), singles(comparison)).says == says


def test_it_is_households_that_must_be_enough() -> None:
    few = Group.of([(5, 100), (5, 200)] * 49)
    assert (few.customers, few.households) == (490, 98)
    assert compared(few, singles([0, 1000] * 500)).says == "too few"


def test_the_two_beside_each_other() -> None:
    assert compared(singles([0, 1000] * 50), singles([500, 1500] * 100)) == Compared(
        holdout_mean_minor=500, comparison_mean_minor=1000, difference_minor=500, low_minor=379, high_minor=621,
        says="more",
    )  # fmt: skip


@pytest.mark.parametrize("members", [1, 4])
def test_the_range_holds_the_truth_nineteen_times_out_of_twenty(members: int) -> None:
    """Also where those who live together buy much alike; counted one by one, it would hold it far less often."""
    chance = np.random.default_rng(7)

    def group(more: int) -> Group:
        home = chance.gamma(0.4, 5000, size=(200, 1)) * (chance.random((200, 1)) < 0.5)
        each = home * chance.uniform(0.8, 1.2, size=(200, members)) + more
        return Group.of((members, round(one.sum())) for one in each)

    found = [compared(group(0), group(300)) for _ in range(400)]
    assert 365 <= sum(one.low_minor <= 300 <= one.high_minor for one in found) <= 394
