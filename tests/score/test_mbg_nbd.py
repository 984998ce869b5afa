"""MBG/NBD against its own definition (integrals done by brute force), simulated shops, and logs made to break it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.arrays import BoolArray, IntArray
from engine.score.history import History
from engine.score.models import bg_nbd, mbg_nbd
from engine.score.models.bg_nbd import BgNbd
from engine.score.models.fit import FLAGS, fit, log_likelihood
from engine.score.models.mbg_nbd import MbgNbd
from engine.score.units import DAYS_PER_UNIT, TimeUnit
from tests.score.shops import beta_by_logit, check_slope, gamma_by_log, histories, history_of

SHOP = MbgNbd(r=0.525, alpha=6.183, a=0.891, b=1.614, time_unit="week")
LIVELY = MbgNbd(r=1.2, alpha=7.0, a=0.9, b=2.4, time_unit="week")
WILD = st.builds(
    MbgNbd,
    r=st.floats(-4, 4).map(lambda power: 10**power),
    alpha=st.floats(-7, 7).map(lambda power: 10**power),
    a=st.floats(-4, 4).map(lambda power: 10**power),
    b=st.floats(-4, 4).map(lambda power: 10**power),
    time_unit=st.just("day"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """A history, and what its author alone knows: who is alive, and what he buys in the next `t` weeks."""

    history: History
    alive: BoolArray
    later: IntArray


def lived(seed: int, n: int, params: MbgNbd, t: float = 39.0, oldest: float = 80.0) -> Lives:
    """Customers who do exactly what MBG/NBD says, purchase by purchase."""
    chance = np.random.default_rng(seed)
    age = chance.uniform(oldest / 8, oldest, n)
    rate, leaves = chance.gamma(params.r, 1 / params.alpha, n), chance.beta(params.a, params.b, n)
    x, later, t_x, now = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
    here = chance.random(n) > leaves
    alive = here.copy()
    while here.any():
        now = now + chance.exponential(1, n) / np.maximum(rate, 1e-12)
        bought, then = here & (now <= age), here & (now > age) & (now <= age + t)
        x[bought] += 1
        t_x[bought] = now[bought]
        later[then] += 1
        stays = chance.random(n) > leaves
        alive[bought & ~stays] = False
        here = (bought | then) & stays
    return Lives(history=history_of(x, t_x, age, time_unit=params.time_unit), alive=alive, later=later)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_parameters_that_mean_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(ScoreError, match="must be positive"):
        replace(SHOP, b=wrong)


def ways(params: MbgNbd, x: int, t_x: float, age: float) -> tuple[float, float]:
    """The density of a history and still being alive, and of it and being gone: integrals over rate and leaving."""
    logs, logits = np.linspace(-25, 4, 900), np.linspace(-25, 25, 1500)
    rate, leaves = np.exp(logs)[:, None], 1 / (1 + np.exp(-logits))[None, :]
    density = gamma_by_log(rate, params.r, params.alpha) * beta_by_logit(logits, params.a, params.b)
    cell = (logs[1] - logs[0]) * (logits[1] - logits[0])
    stayed = (1 - leaves) ** (x + 1) * rate**x * np.exp(-rate * age)
    left = leaves * (1 - leaves) ** x * rate**x * np.exp(-rate * t_x)
    return float((stayed * density).sum() * cell), float((left * density).sum() * cell)


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0.0, 20.0), (1, 3.0, 20.0), (4, 19.0, 20.0), (3, 20.0, 20.0)])
def test_likelihood_and_p_alive_are_integrals_over_rate_and_leaving(x: int, t_x: float, age: float) -> None:
    params = MbgNbd(r=1.3, alpha=5.0, a=1.4, b=2.6, time_unit="week")
    stayed, left = ways(params, x, t_x, age)
    value, _ = log_likelihood(mbg_nbd, params, history_of([x], t_x, age, time_unit="week"))
    assert value == pytest.approx(np.log(stayed + left), abs=1e-6)
    assert float(mbg_nbd.p_alive(params, x, t_x, age)) == pytest.approx(stayed / (stayed + left), abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(history=histories(), powers=st.tuples(*[st.floats(-1.5, 1.5)] * 4))
def test_the_gradient_is_the_slope(history: History, powers: tuple[float, ...]) -> None:
    point = 10.0 ** np.array(powers) * np.array([1, history.T.mean() + 1, 1, 1])
    check_slope(mbg_nbd, point, history)


def test_a_newcomer_may_have_left_at_once_and_fades_in_silence() -> None:
    fading = mbg_nbd.p_alive(SHOP, 0, 0, [0.0, 5.0, 50.0, 500.0])
    assert fading[0] == pytest.approx(SHOP.b / (SHOP.a + SHOP.b))
    assert (np.diff(fading) < 0).all()
    assert fading[-1] < fading[0] / 4


def test_silence_lowers_p_alive_and_more_so_for_frequent_buyers() -> None:
    silence = np.array([10.0, 20.0, 40.0, 80.0])
    seldom, often = (mbg_nbd.p_alive(SHOP, x, 10.0, silence) for x in (2, 20))
    assert (np.diff(seldom) < 0).all()
    assert (np.diff(often) < 0).all()
    assert (often[1:] < seldom[1:]).all()


def test_where_nobody_leaves_it_is_bg_nbd() -> None:
    stays = MbgNbd(r=0.6, alpha=6.0, a=1e-4, b=1e4, time_unit="week")
    same = BgNbd(r=0.6, alpha=6.0, a=1e-4, b=1e4, time_unit="week")
    past = np.array([0, 2, 9]), np.array([0.0, 5, 30]), np.array([9.0, 9, 31])
    found, expected = (
        model.expected_purchases(each, *past, 39.0) for model, each in ((mbg_nbd, stays), (bg_nbd, same))
    )
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("params", [SHOP, LIVELY], ids=["seldom", "lively"])
def test_who_is_alive_and_buys_in_a_simulated_shop_is_what_was_expected(params: MbgNbd) -> None:
    lives = lived(3, 60_000, params)
    past = (lives.history.frequency, lives.history.recency, lives.history.T)
    alive = mbg_nbd.p_alive(params, *past)
    expected = mbg_nbd.expected_purchases(params, *past, 39.0)
    for group in (past[0] == 0, (past[0] > 0) & (past[0] < 5), past[0] >= 5):
        size = np.sqrt(group.sum())
        assert lives.alive[group].mean() == pytest.approx(alive[group].mean(), abs=2.5 / size)
        off = lives.later[group] - expected[group]
        assert off.mean() == pytest.approx(0, abs=5 * off.std() / size)


def test_draws_are_of_customers_who_are_alive() -> None:
    x, age = np.repeat([0, 6], 30_000), np.repeat([20.0, 31.0], 30_000)
    draws = mbg_nbd.draw(SHOP, x, age, 52.0, np.random.default_rng(7)).reshape(2, -1)
    expected = mbg_nbd.expected_purchases(SHOP, [0, 6], [20.0, 31], [20.0, 31], 52.0)
    expected = expected / mbg_nbd.p_alive(SHOP, [0, 6], [20.0, 31], [20.0, 31])
    assert draws.mean(axis=1) == pytest.approx(expected, abs=5 * float(draws.std(axis=1).max()) / np.sqrt(30_000))


@settings(max_examples=50, deadline=None)
@given(params=WILD, history=histories(), t=st.floats(0.01, 40_000))
def test_predictions_of_any_history_under_any_parameters_are_numbers_in_their_place(
    params: MbgNbd, history: History, t: float
) -> None:
    params = replace(params, time_unit=history.time_unit)
    x, t_x, age = history.frequency, history.recency, history.T
    alive = mbg_nbd.p_alive(params, x, t_x, age)
    expected = mbg_nbd.expected_purchases(params, x, t_x, age, t)
    assert ((alive >= 0) & (alive <= 1)).all()
    most = (params.r + x) * t / (params.alpha + age)
    assert ((expected >= 0) & (expected <= most * (1 + 1e-6))).all()
    assert (mbg_nbd.draw(params, x, age, t, np.random.default_rng(0)) >= 0).all()
    value, gradient = log_likelihood(mbg_nbd, params, history)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_a_simulated_shop_gives_its_parameters_back() -> None:
    found = fit(mbg_nbd, lived(8, 12_000, LIVELY).history)
    assert (found.converged, found.flags) == (True, ())
    for name, share in (("r", 0.1), ("alpha", 0.1), ("a", 0.25), ("b", 0.25)):
        assert getattr(found.params, name) == pytest.approx(getattr(LIVELY, name), rel=share)
    assert found.params.a / (found.params.a + found.params.b) == pytest.approx(0.9 / 3.3, abs=0.02)


def test_the_fit_does_not_depend_on_the_unit() -> None:
    weeks = lived(9, 1500, LIVELY).history
    days = replace(weeks, recency=7 * weeks.recency, T=7 * weeks.T, time_unit="day")
    by_week, by_day = fit(mbg_nbd, weeks).params, fit(mbg_nbd, days).params
    assert by_day.alpha == pytest.approx(7 * by_week.alpha, rel=1e-4)
    assert (by_day.r, by_day.a) == pytest.approx((by_week.r, by_week.a), rel=1e-4)


BREAKING: dict[str, tuple[History, str]] = {
    "nobody came back": (history_of([0] * 300, 0, np.linspace(10, 900, 300)), "no_repeaters"),
    "everybody came today": (history_of([0] * 300, 0, 0), "no_repeaters"),
    "one customer, often": (history_of([40], 41, 41), "few_repeaters"),
    "three customers": (history_of([0, 1, 4], [0, 30, 200], [300, 100, 220]), "few_repeaters"),
    "thirty customers": (lived(5, 30, LIVELY).history, "few_"),
    "all the same": (history_of([5] * 400, 200, 250), "boundary"),
    "nobody ever leaves": (history_of(np.arange(10, 310), 900, 900), "boundary"),
    "all leave at once": (history_of([1] * 400, 1, np.linspace(100, 900, 400)), "boundary"),
    "every day for years": (history_of([5000] * 60 + [0] * 60, [5000.0] * 60 + [0.0] * 60, 5100), "boundary"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_logs_that_break_other_fits_get_finite_answers_and_say_so(name: str) -> None:
    history, flag = BREAKING[name]
    found = fit(mbg_nbd, history)
    assert found.converged
    assert set(found.flags) <= set(FLAGS)
    assert found.flags[0].startswith(flag)
    assert found.flags[-1] == "pooled_prior"
    x, t_x, age = history.frequency, history.recency, history.T
    year = 365 / DAYS_PER_UNIT[history.time_unit]
    expected = mbg_nbd.expected_purchases(found.params, x, t_x, age, year)
    assert (expected >= 0).all()
    assert expected.max() <= max(1.5 * year * (x / np.maximum(t_x, 1)).max(), 4)


def test_the_prior_weighs_the_same_in_every_unit() -> None:
    def a_year_in(unit: TimeUnit) -> float:
        days = DAYS_PER_UNIT[unit]
        few = history_of([0, 1, 4], [0, 35 / days, 210 / days], 350 / days, time_unit=unit)
        return float(mbg_nbd.expected_purchases(fit(mbg_nbd, few).params, 0, 0, 0, 365 / days))

    assert a_year_in("week") == pytest.approx(a_year_in("day"), rel=1e-4)
    assert a_year_in("month") == pytest.approx(a_year_in("day"), rel=1e-4)


@settings(max_examples=15, deadline=None)
@given(history=histories(most=25))
def test_any_history_can_be_fitted(history: History) -> None:
    found = fit(mbg_nbd, history)
    assert np.isfinite(found.log_likelihood)
    year = 365 / DAYS_PER_UNIT[history.time_unit]
    expected = mbg_nbd.expected_purchases(found.params, history.frequency, history.recency, history.T, year)
    assert np.isfinite(expected).all()
