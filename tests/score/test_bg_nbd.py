"""BG/NBD against its own definition (integrals done by brute force), simulated shops, and logs made to break it."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.history import History
from engine.score.models import bg_nbd
from engine.score.models.bg_nbd import BgNbd
from engine.score.models.fit import FLAGS, fit, log_likelihood
from engine.score.models.leaving import by_quadrature
from engine.score.units import DAYS_PER_UNIT, TimeUnit
from tests.score.shops import beta_by_logit, check_slope, gamma_by_log, histories, history_of, simulated

SHOP = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="week")
WILD = st.builds(
    BgNbd,
    r=st.floats(-4, 4).map(lambda power: 10**power),
    alpha=st.floats(-3, 6).map(lambda power: 10**power),
    a=st.floats(-4, 4).map(lambda power: 10**power),
    b=st.floats(-4, 4).map(lambda power: 10**power),
    time_unit=st.just("day"),
)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_parameters_that_mean_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(ScoreError, match="must be positive"):
        replace(SHOP, b=wrong)


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0.0, 20.0), (1, 3.0, 20.0), (4, 19.0, 20.0), (3, 20.0, 20.0)])
def test_the_likelihood_is_the_double_integral_over_rate_and_leaving(x: int, t_x: float, age: float) -> None:
    params = BgNbd(r=1.3, alpha=5.0, a=1.4, b=2.6, time_unit="week")

    logs, logits = np.linspace(-25, 4, 900), np.linspace(-25, 25, 1500)
    rate, leaves = np.exp(logs)[:, None], 1 / (1 + np.exp(-logits))[None, :]
    stayed = (1 - leaves) ** x * rate**x * np.exp(-rate * age)  # FHL equation 3
    left = leaves * (1 - leaves) ** (x - 1) * rate**x * np.exp(-rate * t_x) if x else 0.0
    density = gamma_by_log(rate, params.r, params.alpha) * beta_by_logit(logits, params.a, params.b)
    expected = ((stayed + left) * density).sum() * (logs[1] - logs[0]) * (logits[1] - logits[0])
    value, _ = log_likelihood(bg_nbd, params, history_of([x], t_x, age, time_unit="week"))
    assert value == pytest.approx(np.log(expected), abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    history=histories(),
    powers=st.tuples(*[st.floats(-1.5, 1.5)] * 4),
)
def test_the_gradient_is_the_slope(history: History, powers: tuple[float, ...]) -> None:
    point = 10.0 ** np.array(powers) * np.array([1, history.T.mean() + 1, 1, 1])
    check_slope(bg_nbd, point, history)


def test_a_customer_counts_as_often_as_he_is_there() -> None:
    one, _ = log_likelihood(bg_nbd, SHOP, history_of([2, 0], [5, 0], [9, 9], time_unit="week"))
    three, _ = log_likelihood(bg_nbd, SHOP, history_of([2, 0, 2, 0, 2, 0], [5, 0] * 3, 9, time_unit="week"))
    assert three == pytest.approx(3 * one)


def test_weeks_are_not_taken_for_days() -> None:
    with pytest.raises(ScoreError, match="the parameters count weeks, the history days"):
        log_likelihood(bg_nbd, SHOP, history_of([1], 5, 9, time_unit="day"))


def test_who_never_came_back_had_no_occasion_to_leave() -> None:
    assert bg_nbd.p_alive(SHOP, 0, 0, [0.0, 5.0, 500.0]).tolist() == [1.0, 1.0, 1.0]


def test_silence_lowers_p_alive_and_more_so_for_frequent_buyers() -> None:
    silence = np.array([10.0, 20.0, 40.0, 80.0])
    seldom, often = (bg_nbd.p_alive(SHOP, x, 10.0, silence) for x in (2, 20))
    assert (np.diff(seldom) < 0).all()
    assert (np.diff(often) < 0).all()
    assert (often[1:] < seldom[1:]).all()


def expected_by_definition(params: BgNbd, x: int, age: float, t: float) -> float:
    """E[(1 - exp(-rate p t)) / p] over the rate and the leaving probability of a customer alive now."""
    shape, pace = params.r + x, t / (params.alpha + age)
    logits = np.linspace(-60, 60, 60_000)
    p = 1 / (1 + np.exp(-logits))
    purchases = -np.expm1(-shape * np.log1p(p * pace)) / p
    return float((purchases * beta_by_logit(logits, params.a, params.b + x)).sum() * (logits[1] - logits[0]))


@pytest.mark.parametrize("a", [0.7, 1.0, 1.0 + 1e-9, 1.3, 4.0])
@pytest.mark.parametrize(("x", "age", "t"), [(0, 0.0, 39.0), (0, 30.0, 1e-3), (2, 38.86, 39.0), (60, 31.0, 520.0)])
def test_expected_purchases_are_those_of_the_definition(a: float, x: int, age: float, t: float) -> None:
    params = replace(SHOP, a=a)
    found = bg_nbd.expected_purchases(params, x, age, age, t)
    alive = bg_nbd.p_alive(params, x, age, age)
    assert float(found / alive) == pytest.approx(expected_by_definition(params, x, age, t), rel=1e-6)


@pytest.mark.parametrize(("a", "b"), [(900.0, 300.0), (2000.0, 500.0), (300.0, 9000.0)])
@pytest.mark.parametrize(("x", "t"), [(0, 39.0), (7, 500.0), (700, 50.0)])
def test_expected_purchases_where_everybody_leaves_alike(a: float, b: float, x: int, t: float) -> None:
    params = replace(SHOP, alpha=0.2, a=a, b=b)
    found = bg_nbd.expected_purchases(params, x, 30.0, 30.0, t) / bg_nbd.p_alive(params, x, 30.0, 30.0)
    assert float(found) == pytest.approx(expected_by_definition(params, x, 30.0, t), rel=2e-5)


@pytest.mark.parametrize(
    ("r", "alpha", "a", "b", "x", "age", "t", "expected"),
    [  # by mpmath 1.3 with 80 digits, from FHL equation 10
        (0.25, 4.4, 0.8, 2.4, 5000, 300.0, 52.0, 801.182388816),
        (0.1, 0.14, 1.257, 1122.0, 2, 0.0, 1622.0, 2261.75147292),
        (2.0, 90.0, 900.0, 3000.0, 40, 365.0, 365.0, 4.37770691091),
        (300.0, 9000.0, 0.03, 40.0, 12, 365.0, 365.0, 12.1204480766),
        (0.5, 90.0, 0.4, 0.6, 0, 10.0, 365.0, 1.10283429417),
        (0.5, 0.01, 90.0, 110.0, 0, 0.0, 365.0, 2.21841416105),
        (1e-4, 1e6, 1e-4, 1e-4, 0, 0.0, 1.0, 9.99999749975e-11),
    ],
)
def test_expected_purchases_where_libraries_overflow(
    r: float, alpha: float, a: float, b: float, x: int, age: float, t: float, expected: float
) -> None:
    params = BgNbd(r=r, alpha=alpha, a=a, b=b, time_unit="day")
    found = bg_nbd.expected_purchases(params, x, age, age, t) / bg_nbd.p_alive(params, x, age, age)
    assert float(found) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(params=WILD, history=histories(), t=st.floats(0.01, 40_000))
def test_predictions_of_any_history_under_any_parameters_are_numbers_in_their_place(
    params: BgNbd, history: History, t: float
) -> None:
    params = replace(params, time_unit=history.time_unit)
    x, t_x, age = history.frequency, history.recency, history.T
    alive = bg_nbd.p_alive(params, x, t_x, age)
    expected = bg_nbd.expected_purchases(params, x, t_x, age, t)
    assert ((alive >= 0) & (alive <= 1)).all()
    most = (params.r + x) * t / (params.alpha + age)
    assert ((expected >= 0) & (expected <= most * (1 + 1e-6))).all()
    value, gradient = log_likelihood(bg_nbd, params, history)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@settings(max_examples=50, deadline=None)
@given(params=WILD, x=st.integers(0, 5000), age=st.floats(0, 4000), t=st.floats(0.01, 4000))
def test_a_longer_horizon_never_holds_less(params: BgNbd, x: int, age: float, t: float) -> None:
    horizons = t * np.array([[1.0], [1.5], [4.0]])
    expected = bg_nbd.expected_purchases(params, np.array([x]), np.array([age]), np.array([age]), horizons)[:, 0]
    assert (np.diff(expected) >= -1e-4 * expected[1:]).all()


@settings(max_examples=50, deadline=None)
@example(params=BgNbd(r=316.2, alpha=1.0, a=1.0000000000000004, b=1.0, time_unit="day"), x=0, age=0.0, t=2.0)
@given(params=WILD, x=st.integers(0, 5000), age=st.floats(0, 4000), t=st.floats(0.01, 4000))
def test_the_closed_form_and_the_integral_agree_wherever_the_first_is_used(
    params: BgNbd, x: int, age: float, t: float
) -> None:
    params = replace(params, r=min(params.r, 1000.0))
    assume(1 / params.a + 1 / (params.b + x) > 0.01)
    found = bg_nbd.expected_purchases(params, x, age, age, t) / bg_nbd.p_alive(params, x, age, age)
    shape, pace = np.array([[params.r + x]]), np.array([[t / (params.alpha + age)]])
    integral = by_quadrature(shape, pace, params.a, np.array([[params.b + x]]))
    assert float(found) == pytest.approx(float(integral[0]), rel=1e-4)


def test_several_horizons_at_once_are_the_same_as_one_by_one() -> None:
    x, t_x, age = np.array([0, 3, 0, 9]), np.array([0.0, 4, 0, 30]), np.array([38.0, 38, 38, 31])
    both = bg_nbd.expected_purchases(SHOP, x, t_x, age, np.array([[4.0], [39.0]]))
    assert both.shape == (2, 4)
    assert both[1].tolist() == bg_nbd.expected_purchases(SHOP, x, t_x, age, 39.0).tolist()
    assert both[0].tolist() == bg_nbd.expected_purchases(SHOP, x, t_x, age, 4.0).tolist()
    one_by_one = [float(bg_nbd.expected_purchases(SHOP, *each, 4.0)) for each in zip(x, t_x, age, strict=True)]
    assert both[0].tolist() == pytest.approx(one_by_one, rel=1e-12)


def test_the_counts_of_a_newcomer_sum_to_one_and_to_the_expectation() -> None:
    counts = np.arange(4000)
    chances = bg_nbd.probability_new(SHOP, counts, 39.0)
    assert chances.sum() == pytest.approx(1, abs=1e-9)
    assert float(chances @ counts) == pytest.approx(float(bg_nbd.expected_new(SHOP, 39.0)), rel=1e-6)
    assert bg_nbd.probability_new(SHOP, [0, 1], 0.0).tolist() == [1.0, 0.0]


def test_a_simulated_shop_gives_its_parameters_back() -> None:
    truth = BgNbd(r=0.6, alpha=6.0, a=0.9, b=2.5, time_unit="week")
    found = fit(bg_nbd, simulated(1, 20_000, r=0.6, alpha=6.0, a=0.9, b=2.5))
    assert astuple(found.params)[:4] == pytest.approx(astuple(truth)[:4], rel=0.12)
    assert (found.flags, found.converged, found.n_customers) == ((), True, 20_000)


def test_what_is_predicted_for_a_simulated_shop_happens() -> None:
    whole = simulated(2, 20_000, r=0.6, alpha=6.0, a=0.9, b=2.5)
    expected = bg_nbd.expected_new(BgNbd(r=0.6, alpha=6.0, a=0.9, b=2.5, time_unit="week"), whole.T)
    assert whole.frequency.sum() == pytest.approx(expected.sum(), rel=0.03)


def test_the_unit_of_time_changes_the_parameters_and_no_prediction() -> None:
    weeks = simulated(3, 800, r=0.6, alpha=6.0, a=0.9, b=2.5)
    fits = {}
    for unit in DAYS_PER_UNIT:
        factor = 7 / DAYS_PER_UNIT[unit]
        history = replace(weeks, recency=weeks.recency * factor, T=weeks.T * factor, time_unit=unit)
        params = fit(bg_nbd, history).params
        year = 365 / DAYS_PER_UNIT[unit]
        fits[unit] = bg_nbd.expected_purchases(params, history.frequency, history.recency, history.T, year)
    assert fits["day"] == pytest.approx(fits["week"], rel=1e-4)
    assert fits["month"] == pytest.approx(fits["week"], rel=1e-4)


def leaving_alike(n: int) -> History:
    """Customers with the same chance of leaving: a and b run to infinity together."""
    return simulated(4, n, r=1.0, alpha=4.0, a=2e5, b=8e5)


BREAKING: dict[str, tuple[History, str]] = {
    "nobody came back": (history_of([0] * 300, 0, np.linspace(10, 900, 300)), "no_repeaters"),
    "everybody came today": (history_of([0] * 300, 0, 0), "no_repeaters"),
    "one customer": (history_of([0], 0, 12), "no_repeaters"),
    "one customer, often": (history_of([40], 41, 41), "few_repeaters"),
    "three customers": (history_of([0, 1, 4], [0, 30, 200], [300, 100, 220]), "few_repeaters"),
    "thirty customers": (simulated(5, 30, r=2.0, alpha=6.0, a=0.8, b=2.5), "few_customers"),
    "all the same": (history_of([5] * 400, 200, 250), "boundary"),
    "all the same, until today": (history_of([5] * 400, 250, 250), "boundary"),
    "nobody ever leaves": (history_of(np.arange(10, 310), 900, 900), "boundary"),
    "all leave at once": (history_of([1] * 400, 1, np.linspace(100, 900, 400)), "boundary"),
    "all leave alike": (leaving_alike(3000), ""),
    "every day for years": (history_of([5000] * 60 + [0] * 60, [5000.0] * 60 + [0.0] * 60, 5100), "boundary"),
    "a subscription": (history_of(np.arange(1, 61), 30.0 * np.arange(1, 61), 30.0 * np.arange(1, 61) + 5), "boundary"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_logs_that_break_other_fits_get_finite_answers_and_say_so(name: str) -> None:
    history, flag = BREAKING[name]
    found = fit(bg_nbd, history)
    assert np.isfinite(found.log_likelihood)
    assert found.converged
    assert set(found.flags) <= set(FLAGS)
    if flag:
        assert found.flags == (flag, "pooled_prior")
    x, t_x, age = history.frequency, history.recency, history.T
    year = 365 / DAYS_PER_UNIT[history.time_unit]
    expected = bg_nbd.expected_purchases(found.params, x, t_x, age, year)
    alive = bg_nbd.p_alive(found.params, x, t_x, age)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (expected >= 0).all()
    # nobody is expected to buy much more often than the keenest customer ever did, or a newcomer by the prior
    assert expected.max() <= max(1.5 * year * (x / np.maximum(t_x, 1)).max(), 4)


def test_leaving_alike_is_found_even_where_a_and_b_have_no_end() -> None:
    params = fit(bg_nbd, leaving_alike(3000)).params
    assert params.a / (params.a + params.b) == pytest.approx(0.2, abs=0.02)


def test_a_shop_of_newcomers_is_judged_by_the_prior_and_an_old_one_by_its_silence() -> None:
    def a_year_of(history: History) -> float:
        params = fit(bg_nbd, history).params
        return float(bg_nbd.expected_purchases(params, 0, 0, history.T[0], 365.0))

    young, old = a_year_of(history_of([0] * 300, 0, 3)), a_year_of(history_of([0] * 300, 0, 900))
    assert 0.2 < young < 2
    assert old < 0.02


def test_the_prior_weighs_the_same_in_every_unit() -> None:
    def a_year_in(unit: TimeUnit) -> float:
        days = DAYS_PER_UNIT[unit]
        few = history_of([0, 1, 4], [0, 35 / days, 210 / days], 350 / days, time_unit=unit)
        return float(bg_nbd.expected_new(fit(bg_nbd, few).params, 365 / days))

    assert a_year_in("week") == pytest.approx(a_year_in("day"), rel=1e-4)
    assert a_year_in("month") == pytest.approx(a_year_in("day"), rel=1e-4)


@settings(max_examples=20, deadline=None)
@given(history=histories(most=25))
def test_any_history_can_be_fitted(history: History) -> None:
    found = fit(bg_nbd, history)
    assert np.isfinite(found.log_likelihood)
    year = 365 / DAYS_PER_UNIT[history.time_unit]
    expected = bg_nbd.expected_purchases(found.params, history.frequency, history.recency, history.T, year)
    assert np.isfinite(expected).all()


def test_nobody_is_no_shop() -> None:
    with pytest.raises(ScoreError, match="nobody has bought anything yet"):
        fit(bg_nbd, history_of([], 0, 0))


def test_no_parameters_beat_each_customers_own_best_rate() -> None:
    history = simulated(6, 400, r=0.6, alpha=6.0, a=0.9, b=2.5)
    found = fit(bg_nbd, history)
    again = history.frequency > 0
    x, t_x = history.frequency[again], history.recency[again]
    assert found.log_likelihood < float((x * np.log(x / t_x) - x).sum())
