"""Pareto/NBD against its own definition (integrals done by brute force), simulated shops, and logs made to break it."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.arrays import FloatArray
from engine.score.history import History
from engine.score.models import pareto_nbd, pareto_sheet
from engine.score.models.fit import FLAGS, fit, log_likelihood
from engine.score.models.pareto_nbd import ParetoNbd
from engine.score.models.rows import rows_of
from engine.score.units import DAYS_PER_UNIT
from tests.score.shops import gamma_by_log, histories, history_of

SHOP = ParetoNbd(r=0.55, alpha=10.6, s=0.61, beta=11.7, time_unit="week")
WILD = st.builds(
    ParetoNbd,
    r=st.floats(-4, 4).map(lambda power: 10**power),
    alpha=st.floats(-3, 6).map(lambda power: 10**power),
    s=st.floats(-4, 4).map(lambda power: 10**power),
    beta=st.floats(-3, 6).map(lambda power: 10**power),
    time_unit=st.just("day"),
)
RATES = np.linspace(-32, 5, 900)


def simulated(seed: int, n: int, params: ParetoNbd, *, oldest: float = 80.0) -> History:
    """A shop whose customers do exactly what Pareto/NBD says, first seen over `oldest` time units."""
    chance = np.random.default_rng(seed)
    age = chance.uniform(oldest / 8, oldest, n)
    pace, leaves = chance.gamma(params.r, 1 / params.alpha, n), chance.gamma(params.s, 1 / params.beta, n)
    stays = np.minimum(chance.exponential(1, n) / np.maximum(leaves, 1e-12), age)
    x = chance.poisson(pace * stays)
    last = stays * chance.random(n) ** (1 / np.maximum(x, 1))  # the latest of x even instants
    return history_of(x, np.where(x > 0, last, 0.0), age, time_unit=params.time_unit)


def over_rates(params: ParetoNbd, value: FloatArray) -> float:
    """The mean over customers of a value given by pace (down) and rate of leaving (across), on the grid of RATES."""
    step = RATES[1] - RATES[0]
    pace = gamma_by_log(np.exp(RATES), params.r, params.alpha)
    leaves = gamma_by_log(np.exp(RATES), params.s, params.beta)
    return float((pace @ value @ leaves) * step**2)


def chances(x: int, t_x: float, age: float) -> tuple[FloatArray, FloatArray]:
    """How likely a history is for each pace and rate of leaving, if still alive and if gone: FH, before mixing."""
    pace, leaves = np.exp(RATES)[:, None], np.exp(RATES)[None, :]
    both = pace + leaves
    alive = pace**x * np.exp(-both * age)
    return alive, pace**x * leaves / both * (np.exp(-both * t_x) - np.exp(-both * age))


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_parameters_that_mean_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(ScoreError, match="must be positive"):
        replace(SHOP, beta=wrong)


@pytest.mark.parametrize(("alpha", "beta"), [(5.0, 12.0), (12.0, 5.0), (7.0, 7.0)])
@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0.0, 20.0), (1, 3.0, 20.0), (4, 19.0, 20.0), (3, 20.0, 20.0)])
def test_likelihood_and_p_alive_are_the_double_integrals_over_both_rates(
    x: int, t_x: float, age: float, alpha: float, beta: float
) -> None:
    params = ParetoNbd(r=1.3, alpha=alpha, s=0.9, beta=beta, time_unit="week")
    alive, gone = (over_rates(params, chance) for chance in chances(x, t_x, age))
    value, _ = log_likelihood(pareto_nbd, params, history_of([x], t_x, age, time_unit="week"))
    assert value == pytest.approx(np.log(alive + gone), abs=1e-9)
    assert float(pareto_nbd.p_alive(params, x, t_x, age)) == pytest.approx(alive / (alive + gone), rel=1e-9)


@pytest.mark.parametrize(
    ("r", "alpha", "s", "beta", "x", "t_x", "age", "value", "alive"),
    [  # by mpmath 1.4 with 40 digits, the integral over the instant of leaving
        (0.55, 10.6, 0.61, 11.7, 5000, 300.0, 330.0, 8881.425902654, 4.49724821332e-197),
        (0.55, 10.6, 0.61, 11.7, 2, 30.0, 39.0, -9.557168620727, 0.857627016717),
        (1e-4, 1e-5, 1e-4, 1e6, 1, 3.0, 9000.0, -18.31737571538, 0.999992799495),
        (1e3, 1e6, 1e3, 1e-3, 7, 100.0, 400.0, -11561.36959298, 0.0),
        (0.5, 1e-6, 0.1, 1e4, 0, 0.0, 365.0, -9.854084953272, 0.992821917226),
        (1e4, 1e4, 1e4, 1e7, 40, 36000.0, 36500.0, -15362.85648582, 9.70715920508e-46),
        (0.3, 500.0, 1.0, 0.02, 3, 2.0, 2000.0, -23.43087109768, 5.31098526762e-6),
    ],
)
def test_likelihood_and_p_alive_where_libraries_overflow(
    r: float, alpha: float, s: float, beta: float, x: int, t_x: float, age: float, value: float, alive: float
) -> None:
    params = ParetoNbd(r=r, alpha=alpha, s=s, beta=beta, time_unit="day")
    found, _ = log_likelihood(pareto_nbd, params, history_of([x], t_x, age))
    assert found == pytest.approx(value, rel=2e-13, abs=1e-10)
    assert float(pareto_nbd.p_alive(params, x, t_x, age)) == pytest.approx(alive, rel=1e-9, abs=1e-300)


@settings(max_examples=50, deadline=None)
@given(history=histories(), powers=st.tuples(*[st.floats(-1.5, 1.5)] * 4))
def test_the_gradient_is_the_slope(history: History, powers: tuple[float, ...]) -> None:
    age = history.T.mean() + 1
    point, rows = 10.0 ** np.array(powers) * np.array([1, age, 1, age]), rows_of(history)
    value, gradient = pareto_nbd.log_likelihood(point, rows)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-4 * point[i]
        ends = [pareto_nbd.log_likelihood(point + sign * step, rows)[0] for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step[i])
        noise = 1e-8 * max(1.0, abs(value)) / point[i]
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=noise)


def test_between_its_points_the_likelihood_of_a_shop_is_that_of_its_customers_one_by_one() -> None:
    shop = simulated(7, 60, SHOP)
    whole, slopes = log_likelihood(pareto_nbd, SHOP, shop)
    alone = [log_likelihood(pareto_nbd, SHOP, shop.take(np.array([row]))) for row in range(len(shop))]
    assert whole == pytest.approx(sum(value for value, _ in alone), abs=1e-9)
    assert slopes == pytest.approx(sum(slope for _, slope in alone), rel=1e-9)


def test_a_customer_counts_as_often_as_he_is_there() -> None:
    one, _ = log_likelihood(pareto_nbd, SHOP, history_of([2, 0], [5, 0], [9, 9], time_unit="week"))
    three, _ = log_likelihood(pareto_nbd, SHOP, history_of([2, 0, 2, 0, 2, 0], [5, 0] * 3, 9, time_unit="week"))
    assert three == pytest.approx(3 * one)


def test_pairs_are_found_by_sorting_where_their_table_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = simulated(8, 50, SHOP)
    by_table = log_likelihood(pareto_nbd, SHOP, shop)
    monkeypatch.setattr(pareto_sheet, "_MOST_CELLS", 0)
    by_sorting = log_likelihood(pareto_nbd, SHOP, shop)
    assert by_sorting[0] == by_table[0]
    assert by_sorting[1].tolist() == by_table[1].tolist()


def test_who_buys_today_is_alive_and_even_a_one_time_buyer_fades() -> None:
    assert pareto_nbd.p_alive(SHOP, [1, 9], [20.0, 20.0], 20.0) == pytest.approx([1.0, 1.0], abs=1e-12)
    fading = pareto_nbd.p_alive(SHOP, 0, 0, [0.0, 5.0, 50.0, 500.0])
    assert fading[0] == 1
    assert (np.diff(fading) < 0).all()


def test_silence_lowers_p_alive_and_more_so_for_frequent_buyers() -> None:
    silence = np.array([10.0, 20.0, 40.0, 80.0])
    seldom, often = (pareto_nbd.p_alive(SHOP, x, 10.0, silence) for x in (2, 20))
    assert (np.diff(seldom) < 0).all()
    assert (np.diff(often) < 0).all()
    assert (often[1:] < seldom[1:]).all()


@pytest.mark.parametrize("params", [replace(SHOP, s=1e-9), replace(SHOP, beta=1e12)])
def test_where_nobody_leaves_the_model_is_the_negative_binomial(params: ParetoNbd) -> None:
    x, t_x, age = np.array([0, 1, 8]), np.array([0.0, 3.0, 30.0]), np.array([30.0, 30.0, 31.0])
    assert pareto_nbd.p_alive(params, x, t_x, age) == pytest.approx([1, 1, 1], abs=1e-6)
    found = pareto_nbd.expected_purchases(params, x, t_x, age, 52.0)
    assert found == pytest.approx((params.r + x) / (params.alpha + age) * 52, rel=1e-6)


def expected_by_definition(params: ParetoNbd, x: int, age: float, t: float) -> float:
    """E[pace] of one who is alive now, times the mean over rates of leaving of (1 - exp(-rate t)) / rate."""
    logs = np.linspace(-40, 6, 20_000)
    leaves = np.exp(logs)
    left = -np.expm1(-leaves * t) / leaves * gamma_by_log(leaves, params.s, params.beta + age)
    return float((params.r + x) / (params.alpha + age) * left.sum() * (logs[1] - logs[0]))


@pytest.mark.parametrize("s", [0.6, 1.0, 1.0 + 1e-13, 1.0 - 1e-9, 1.3, 8.0])
@pytest.mark.parametrize(("x", "age", "t"), [(0, 0.0, 39.0), (0, 30.0, 1e-3), (2, 38.86, 39.0), (60, 31.0, 520.0)])
def test_expected_purchases_are_those_of_the_definition(s: float, x: int, age: float, t: float) -> None:
    params = replace(SHOP, s=s)
    found = pareto_nbd.expected_purchases(params, x, age, age, t) / pareto_nbd.p_alive(params, x, age, age)
    assert float(found) == pytest.approx(expected_by_definition(params, x, age, t), rel=1e-8)


def test_several_horizons_at_once_are_the_same_as_one_by_one() -> None:
    x, t_x, age = np.array([0, 3, 0, 9]), np.array([0.0, 4, 0, 30]), np.array([38.0, 38, 38, 31])
    both = pareto_nbd.expected_purchases(SHOP, x, t_x, age, np.array([[4.0], [39.0]]))
    for row, t in zip(both, (4.0, 39.0), strict=True):
        assert row.tolist() == pareto_nbd.expected_purchases(SHOP, x, t_x, age, t).tolist()
        single = [float(pareto_nbd.expected_purchases(SHOP, *past, t)) for past in zip(x, t_x, age, strict=True)]
        assert row == pytest.approx(single, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(params=WILD, history=histories(), t=st.floats(0.01, 40_000))
def test_any_history_under_any_parameters_gives_numbers_in_their_place(
    params: ParetoNbd, history: History, t: float
) -> None:
    params = replace(params, time_unit=history.time_unit)
    past = history.frequency, history.recency, history.T
    alive, expected = pareto_nbd.p_alive(params, *past), pareto_nbd.expected_purchases(params, *past, t)
    assert ((alive >= 0) & (alive <= 1)).all()
    most = (params.r + history.frequency) * t / (params.alpha + history.T)
    assert ((expected >= 0) & (expected <= most * (1 + 1e-12))).all()
    assert np.isfinite(pareto_nbd.discounted_residual(params, *past, 0.001)).all()
    value, gradient = log_likelihood(pareto_nbd, params, history)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@settings(max_examples=40, deadline=None)
@given(history=histories(), corner=st.tuples(*[st.booleans()] * 4))
def test_the_corners_of_the_space_are_finite(history: History, corner: tuple[bool, ...]) -> None:
    space = pareto_nbd.SPACE
    point = np.where(corner, space.highest, space.lowest)
    value, gradient = pareto_nbd.log_likelihood(point, rows_of(history, history.T.mean() or 1.0))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@settings(max_examples=40, deadline=None)
@given(params=WILD, x=st.integers(0, 5000), age=st.integers(1, 36_500), silence=st.floats(0, 1))
def test_p_alive_never_rises_in_silence(params: ParetoNbd, x: int, age: int, silence: float) -> None:
    t_x = age * (1 - silence) if x else 0.0
    now, later = (float(pareto_nbd.p_alive(params, x, t_x, now)) for now in (age, 1.3 * age))
    assert later <= now * (1 + 1e-8) + 1e-12


def test_a_simulated_shop_gives_its_parameters_back() -> None:
    truth = ParetoNbd(r=0.8, alpha=6.0, s=0.9, beta=20.0, time_unit="week")
    found = fit(pareto_nbd, simulated(1, 8_000, truth))
    assert astuple(found.params)[:4] == pytest.approx(astuple(truth)[:4], rel=0.15)
    assert (found.flags, found.converged, found.n_customers) == ((), True, 8_000)


def test_what_is_predicted_for_a_simulated_shop_happens() -> None:
    whole = simulated(2, 20_000, SHOP)
    assert whole.frequency.sum() == pytest.approx(pareto_nbd.expected_new(SHOP, whole.T).sum(), rel=0.03)


def test_the_unit_of_time_changes_the_parameters_and_no_prediction() -> None:
    weeks, fits = simulated(3, 800, SHOP), {}
    for unit in DAYS_PER_UNIT:
        factor = 7 / DAYS_PER_UNIT[unit]
        history = replace(weeks, recency=weeks.recency * factor, T=weeks.T * factor, time_unit=unit)
        params = fit(pareto_nbd, history).params
        past = history.frequency, history.recency, history.T
        fits[unit] = pareto_nbd.expected_purchases(params, *past, 365 / DAYS_PER_UNIT[unit])
    assert fits["day"] == pytest.approx(fits["week"], rel=1e-4)
    assert fits["month"] == pytest.approx(fits["week"], rel=1e-4)


BREAKING: dict[str, tuple[History, str]] = {
    "nobody came back": (history_of([0] * 300, 0, np.linspace(10, 900, 300)), "no_repeaters"),
    "everybody came today": (history_of([0] * 300, 0, 0), "no_repeaters"),
    "one customer, often": (history_of([40], 41, 41), "few_repeaters"),
    "thirty customers": (simulated(5, 30, replace(SHOP, r=2.0)), "few_customers"),
    "all the same": (history_of([5] * 400, 200, 250), "boundary"),
    "nobody ever leaves": (history_of(np.arange(10, 310), 900, 900), "boundary"),
    "all leave at once": (history_of([1] * 400, 1, np.linspace(100, 900, 400)), "boundary"),
    "every day for years": (history_of([5000] * 60 + [0] * 60, [5000.0] * 60 + [0.0] * 60, 5100), ""),
    "a subscription": (history_of(np.arange(1, 61), 30.0 * np.arange(1, 61), 30.0 * np.arange(1, 61) + 5), "boundary"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_logs_that_break_other_fits_get_finite_answers_and_say_so(name: str) -> None:
    history, flag = BREAKING[name]
    found = fit(pareto_nbd, history)
    assert np.isfinite(found.log_likelihood)
    assert found.converged
    assert set(found.flags) <= set(FLAGS)
    if flag:
        assert found.flags == (flag, "pooled_prior")
    past = history.frequency, history.recency, history.T
    expected = pareto_nbd.expected_purchases(found.params, *past, 365 / DAYS_PER_UNIT[history.time_unit])
    assert (np.isfinite(expected) & (expected >= 0)).all()


@pytest.mark.parametrize("s", [0.4, 1.0, 3.0, 2000.0])
def test_the_discounted_residual_is_the_sum_of_short_discounted_steps(s: float) -> None:
    params, rate = replace(SHOP, s=s), 0.01
    ends = np.linspace(0, 4000, 400_001)[1:]
    purchases = np.diff(pareto_nbd.expected_purchases(params, 3, 30.0, 38.0, ends), prepend=0.0)
    found = pareto_nbd.discounted_residual(params, 3, 30.0, 38.0, rate)
    assert float(found) == pytest.approx(purchases @ np.exp(-rate * (ends - 0.005)), rel=1e-6)


@pytest.mark.parametrize(
    ("s", "beta", "rate", "expected"),
    [  # by mpmath 1.4 with 40 digits, from the confluent hypergeometric function
        (0.41, 10.5, 0.0027, 1.84742467282),
        (1.0, 10.5, 1e-6, 2.07438676854),
        (5000.0, 1e5, 0.01, 0.00491064293019),
    ],
)
def test_the_discounted_residual_is_that_of_the_paper(s: float, beta: float, rate: float, expected: float) -> None:
    params = ParetoNbd(r=0.56, alpha=12.5, s=s, beta=beta, time_unit="week")
    assert float(pareto_nbd.discounted_residual(params, 7, 35.0, 77.86, rate)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rate", [0.0, -0.1, np.nan])
def test_without_a_discount_the_residual_has_no_end(rate: float) -> None:
    with pytest.raises(ScoreError, match="a discount rate above 0"):
        pareto_nbd.discounted_residual(SHOP, 1, 2.0, 3.0, rate)


def test_draws_have_the_mean_and_the_silence_that_the_model_says() -> None:
    many, t = 200_000, 26.0
    x, age = np.full(many, 3), np.full(many, 40.0)
    drawn = pareto_nbd.draw(SHOP, x, age, t, np.random.default_rng(9))
    assert drawn.mean() == pytest.approx(float(pareto_nbd.expected_purchases(SHOP, 3, 40.0, 40.0, t)), rel=0.01)
    # no purchase in t: alive at 40 or at 66 with the same three purchases, the last at 40
    then, later = (log_likelihood(pareto_nbd, SHOP, history_of([3], 40, now, time_unit="week"))[0] for now in (40, 66))
    assert (drawn == 0).mean() == pytest.approx(np.exp(later - then), abs=0.005)


@settings(max_examples=30, deadline=None)
@given(params=WILD, history=histories(), t=st.floats(0.01, 40_000))
def test_draws_of_any_history_are_counts_and_the_same_seed_draws_the_same(
    params: ParetoNbd, history: History, t: float
) -> None:
    first, second = (
        pareto_nbd.draw(params, history.frequency, history.T, t, np.random.default_rng(1)) for _ in range(2)
    )
    assert first.shape == history.T.shape
    assert (first >= 0).all()
    assert first.tolist() == second.tolist()
