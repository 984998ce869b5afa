"""Shifted beta-geometric against its own definition, simulated contracts, and contracts made to break it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit  # type: ignore[import-untyped]  # scipy ships no types

from engine.errors import ScoreError
from engine.score.arrays import IntArray
from engine.score.history import History
from engine.score.models import sbg
from engine.score.models.fit import FLAGS, fit, log_likelihood
from engine.score.models.sbg import Sbg
from tests.score.shops import beta_by_logit, check_slope, history_of

REGULAR = Sbg(alpha=0.704, beta=1.182, time_unit="month")
POWER = st.floats(-4, 4).map(lambda power: 10**power)
WILD = st.builds(Sbg, alpha=POWER, beta=POWER, time_unit=st.just("month"))


def contracts(t_x: IntArray | list[int], age: IntArray | list[int] | int) -> History:
    """Contracts by their last renewal and their age, in months; every renewal is a purchase."""
    return history_of(t_x, t_x, age, time_unit="month")


@st.composite
def any_contracts(draw: st.DrawFn, *, longest: int = 36_500, most: int = 8) -> History:
    """Any contracts, up to a renewal every day of a hundred years."""
    age = draw(st.lists(st.one_of(st.integers(0, 12), st.integers(0, longest)), min_size=1, max_size=most))
    return contracts([draw(st.one_of(st.just(last), st.integers(0, last))) for last in age], age)


def lived(seed: int, size: int, params: Sbg, longest: int) -> History:
    """Customers who do exactly what sBG says, looked at between half of the longest age and all of it."""
    chance = np.random.default_rng(seed)
    renewals = chance.geometric(chance.beta(params.alpha, params.beta, size)) - 1
    age = chance.integers(longest // 2, longest + 1, size)
    return contracts(np.minimum(renewals, age), age)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_parameters_that_mean_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(ScoreError, match="must be positive"):
        replace(REGULAR, alpha=wrong)


@pytest.mark.parametrize(("t_x", "age"), [(0, 0), (0, 1), (0, 9), (3, 3), (3, 4), (3, 9), (30, 30)])
def test_the_likelihood_is_the_integral_over_the_chance_to_leave(t_x: int, age: int) -> None:
    logits = np.linspace(-60, 60, 20_001)
    leaves = expit(logits)
    once = (1 - leaves) ** t_x * (leaves if t_x < age else 1.0)
    expected = (once * beta_by_logit(logits, REGULAR.alpha, REGULAR.beta)).sum() * (logits[1] - logits[0])
    value, _ = log_likelihood(sbg, REGULAR, contracts([t_x], age))
    assert value == pytest.approx(np.log(expected), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(params=WILD, age=st.integers(0, 40))
def test_all_possible_histories_together_are_certain(params: Sbg, age: int) -> None:
    values = [log_likelihood(sbg, params, contracts([t_x], age))[0] for t_x in range(age + 1)]
    assert np.exp(values).sum() == pytest.approx(1, rel=1e-8)


@settings(max_examples=50, deadline=None)
@given(history=any_contracts(), powers=st.tuples(*[st.floats(-1.5, 1.5)] * 2))
def test_the_gradient_is_the_slope(history: History, powers: tuple[float, ...]) -> None:
    point = 10.0 ** np.array(powers)
    check_slope(sbg, point, history)


def test_when_somebody_left_counts_and_not_how_long_ago() -> None:
    recently, _ = log_likelihood(sbg, REGULAR, contracts([3, 5], [4, 5]))
    long_ago, _ = log_likelihood(sbg, REGULAR, contracts([3, 5], [40, 5]))
    assert recently == long_ago


def test_purchases_beside_the_renewals_are_not_read() -> None:
    plain, busy = contracts([3, 5], [4, 5]), history_of([30, 1], [3, 5], [4, 5], time_unit="month")
    assert log_likelihood(sbg, REGULAR, plain)[0] == log_likelihood(sbg, REGULAR, busy)[0]
    assert sbg.expected_purchases(REGULAR, [0, 9], 5, 5, 12.0).tolist() == pytest.approx(
        sbg.expected_purchases(REGULAR, [5, 5], 5, 5, 12.0).tolist()
    )


def test_who_left_is_gone_and_the_others_are_here() -> None:
    assert sbg.p_alive(REGULAR, 0, [0, 0, 5, 4], [0, 1, 5, 5]).tolist() == [1.0, 0.0, 1.0, 0.0]
    assert sbg.expected_purchases(REGULAR, [0, 4], [0, 4], [1, 5], 12.0).tolist() == [0.0, 0.0]


def test_the_next_renewal_is_the_retention_rate_and_rises_with_age() -> None:
    age = np.arange(0, 30)
    retention = sbg.expected_purchases(REGULAR, age, age, age, 1)
    assert retention == pytest.approx((1.182 + age) / (0.704 + 1.182 + age))
    assert (np.diff(retention) > 0).all()


def test_several_horizons_at_once_are_the_same_as_one_by_one_and_straight_between() -> None:
    past = np.array([0, 3, 0, 12]), np.array([0, 3, 0, 12]), np.array([0, 3, 6, 12])
    horizons = np.array([[1.0], [4.0], [4.25], [5.0]])
    together = sbg.expected_purchases(REGULAR, *past, horizons)
    for row, t in zip(together, horizons[:, 0], strict=True):
        assert row == pytest.approx(sbg.expected_purchases(REGULAR, *past, t), rel=1e-12)
    assert together[2] == pytest.approx(0.75 * together[1] + 0.25 * together[3])


def test_simulated_contracts_renew_as_often_as_expected() -> None:
    renewals = np.random.default_rng(4).geometric(np.random.default_rng(5).beta(0.704, 1.182, 100_000)) - 1
    here = renewals >= 4
    later = np.minimum(renewals[here] - 4, 6)
    expected = float(sbg.expected_purchases(REGULAR, 4, 4, 4, 6))
    assert later.mean() == pytest.approx(expected, abs=5 * later.std() / np.sqrt(here.sum()))


def test_draws_are_of_customers_who_are_here() -> None:
    age = np.repeat([0, 5], 30_000)
    draws = sbg.draw(REGULAR, age, age, 7.5, np.random.default_rng(7)).reshape(2, -1)
    expected = sbg.expected_purchases(REGULAR, [0, 5], [0, 5], [0, 5], 7.5)
    assert draws.max() == 8
    assert draws.mean(axis=1) == pytest.approx(expected, abs=5 * float(draws.std(axis=1).max()) / np.sqrt(30_000))


@settings(max_examples=50, deadline=None)
@given(params=WILD, history=any_contracts(), t=st.floats(0.01, 4000))
def test_predictions_of_any_contracts_under_any_parameters_are_numbers_in_their_place(
    params: Sbg, history: History, t: float
) -> None:
    past = history.frequency, history.recency, history.T
    alive, expected = sbg.p_alive(params, *past), sbg.expected_purchases(params, *past, t)
    assert np.isin(alive, (0.0, 1.0)).all()
    assert ((expected >= 0) & (expected <= t * (1 + 1e-9))).all()
    draws = sbg.draw(params, history.frequency, history.T, t, np.random.default_rng(0))
    assert ((draws >= 0) & (draws <= t + 1)).all()
    value, gradient = log_likelihood(sbg, params, history)
    assert np.isfinite(value)
    assert value <= 1e-6
    assert np.isfinite(gradient).all()


def test_simulated_contracts_give_their_parameters_back() -> None:
    true = Sbg(alpha=0.7, beta=3.5, time_unit="month")
    found = fit(sbg, lived(8, 20_000, true, 24))
    assert (found.converged, found.flags, found.params.time_unit) == (True, (), "month")
    assert found.params.alpha == pytest.approx(0.7, rel=0.05)
    assert found.params.beta == pytest.approx(3.5, rel=0.07)


BREAKING: dict[str, tuple[History, str]] = {
    "nobody renewed": (contracts([0] * 300, 9), "no_repeaters"),
    "everybody is new": (contracts([0] * 300, 0), "no_repeaters"),
    "three customers": (contracts([0, 3, 20], [30, 10, 20]), "few_repeaters"),
    "thirty customers": (contracts([0, 3, 20] * 10, [30, 10, 20] * 10), "few_customers"),
    "nobody ever leaves": (contracts([12] * 400, 12), "boundary"),
    "all leave alike": (contracts([3] * 400, 12), "boundary"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_contracts_that_break_other_fits_get_finite_answers_and_say_so(name: str) -> None:
    history, flag = BREAKING[name]
    found = fit(sbg, history)
    assert found.converged
    assert set(found.flags) <= set(FLAGS)
    assert found.flags == (flag, "pooled_prior")
    expected = sbg.expected_purchases(found.params, history.frequency, history.recency, history.T, 12)
    assert ((expected >= 0) & (expected <= 12)).all()


@settings(max_examples=30, deadline=None)
@given(history=any_contracts(most=25))
def test_any_contracts_can_be_fitted(history: History) -> None:
    found = fit(sbg, history)
    assert np.isfinite(found.log_likelihood)
    expected = sbg.expected_purchases(found.params, history.frequency, history.recency, history.T, 12)
    assert np.isfinite(expected).all()
