"""The search itself, on functions whose top is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.history import FloatArray, History
from engine.score.models.fit import (
    ENOUGH_CUSTOMERS,
    ENOUGH_REPEATERS,
    FLAGS,
    Bounds,
    Prior,
    compress,
    maximise,
    refuse_impossible,
    scarcity,
    settle,
    time_scale,
)
from tests.score.shops import histories, history_of

WIDE = Bounds(lowest=(1e-6, 1e-6), highest=(1e6, 1e6))
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


@settings(max_examples=50, deadline=None)
@given(st.tuples(st.floats(1e-5, 1e5), st.floats(1e-5, 1e5)))
def test_the_top_is_found_from_anywhere(start: tuple[float, float]) -> None:
    optimum = maximise(hill, [start], bounds=WIDE, size=1)
    assert optimum.converged
    assert optimum.point == pytest.approx(TOP, rel=1e-5)


def test_the_best_of_several_starts_wins() -> None:
    def two_hills(point: FloatArray) -> tuple[float, FloatArray]:
        first, second = np.log(point[0] / 0.01), np.log(point[0] / 100)
        low, high = np.exp(-(first**2)), 2 * np.exp(-(second**2))
        return float(low + high), np.array([(-2 * first * low - 2 * second * high) / point[0], 0.0])

    for order in ([(0.01, 1.0), (60.0, 1.0)], [(60.0, 1.0), (0.01, 1.0)]):
        assert maximise(two_hills, order, bounds=WIDE, size=1).point[0] == pytest.approx(100, rel=1e-3)


def test_a_prior_pulls_on_the_logarithm() -> None:
    # hill has the curvature of a normal with variance 1/2, the prior of one with variance 1
    optimum = maximise(hill, [(1.0, 1.0)], bounds=WIDE, size=1, prior=VAGUE)
    assert optimum.point == pytest.approx(TOP ** (2 / 3) * 5 ** (1 / 3), rel=1e-5)


def test_a_start_outside_the_bounds_is_moved_inside() -> None:
    optimum = maximise(hill, [(1e9, 1e-9)], bounds=WIDE, size=1)
    assert optimum.point == pytest.approx(TOP, rel=1e-5)


def test_a_top_at_a_bound_is_one() -> None:
    tight = Bounds(lowest=(1e-6, 1e-6), highest=(0.5, 1e6))
    optimum = maximise(hill, [(0.1, 0.1)], bounds=tight, size=1)
    assert optimum.converged
    assert optimum.point == pytest.approx([0.5, 0.3], rel=1e-5)
    assert tight.reached(optimum.point)


def test_a_function_that_is_no_number_does_not_converge() -> None:
    assert not maximise(lambda point: (np.nan, point), [(1.0, 1.0)], bounds=WIDE, size=1).converged


def test_a_plain_likelihood_is_left_alone() -> None:
    optimum, flags = settle(hill, [(1.0, 1.0)], bounds=WIDE, size=1, prior=VAGUE, scarce=())
    assert (flags, optimum.point.tolist()) == ((), pytest.approx(TOP.tolist(), rel=1e-5))


def test_a_scarce_log_gets_the_prior_and_says_why() -> None:
    optimum, flags = settle(hill, [(1.0, 1.0)], bounds=WIDE, size=1, prior=VAGUE, scarce=("few_customers",))
    assert flags == ("few_customers", "pooled_prior")
    assert optimum.point[0] > 2.5


def test_a_likelihood_without_end_gets_the_prior_and_says_so() -> None:
    optimum, flags = settle(slope_without_end, [(1.0, 1.0)], bounds=WIDE, size=1, prior=VAGUE, scarce=())
    assert flags == ("boundary", "pooled_prior")
    assert 4 < optimum.point[0] < 10


def test_a_search_that_fails_says_so() -> None:
    _, flags = settle(
        lambda point: (np.nan, point), [(1.0, 1.0)], bounds=WIDE, size=1, prior=VAGUE, scarce=("few_customers",)
    )
    assert flags == ("few_customers", "pooled_prior", "not_converged")


@pytest.mark.parametrize("point", [(1e5 + 1, 1.0), (1.0, 9e-6)])
def test_close_to_the_edge_is_at_the_edge(point: tuple[float, float]) -> None:
    assert WIDE.reached(np.array(point))
    assert not WIDE.reached(np.array([9e4, 2e-5]))


@settings(max_examples=50, deadline=None)
@given(histories())
def test_compressing_loses_nobody(history: History) -> None:
    rows = compress(history.frequency, history.recency, history.T)
    assert rows.weight.sum() == len(history)
    distinct = set(zip(history.frequency.tolist(), history.recency.tolist(), history.T.tolist(), strict=True))
    assert set(zip(rows.x.tolist(), rows.t_x.tolist(), rows.T.tolist(), strict=True)) == distinct
    assert len(rows.x) == len(distinct)
    assert float((rows.weight * rows.x).sum()) == float(history.frequency.sum())


def test_time_is_scaled_by_the_mean_age() -> None:
    assert time_scale(history_of([0, 0], 0, [10, 30])) == 20
    assert time_scale(history_of([0, 0], 0, 0)) == 1


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
