"""Gamma-Gamma against its own definition, simulated shops, and money that has no mean."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.history import History
from engine.score.models import gamma_gamma
from engine.score.models.fit import FLAGS
from engine.score.models.gamma_gamma import GammaGamma
from tests.score.shops import gamma_by_log, histories, history_of, simulated

SHOP = GammaGamma(p=6.25, q=3.74, v=15.44)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_parameters_that_mean_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(ScoreError, match="must be positive"):
        replace(SHOP, q=wrong)


@pytest.mark.parametrize(("x", "mean"), [(1, 5.0), (3, 30.0), (12, 90.0)])
def test_likelihood_and_expected_spend_are_the_integrals_over_the_rate(x: int, mean: float) -> None:
    logs = np.linspace(-25, 10, 20_000)
    rate = np.exp(logs)
    chance = gamma_by_log(np.array(mean), SHOP.p * x, rate * x) / mean * gamma_by_log(rate, SHOP.q, SHOP.v)
    total = chance.sum() * (logs[1] - logs[0])
    value, _ = gamma_gamma.log_likelihood(SHOP, history_of([x], 50, 99, mean))
    assert value == pytest.approx(np.log(total), abs=1e-8)
    spend = (SHOP.p / rate * chance).sum() / chance.sum()
    assert float(gamma_gamma.expected_spend(SHOP, x, mean)) == pytest.approx(spend, rel=1e-8)


@settings(max_examples=50, deadline=None)
@given(history=histories(), powers=st.tuples(*[st.floats(-1.5, 1.5)] * 3))
def test_the_gradient_is_the_slope(history: History, powers: tuple[float, float, float]) -> None:
    point = 10.0 ** np.array(powers) * np.array([1, 1, 100])

    def at(values: list[float]) -> tuple[float, list[float]]:
        value, gradient = gamma_gamma.log_likelihood(GammaGamma(p=values[0], q=values[1], v=values[2]), history)
        return value, gradient.tolist()

    value, gradient = at(point.tolist())
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-5 * point[i]
        slope = (at((point + step).tolist())[0] - at((point - step).tolist())[0]) / (2 * step[i])
        noise = 1e-9 * max(1.0, abs(value)) / point[i]
        assert gradient[i] == pytest.approx(slope, rel=2e-4, abs=max(noise, 1e-9))


def test_one_time_buyers_and_free_ones_say_nothing_of_the_spend() -> None:
    with_them = history_of([3, 0, 2], [50, 0, 40], 99, [30.0, 80.0, 0.0])
    alone = history_of([3], 50, 99, 30.0)
    assert gamma_gamma.log_likelihood(SHOP, with_them)[0] == gamma_gamma.log_likelihood(SHOP, alone)[0]
    spend = gamma_gamma.expected_spend(SHOP, [0, 2], [0.0, 0.0])
    assert spend.tolist() == pytest.approx([SHOP.p * SHOP.v / (SHOP.q - 1)] * 2)


def test_the_more_often_the_more_weight_has_ones_own_mean() -> None:
    spend = gamma_gamma.expected_spend(SHOP, [1, 5, 50, 5000], 100.0)
    assert (np.diff(spend) > 0).all()
    assert spend[-1] == pytest.approx(100, rel=0.01)


def test_a_mean_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ScoreError, match="needs q > 1"):
        gamma_gamma.expected_spend(replace(SHOP, q=1.0), 0, 0.0)


def test_a_simulated_shop_gives_its_parameters_back() -> None:
    fit = gamma_gamma.fit(simulated(1, 20_000, r=2.0, alpha=8.0, a=0.8, b=2.5, spend=(6.0, 4.0, 15.0)))
    assert astuple(fit.params) == pytest.approx((6.0, 4.0, 15.0), rel=0.08)
    assert (fit.flags, fit.converged, fit.n_customers) == ((), True, 20_000)
    assert 10_000 < fit.n_repeat < 20_000


def test_the_currency_scales_v_and_the_spend_and_nothing_else() -> None:
    euros = simulated(2, 500, r=2.0, alpha=8.0, a=0.8, b=2.5)
    lire = replace(euros, monetary=euros.monetary * 1936.27, first_spend=euros.first_spend * 1936.27)
    small, large = gamma_gamma.fit(euros).params, gamma_gamma.fit(lire).params
    assert (large.p, large.q, large.v) == pytest.approx((small.p, small.q, 1936.27 * small.v), rel=1e-4)


def spread(n: int, sigma: float) -> History:
    """n customers with four repeat purchases, whose mean spends differ by a normal factor."""
    mean = np.exp(np.random.default_rng(3).normal(3, sigma, n))
    return history_of([4] * n, 100, 300, mean)


BREAKING: dict[str, tuple[History, tuple[str, ...]]] = {
    "nobody came back": (history_of([0] * 50, 0, 99, 12.5), ("no_repeaters", "pooled_mean")),
    "nobody paid": (history_of([2] * 50, 50, 99, 0.0), ("no_spend", "pooled_mean")),
    "one repeat buyer": (history_of([2] + [0] * 50, [50] + [0] * 50, 99, 12.5), ("no_spread", "pooled_mean")),
    "all spend the same": (history_of([3] * 200, 50, 99, 9.99), ("no_spread", "pooled_mean")),
    "all spend nearly the same": (spread(200, 1e-4), ("boundary", "pooled_mean")),
    "five repeat buyers": (spread(5, 0.5), ("few_repeaters", "pooled_prior")),
    "no end of riches": (spread(400, 6.0), ("infinite_mean", "pooled_mean")),
}


@pytest.mark.parametrize("name", BREAKING)
def test_money_that_breaks_other_fits_gets_finite_answers_and_says_so(name: str) -> None:
    history, flags = BREAKING[name]
    fit = gamma_gamma.fit(history)
    assert fit.flags == flags
    assert set(fit.flags) <= set(FLAGS)
    assert np.isfinite(fit.log_likelihood)
    spend = gamma_gamma.expected_spend(fit.params, history.frequency, history.monetary)
    assert (spend >= 0).all()
    assert spend.max() <= max(history.monetary.max(), history.first_spend.max()) * 1.001 + 1e-6


def test_the_pooled_mean_is_what_people_paid() -> None:
    fit = gamma_gamma.fit(history_of([0] * 4, 0, 99, [10.0, 20.0, 30.0, 40.0]))
    assert float(gamma_gamma.expected_spend(fit.params, 0, 0.0)) == pytest.approx(25.0)


@settings(max_examples=20, deadline=None)
@given(history=histories(most=25))
def test_any_history_can_be_fitted(history: History) -> None:
    fit = gamma_gamma.fit(history)
    assert np.isfinite(fit.log_likelihood)
    spend = gamma_gamma.expected_spend(fit.params, history.frequency, history.monetary)
    assert (np.isfinite(spend) & (spend >= 0)).all()


def test_an_empty_history_is_a_shop_without_repeaters() -> None:
    assert gamma_gamma.fit(history_of([], 0, 0)).flags == ("no_repeaters", "pooled_mean")
