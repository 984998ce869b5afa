"""The search itself, on functions whose top is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.arrays import FloatArray
from engine.score.models import bg_nbd
from engine.score.models.bg_nbd import BgNbd
from engine.score.models.fit import (
    ENOUGH_CUSTOMERS,
    ENOUGH_REPEATERS,
    FLAGS,
    SAMPLE,
    downhill,
    fit,
    prior_around,
    refuse_impossible,
    scarcity,
    settle,
    time_scale,
)
from engine.score.models.model import Prior, Space
from engine.score.models.rows import rows_of
from engine.score.models.search import Optimum, lowest
from tests.score.shops import history_of, simulated

WIDE = Space(names=("rate", "shape"), lowest=(1e-6, 1e-6), highest=(1e6, 1e6))
VAGUE = Prior(centre=(5.0, 5.0), deviation=(1.0, 1.0))
TOP = np.array([2.0, 0.3])


def hill(point: FloatArray) -> tuple[float, FloatArray]:
    """Highest, at 7, where the parameters are TOP."""
    away = np.log(point / TOP)
    return 7 - float(away @ away), -2 * away / point


def slope_without_end(point: FloatArray) -> tuple[float, FloatArray]:
    """Rises for ever with the first parameter, ever more slowly."""
    away = np.log(point[1] / 0.3)
    return float(-1 / point[0] - away**2), np.array([1 / point[0] ** 2, -2 * away / point[1]])


Objective = Callable[[FloatArray], tuple[float, FloatArray]]


def top(objective: Objective, starts: Sequence[tuple[float, ...]], space: Space, prior: Prior | None = None) -> Optimum:
    """The search that a fit does, without what a fit does when it fails."""
    logs = [np.log(start) for start in starts]
    return lowest(downhill(objective, 1, prior), logs, np.log(space.lowest), np.log(space.highest))


@settings(max_examples=50, deadline=None)
@given(st.tuples(st.floats(1e-5, 1e5), st.floats(1e-5, 1e5)))
def test_the_top_is_found_from_anywhere(start: tuple[float, float]) -> None:
    optimum = top(hill, [start], WIDE)
    assert optimum.converged
    assert optimum.point == pytest.approx(TOP, rel=1e-5)


def test_the_best_of_several_starts_wins() -> None:
    def two_hills(point: FloatArray) -> tuple[float, FloatArray]:
        first, second = np.log(point[0] / 0.01), np.log(point[0] / 100)
        low, high = np.exp(-(first**2)), 2 * np.exp(-(second**2))
        return float(low + high), np.array([(-2 * first * low - 2 * second * high) / point[0], 0.0])

    for order in ([(0.01, 1.0), (60.0, 1.0)], [(60.0, 1.0), (0.01, 1.0)]):
        assert top(two_hills, order, WIDE).point[0] == pytest.approx(100, rel=1e-3)


def test_a_prior_pulls_on_the_logarithm() -> None:
    # hill has the curvature of a normal with variance 1/2, the prior of one with variance 1
    optimum = top(hill, [(1.0, 1.0)], WIDE, prior=VAGUE)
    assert optimum.point == pytest.approx(TOP ** (2 / 3) * 5 ** (1 / 3), rel=1e-5)


def test_a_start_outside_the_bounds_is_moved_inside() -> None:
    optimum = top(hill, [(1e9, 1e-9)], WIDE)
    assert optimum.point == pytest.approx(TOP, rel=1e-5)


def test_a_top_at_a_bound_is_one() -> None:
    tight = Space(names=("rate", "shape"), lowest=(1e-6, 1e-6), highest=(0.5, 1e6))
    optimum = top(hill, [(0.1, 0.1)], tight)
    assert optimum.converged
    assert optimum.point == pytest.approx([0.5, 0.3], rel=1e-5)
    assert tight.reached(optimum.point)


def test_a_function_that_is_no_number_does_not_converge() -> None:
    assert not top(lambda point: (np.nan, point), [(1.0, 1.0)], WIDE).converged


def test_a_plain_likelihood_is_left_alone() -> None:
    found = settle(hill, [(1.0, 1.0)], space=WIDE, size=1, prior=VAGUE)
    assert (found.flags, found.optimum.point.tolist()) == ((), pytest.approx(TOP.tolist(), rel=1e-5))


def test_a_scarce_log_gets_the_prior_and_says_why() -> None:
    found = settle(hill, [(1.0, 1.0)], space=WIDE, size=1, prior=VAGUE, scarce=("few_customers",))
    assert found.flags == ("few_customers", "pooled_prior")
    assert found.optimum.point[0] > 2.5


def test_a_likelihood_without_end_gets_the_prior_and_says_so() -> None:
    found = settle(slope_without_end, [(1.0, 1.0)], space=WIDE, size=1, prior=VAGUE)
    assert found.flags == ("boundary", "pooled_prior")
    assert 4 < found.optimum.point[0] < 10


def test_a_search_that_fails_says_so() -> None:
    found = settle(
        lambda point: (np.nan, point), [(1.0, 1.0)], space=WIDE, size=1, prior=VAGUE, scarce=("few_customers",)
    )
    assert found.flags == ("few_customers", "pooled_prior", "not_converged")


@pytest.mark.parametrize("point", [(1e5 + 1, 1.0), (1.0, 9e-6)])
def test_close_to_the_edge_is_at_the_edge(point: tuple[float, float]) -> None:
    assert WIDE.reached(np.array(point))
    assert not WIDE.reached(np.array([9e4, 2e-5]))


def test_time_is_scaled_by_the_mean_age() -> None:
    assert time_scale(bg_nbd, history_of([0, 0], 0, [10, 30])) == 20
    assert time_scale(bg_nbd, history_of([0, 0], 0, 0)) == 1


@pytest.mark.parametrize(
    ("n", "repeaters", "expected"),
    [
        (ENOUGH_CUSTOMERS, ENOUGH_REPEATERS, ()),
        (ENOUGH_CUSTOMERS - 1, ENOUGH_REPEATERS, ("few_customers",)),
        (1000, ENOUGH_REPEATERS - 1, ("few_repeaters",)),
        (3, 1, ("few_repeaters",)),
        (1000, 0, ("no_repeaters",)),
    ],
)
def test_scarcity_is_named(n: int, repeaters: int, expected: tuple[str, ...]) -> None:
    x = np.arange(n) < repeaters
    assert scarcity(history_of(x, np.where(x, 5.0, 0.0), 9)) == expected
    assert set(expected) <= set(FLAGS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 8.6e159, -99.0])
def test_an_impossible_likelihood_is_refused(value: float) -> None:
    with pytest.raises(ScoreError, match="impossible likelihood"):
        refuse_impossible(value, -100.0)


def test_a_possible_likelihood_passes() -> None:
    refuse_impossible(-100.5, -100.0)
    refuse_impossible(5461.0)


def test_a_big_log_is_fitted_on_a_sample_first_and_ends_where_the_whole_search_does() -> None:
    shop = simulated(9, 3 * SAMPLE, r=0.6, alpha=6.0, a=0.9, b=2.5)
    found = fit(bg_nbd, shop)
    scale = time_scale(bg_nbd, shop)
    rows = rows_of(shop, scale)
    whole = settle(
        lambda point: bg_nbd.log_likelihood(point, rows),
        bg_nbd.starts(1.0),
        space=bg_nbd.SPACE,
        size=len(shop),
        prior=bg_nbd.prior(scale * 7),
    )
    assert found.converged
    point = np.array(astuple(found.params)[:4])
    assert point == pytest.approx(whole.optimum.point * bg_nbd.SPACE.scales(scale), rel=1e-5)
    assert found.covariance == pytest.approx(whole.covariance, rel=0.2, abs=1e-5)


def test_a_prior_that_is_given_holds_the_parameters_near_it() -> None:
    shop = simulated(10, 400, r=0.6, alpha=6.0, a=0.9, b=2.5)
    free, centre = fit(bg_nbd, shop), BgNbd(r=2.0, alpha=6.0, a=0.9, b=2.5, time_unit="week")
    near, tight = (fit(bg_nbd, shop, prior_around(bg_nbd, centre, shop, width)) for width in (0.5, 0.001))
    assert free.params.r < near.params.r < tight.params.r
    assert tight.params.r == pytest.approx(2.0, rel=0.02)
    assert tight.params.alpha == pytest.approx(6.0, rel=0.05)
    assert (near.flags, tight.flags) == ((), ())


def test_the_covariance_is_what_many_shops_scatter_by() -> None:
    fits = [fit(bg_nbd, simulated(seed, 500, r=0.6, alpha=6.0, a=0.9, b=2.5)) for seed in range(40)]
    rates = [np.log(found.params.r / found.params.alpha) for found in fits]
    jump = np.array([1.0, -1.0, 0.0, 0.0])
    told = float(np.median([jump @ found.covariance @ jump for found in fits]))
    assert np.var(rates) == pytest.approx(told, rel=0.6)
