"""Leaving with a chance of one's own: closed forms against integrals and other people's digits, draws against means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy.special import expit  # type: ignore[import-untyped]  # scipy ships no types

from engine.score.arrays import FloatArray
from engine.score.models.leaving import (
    by_quadrature,
    draw_alive,
    draw_stays,
    expected_alive,
    expected_stays,
    stayed_or_left,
)
from engine.score.models.rows import rows_of
from tests.score.shops import beta_by_logit, history_of

POWER = st.floats(-4, 4).map(lambda power: 10**power)
SHOP = {"r": 0.6, "alpha": 6.0, "a": 0.9, "b": 2.6}
CUSTOMERS = np.array([0.0, 3, 0, 9, 3]), np.array([38.0, 38, 38, 31, 38])


@pytest.mark.parametrize(
    ("r", "alpha", "a", "b", "x", "age", "t", "expected"),
    [  # by mpmath 1.4 with 80 to 200 digits
        (0.25, 4.4, 0.8, 3.4, 5000, 300.0, 52.0, 801.1920242151),
        (0.1, 0.14, 1.257, 1122.0, 2, 0.0, 1622.0, 2261.75147292),
        (2.0, 90.0, 900.0, 3001.0, 40, 365.0, 365.0, 4.378811989271),
        (300.0, 9000.0, 0.03, 41.0, 12, 365.0, 365.0, 12.1211472082),
        (0.5, 90.0, 0.4, 1.6, 0, 10.0, 365.0, 1.354992954296),
        (0.5, 0.01, 90.0, 111.0, 0, 0.0, 365.0, 2.229517568032),
        (1e-4, 1e6, 1e-4, 1.0001, 0, 0.0, 1.0, 9.9999999995e-11),
        (5000.0, 1e-3, 3.0, 1.5, 0, 10.0, 4000.0, 1.749999999998),
        (0.3, 2.0, 1.0001, 2.0, 3, 20.0, 52.0, 4.611436786062),
    ],
)
def test_expected_purchases_to_many_digits(
    r: float, alpha: float, a: float, b: float, x: int, age: float, t: float, expected: float
) -> None:
    assert float(expected_alive(x, age, t, r=r, alpha=alpha, a=a, b=b)) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=60, deadline=None)
@example(r=316.2, alpha=1.0, a=1.0000000000000004, b=1.0, x=0, age=0.0, t=2.0)
@example(r=0.5, alpha=1.0, a=2.0, b=1.5, x=0, age=0.0, t=2.0)
@given(
    r=st.floats(-4, 3).map(lambda power: 10**power),
    alpha=st.floats(-3, 6).map(lambda power: 10**power),
    a=POWER,
    b=POWER,
    x=st.integers(0, 5000),
    age=st.floats(0, 4000),
    t=st.floats(0.01, 4000),
)
def test_the_closed_form_and_the_integral_agree_wherever_the_first_is_used(
    r: float, alpha: float, a: float, b: float, x: int, age: float, t: float
) -> None:
    assume(1 / a + 1 / (b + x) > 0.01)
    found = expected_alive(x, age, t, r=r, alpha=alpha, a=a, b=b)
    shape, pace = np.array([[r + x]]), np.array([[t / (alpha + age)]])
    assert float(found) == pytest.approx(by_quadrature(shape, pace, a, np.array([[b + x]]))[0], rel=1e-4)


@pytest.mark.parametrize(("a", "b"), [(900.0, 300.0), (300.0, 9000.0)])
def test_where_everybody_leaves_alike_the_mean_is_enough(a: float, b: float) -> None:
    logits = np.linspace(-60, 60, 60_000)
    p = expit(logits)
    purchases = -np.expm1(-1.5 * np.log1p(p * 39 / 6.0)) / p
    expected = (purchases * beta_by_logit(logits, a, b)).sum() * (logits[1] - logits[0])
    assert float(expected_alive(0, 0.0, 39.0, r=1.5, alpha=6.0, a=a, b=b)) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize(
    "t", [7.0, np.array([[4.0], [39.0]]), np.array([1.0, 2, 3, 4, 5])], ids=["one", "k, 1", "each"]
)
def test_horizons_for_all_and_for_each_are_the_same_as_one_by_one(t: ArrayLike) -> None:
    x, age = CUSTOMERS
    purchases, stays = expected_alive(x, age, t, **SHOP), expected_stays(0.9, age, t)
    each_t, each_x, each_age = np.broadcast_arrays(np.asarray(t), x, age)
    assert purchases.shape == stays.shape == each_t.shape
    for place in np.ndindex(each_t.shape):
        alone = expected_alive(each_x[place], each_age[place], each_t[place], **SHOP)
        assert purchases[place] == pytest.approx(float(alone), rel=1e-9)
        assert stays[place] == pytest.approx(float(expected_stays(0.9, each_age[place], each_t[place])), rel=1e-12)


def test_nothing_happens_in_no_time() -> None:
    assert expected_alive(*CUSTOMERS, 0.0, **SHOP).tolist() == [0.0] * 5
    assert expected_stays(0.9, CUSTOMERS[1], 0.0).tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("a", "b", "t", "expected"),
    [  # by mpmath 1.4 with 50 digits
        (0.66, 8.78, 5, 4.1391336019006),
        (1.0001, 3.2, 400, 15.002306459722),
        (1e-4, 1e4, 4000, 3999.9289196877),
        (1e4, 1e-4, 30, 1.000100010001e-8),
        (0.7, 36501.2, 52, 51.973594880971),
        (4.5, 0.3, 2000, 0.085714285709545),
    ],
)
def test_expected_stays_to_many_digits(a: float, b: float, t: float, expected: float) -> None:
    assert float(expected_stays(a, b, t)) == pytest.approx(expected, rel=1e-11)


@settings(max_examples=50, deadline=None)
@given(a=st.floats(0.05, 50), b=st.floats(0.05, 50), t=st.integers(0, 60), part=st.floats(0, 1))
def test_expected_stays_are_the_mean_of_geometric_sums_and_straight_between_whole_ones(
    a: float, b: float, t: int, part: float
) -> None:
    logits = np.linspace(-700, 700, 14_001)
    stays = expit(-logits)[:, None] ** np.arange(1, t + 2)
    mean = (stays * beta_by_logit(logits, a, b)[:, None]).sum(axis=0) * (logits[1] - logits[0])
    expected = mean[:t].sum() + part * mean[t]
    assert float(expected_stays(a, b, t + part)) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_a_long_table_is_made_in_pieces() -> None:
    contracts = np.arange(1.0, 61.0)  # with 40,000 occasions more cells than are made at once
    together = expected_stays(0.7, contracts, 40_000.0)
    assert together[[0, 31, 59]] == pytest.approx([float(expected_stays(0.7, b, 40_000.0)) for b in (1.0, 32.0, 60.0)])


def of_many(draws: np.ndarray[tuple[int], np.dtype[np.int64]], mean: float) -> None:
    """The mean of draws is where it should be, give or take five times what chance does."""
    assert draws.min() >= 0
    assert draws.mean() == pytest.approx(mean, abs=5 * draws.std() / np.sqrt(len(draws)) + 1e-12)


@pytest.mark.parametrize(("x", "age", "t"), [(0, 0.0, 39.0), (4, 30.0, 4.0), (60, 31.0, 200.0)])
def test_draws_of_purchases_have_the_expected_mean(x: int, age: float, t: float) -> None:
    chance = np.random.default_rng(11)
    draws = draw_alive(np.full(40_000, x), age, t, chance, **SHOP)
    of_many(draws, float(expected_alive(x, age, t, **SHOP)))


@pytest.mark.parametrize(("a", "b", "t"), [(0.7, 1.2, 12.0), (3.0, 60.0, 5.0), (0.9, 2.0, 0.3), (2.0, 5.0, 3.7)])
def test_draws_of_stays_have_the_expected_mean(a: float, b: float, t: float) -> None:
    draws = draw_stays(a, np.full(40_000, b), t, np.random.default_rng(12))
    assert draws.max() <= np.ceil(t)
    of_many(draws, float(expected_stays(a, b, t)))


@settings(max_examples=60, deadline=None)
@given(r=POWER, alpha=st.floats(-7, 7).map(lambda power: 10**power), a=POWER, b=POWER, t=st.floats(0, 40_000))
def test_draws_are_counts_whatever_the_parameters(r: float, alpha: float, a: float, b: float, t: float) -> None:
    chance, x = np.random.default_rng(13), np.array([0, 1, 5000])
    draws = draw_alive(x, np.array([0.0, 3, 36_500]), t, chance, r=r, alpha=alpha, a=a, b=b)
    stays = draw_stays(a, b + x, t, chance)
    assert draws.shape == stays.shape == (3,)
    assert (draws >= 0).all()
    assert ((stays >= 0) & (stays <= t + 1)).all()


def test_the_same_seed_draws_the_same() -> None:
    once, again = (draw_alive(*CUSTOMERS, 39.0, np.random.default_rng(5), **SHOP).tolist() for _ in range(2))
    assert once == again


HISTORY = history_of([0, 2, 0, 7, 2], [0.0, 5, 0, 30, 5], [9.0, 9, 40, 31, 20], time_unit="week")


def test_stayed_or_left_is_the_sum_of_both_and_its_slopes_are() -> None:
    rows = rows_of(HISTORY)
    leaves = -0.3 - 0.1 * rows.x.values

    def value(r: float, alpha: float, shift: FloatArray) -> float:
        return stayed_or_left(r, alpha, leaves + shift, rows)[0]

    none = np.zeros_like(leaves)
    found, (by_r, by_alpha), left = stayed_or_left(0.6, 6.0, leaves, rows)
    x, t_x, age = HISTORY.frequency, HISTORY.recency, HISTORY.T
    both = (6 + age) ** -(0.6 + x) + np.exp(-0.3 - 0.1 * x) * (6 + t_x) ** -(0.6 + x)
    assert found == pytest.approx(np.log(both).sum())
    assert by_r == pytest.approx((value(0.6 + 1e-6, 6, none) - value(0.6 - 1e-6, 6, none)) / 2e-6, rel=1e-6)
    assert by_alpha == pytest.approx((value(0.6, 6 + 1e-5, none) - value(0.6, 6 - 1e-5, none)) / 2e-5, rel=1e-6)
    for level in range(len(leaves)):
        shift = 1e-6 * (np.arange(len(leaves)) == level)
        slope = (value(0.6, 6, shift) - value(0.6, 6, -shift)) / 2e-6
        assert left[level] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_who_cannot_leave_has_stayed() -> None:
    rows = rows_of(HISTORY)
    found, _, left = stayed_or_left(0.6, 6.0, np.full(len(rows.x.values), -np.inf), rows)
    assert found == pytest.approx(-((0.6 + HISTORY.frequency) * np.log(6 + HISTORY.T)).sum())
    assert left.tolist() == [0.0] * len(left)
