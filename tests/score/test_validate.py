"""Judging predictions: every figure by hand, and no luck with ties."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.validate import figures, norm_gini, validate
from engine.score.window import ValidationWindow
from tests.score.shops import history_of

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=40)


def test_errors_by_hand() -> None:
    found = figures(np.array([1.0, 2.0, 3.0, 6.0]), np.array([0, 2, 4, 4]))
    assert found.mae == 1.0
    assert found.rmse == pytest.approx(np.sqrt(1.5))
    assert found.bias_pct == pytest.approx(20.0)


def test_the_best_ranking_is_one_and_the_worst_minus_one() -> None:
    actual = np.array([0, 1, 2, 3, 4])
    assert norm_gini(actual * 10.0, actual) == pytest.approx(1)
    assert norm_gini(-actual * 10.0, actual) == pytest.approx(-1)


def test_the_gini_by_hand() -> None:
    # in the predicted order 3, 0, 1: shares 0, .75, .75, 1, area .6667; best order 3, 1, 0: area .75
    assert norm_gini(np.array([9.0, 5.0, 1.0]), np.array([3, 0, 1])) == pytest.approx((2 / 3 - 0.5) / (0.75 - 0.5))


def test_who_predicts_the_same_for_all_ranks_nobody() -> None:
    for actual in ([9, 0, 0, 0], [0, 0, 0, 9]):
        found = figures(np.ones(4), np.array(actual))
        assert found.norm_gini == pytest.approx(0)
        assert found.top_decile_share == pytest.approx(0.1)


def test_predictions_that_differ_by_rounding_are_ties() -> None:
    actual = np.array([4, 0, 0, 0])
    assert norm_gini(np.array([0.1 + 0.2, 0.3, 0.3, 0.1]), actual) == norm_gini(np.array([0.3, 0.3, 0.3, 0.1]), actual)


@settings(deadline=None)
@given(PAIRS, st.integers(0, 99))
def test_no_figure_depends_on_the_order_of_rows(pairs: list[tuple[int, int]], seed: int) -> None:
    predicted, actual = np.array(pairs, dtype=np.float64).T
    order = np.random.default_rng(seed).permutation(len(pairs))
    one, other = figures(predicted, actual), figures(predicted[order], actual[order])
    for mine, theirs in zip(astuple(one)[:-1], astuple(other)[:-1], strict=True):
        assert mine == theirs if mine is None else mine == pytest.approx(theirs, abs=1e-9)
    assert np.array(one.deciles) == pytest.approx(np.array(other.deciles), abs=1e-9)


@settings(deadline=None)
@given(PAIRS)
def test_tenths_hold_everybody_and_everything(pairs: list[tuple[int, int]]) -> None:
    predicted, actual = np.array(pairs, dtype=np.float64).T
    found = figures(predicted, actual)
    assert len(found.deciles) == 10
    tenth = len(pairs) / 10
    assert sum(mean for mean, _ in found.deciles) * tenth == pytest.approx(predicted.sum())
    assert sum(mean for _, mean in found.deciles) * tenth == pytest.approx(actual.sum())
    assert [mean for mean, _ in found.deciles] == sorted((mean for mean, _ in found.deciles), reverse=True) or (
        np.diff([mean for mean, _ in found.deciles]).max() < 1e-9
    )
    if found.norm_gini is not None:
        assert -1 - 1e-9 <= found.norm_gini <= 1 + 1e-9
    if found.top_decile_share is not None:
        assert found.top_decile_share * actual.sum() == pytest.approx(found.deciles[0][1] * tenth)


def test_the_tenth_at_the_top_counts_the_customer_on_its_edge_in_part() -> None:
    predicted, actual = np.arange(15.0), np.zeros(15)
    actual[14], actual[13] = 6, 4
    assert figures(predicted, actual).top_decile_share == pytest.approx((6 + 0.5 * 4) / 10)


def test_a_window_in_which_nobody_bought_says_less_and_never_nan() -> None:
    found = figures(np.array([0.1, 0.2]), np.array([0, 0]))
    assert (found.bias_pct, found.norm_gini, found.top_decile_share) == (None, None, None)
    assert found.mae == pytest.approx(0.15)


def test_when_all_bought_the_same_there_is_no_ranking_to_judge() -> None:
    assert norm_gini(np.array([1.0, 2.0]), np.array([3, 3])) is None


@pytest.mark.parametrize(("predicted", "actual"), [([], []), ([1.0], [1, 2]), ([np.nan], [1]), ([np.inf, 1.0], [1, 1])])
def test_what_cannot_be_judged_is_refused(predicted: list[float], actual: list[int]) -> None:
    with pytest.raises(ScoreError, match="one finite prediction"):
        figures(np.array(predicted), np.array(actual))


def test_the_baselines_need_no_model() -> None:
    history = history_of([4, 0, 1, 0], [20, 0, 10, 0], [20, 40, 40, 0], time_unit="week")
    window = ValidationWindow(
        purchases=np.array([3, 0, 1, 0]), spend=np.array([30.0, 0, 9, 0]), length=10.0, time_unit="week"
    )
    found = validate(np.array([2.5, 0.1, 0.4, 0.2]), history, window)
    rate = figures(np.array([2.0, 0.0, 0.25, 0.0]), window.purchases)
    frequency = figures(np.array([1.6, 0.0, 0.4, 0.0]), window.purchases)
    assert found.baselines == {"rate": rate, "frequency": frequency}
    assert found.model == figures(np.array([2.5, 0.1, 0.4, 0.2]), window.purchases)
    assert (found.length, found.time_unit, found.n_customers) == (10.0, "week", 4)


def test_units_must_agree() -> None:
    window = ValidationWindow(purchases=np.array([1]), spend=np.array([1.0]), length=10.0, time_unit="day")
    with pytest.raises(ScoreError, match="the history counts weeks, the validation window days"):
        validate(np.array([1.0]), history_of([1], 1, 2, time_unit="week"), window)
