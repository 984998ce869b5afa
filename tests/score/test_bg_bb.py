"""BG/BB against its own definition (integrals, every possible history), simulated shops, and logs made to break it."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit  # type: ignore[import-untyped]  # scipy ships no types

from engine.errors import ScoreError
from engine.score.arrays import BoolArray, IntArray
from engine.score.history import History
from engine.score.models import bg_bb
from engine.score.models.bg_bb import BgBb
from engine.score.models.fit import FLAGS, fit, log_likelihood
from tests.score.shops import beta_by_logit, check_slope, history_of

DONORS = BgBb(alpha=1.204, beta=0.75, gamma=0.657, delta=2.783, time_unit="month")
POWER = st.floats(-4, 4).map(lambda power: 10**power)
WILD = st.builds(BgBb, alpha=POWER, beta=POWER, gamma=POWER, delta=POWER, time_unit=st.just("month"))


@st.composite
def opportunities(draw: st.DrawFn, *, longest: int = 36_500, most: int = 6) -> History:
    """Any history that opportunities can give, up to one every day of a hundred years."""
    x, t_x, n = [], [], []
    for _ in range(draw(st.integers(1, most))):
        n.append(draw(st.one_of(st.integers(0, 12), st.integers(0, longest))))
        t_x.append(draw(st.one_of(st.just(0), st.just(n[-1]), st.integers(0, n[-1]))))
        x.append(draw(st.integers(1, min(t_x[-1], 5000))) if t_x[-1] else 0)
    return history_of(x, t_x, n, time_unit="month")


def lived(
    seed: int, size: int, params: BgBb, n: int, ahead: int = 0
) -> tuple[IntArray, IntArray, IntArray, BoolArray, IntArray]:
    """x, t_x and n of customers who do exactly what BG/BB says; who is alive after n, and what he buys in the next."""
    chance = np.random.default_rng(seed)
    buys, leaves = chance.beta(params.alpha, params.beta, size), chance.beta(params.gamma, params.delta, size)
    passed = chance.integers(n // 2, n + 1, size)
    stays = np.cumprod(chance.random((n + ahead, size)) > leaves, axis=0).astype(np.bool_)
    bought = stays & (chance.random((n + ahead, size)) < buys)
    opportunity = np.arange(1, n + ahead + 1)[:, None]
    past = bought & (opportunity <= passed)
    later = (bought & (opportunity > passed) & (opportunity <= passed + ahead)).sum(axis=0)
    alive = np.concatenate((np.ones((1, size), dtype=np.bool_), stays))[passed, np.arange(size)]
    return past.sum(axis=0), (past * opportunity).max(axis=0), passed, alive, later


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_parameters_that_mean_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(ScoreError, match="must be positive"):
        replace(DONORS, gamma=wrong)


def ways(params: BgBb, x: int, t_x: int, n: int) -> tuple[float, float]:
    """The probability of a history and still being alive, and of it and being gone: integrals over both chances."""
    logits = np.linspace(-40, 40, 1601)
    buys, leaves = expit(logits)[:, None], expit(logits)[None, :]
    density = beta_by_logit(logits, params.alpha, params.beta)[:, None] * beta_by_logit(
        logits, params.gamma, params.delta
    )
    stayed = buys**x * (1 - buys) ** (n - x) * (1 - leaves) ** n
    left = np.zeros_like(stayed)
    for k in range(t_x, n):
        left += buys**x * (1 - buys) ** (k - x) * leaves * (1 - leaves) ** k
    cell = (logits[1] - logits[0]) ** 2
    return float((stayed * density).sum() * cell), float((left * density).sum() * cell)


@pytest.mark.parametrize(("x", "t_x", "n"), [(0, 0, 0), (0, 0, 6), (1, 3, 6), (4, 5, 9), (3, 3, 3), (2, 7, 30)])
def test_likelihood_and_p_alive_are_integrals_over_buying_and_leaving(x: int, t_x: int, n: int) -> None:
    stayed, left = ways(DONORS, x, t_x, n)
    value, _ = log_likelihood(bg_bb, DONORS, history_of([x], t_x, n, time_unit="month"))
    assert value == pytest.approx(np.log(stayed + left), abs=1e-6)
    assert float(bg_bb.p_alive(DONORS, x, t_x, n)) == pytest.approx(stayed / (stayed + left), abs=1e-6)


@pytest.mark.parametrize(
    ("params", "past", "expected", "alive"),
    [  # by mpmath 1.4 with 60 digits, term by term
        ((1e-4, 1e4, 1e4, 1e-4), (5, 20, 4000), -206.18817072671126, 0.0),
        ((1e4, 1e4, 1e4, 1e4), (5000, 5000, 20_000), -5925.520311385593, 0.0),
        ((0.3, 5.0, 0.01, 50.0), (7, 3000, 3001), -51.97924093606831, 0.9999967133388132),
        ((0.3, 5.0, 2.0, 50.0), (7, 3000, 30_000), -61.6852276319385, 2.4329766917601816e-09),
        ((1e4, 1e-4, 1e-4, 1e4), (5000, 5000, 36_500), -18.826226948415243, 0.0),
        ((0.5, 0.5, 0.5, 0.5), (0, 0, 36_500), -0.45157585606821155, 1.3698442487089218e-05),
    ],
)
def test_likelihood_and_p_alive_to_many_digits(
    params: tuple[float, ...], past: tuple[int, int, int], expected: float, alive: float
) -> None:
    named = BgBb(**dict(zip(bg_bb.SPACE.names, params, strict=True)), time_unit="month")
    x, t_x, n = past
    alone, _ = log_likelihood(bg_bb, named, history_of([x], t_x, n, time_unit="month"))
    other, _ = log_likelihood(bg_bb, named, history_of([1], 1, 36_500, time_unit="month"))
    both, _ = log_likelihood(bg_bb, named, history_of([x, 1], [t_x, 1], [n, 36_500], time_unit="month"))
    assert alone == pytest.approx(expected, abs=1e-9)
    assert both - other == pytest.approx(expected, abs=1e-8)
    assert float(bg_bb.p_alive(named, x, t_x, n)) == pytest.approx(alive, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(params=WILD, n=st.integers(0, 9))
def test_all_possible_histories_together_are_certain(params: BgBb, n: int) -> None:
    total, _ = log_likelihood(bg_bb, params, history_of([0], 0, n, time_unit="month"))
    total = np.exp(total)
    for last in range(1, n + 1):
        for x in range(1, last + 1):
            value, _ = log_likelihood(bg_bb, params, history_of([x], last, n, time_unit="month"))
            total += comb(last - 1, x - 1) * np.exp(value)
    assert total == pytest.approx(1, rel=1e-8)


@settings(max_examples=50, deadline=None)
@given(history=opportunities(longest=200), powers=st.tuples(*[st.floats(-1.5, 1.5)] * 4))
def test_the_gradient_is_the_slope(history: History, powers: tuple[float, ...]) -> None:
    point = 10.0 ** np.array(powers)
    check_slope(bg_bb, point, history)


def test_a_customer_counts_as_often_as_he_is_there() -> None:
    one, _ = log_likelihood(bg_bb, DONORS, history_of([2, 0], [5, 0], [9, 9], time_unit="month"))
    three, _ = log_likelihood(bg_bb, DONORS, history_of([2, 0, 2, 0, 2, 0], [5, 0] * 3, 9, time_unit="month"))
    assert three == pytest.approx(3 * one)


def test_tables_too_big_for_one_piece_are_made_in_several() -> None:
    x = np.arange(1, 21)
    many = history_of(x, 1800 * x, 36_500, time_unit="month")  # with six sums each, more cells than are made at once
    value, _ = log_likelihood(bg_bb, DONORS, many)
    alone = [log_likelihood(bg_bb, DONORS, history_of([k], 1800 * k, 36_500, time_unit="month"))[0] for k in x]
    assert value == pytest.approx(sum(alone), rel=1e-11)


def test_who_buys_now_is_here_and_silence_lowers_p_alive() -> None:
    assert bg_bb.p_alive(DONORS, [0, 1, 6], [0, 6, 6], [0, 6, 6]).tolist() == [1.0, 1.0, 1.0]
    seldom, often = (bg_bb.p_alive(DONORS, x, 8, [8, 10, 14, 30]) for x in (2, 8))
    assert (np.diff(seldom) < 0).all()
    assert (np.diff(often) < 0).all()
    assert (often[1:] < seldom[1:]).all()


@pytest.mark.parametrize(("x", "t_x", "age"), [(3, 2, 6), (1, 7, 6)])
def test_more_purchases_than_opportunities_are_refused(x: int, t_x: int, age: int) -> None:
    with pytest.raises(ScoreError, match="more purchases than opportunities"):
        bg_bb.expected_purchases(DONORS, [0, x], [0, t_x], age, 5)


def test_a_log_of_more_purchases_than_opportunities_is_not_fitted() -> None:
    with pytest.raises(ScoreError, match="more purchases than opportunities"):
        fit(bg_bb, history_of([9] * 100, 2, 4))


def test_of_nobody_nothing_is_expected() -> None:
    nobody = np.zeros(0)
    assert bg_bb.expected_purchases(DONORS, nobody, nobody, nobody, 5).shape == (0,)


def test_who_is_alive_and_buys_in_a_simulated_shop_is_what_was_expected() -> None:
    x, t_x, n, here, later = lived(3, 80_000, DONORS, 12, ahead=5)
    alive, expected = bg_bb.p_alive(DONORS, x, t_x, n), bg_bb.expected_purchases(DONORS, x, t_x, n, 5)
    for group in (x == 0, (x > 0) & (t_x < n - 2), t_x >= n - 2):
        size = np.sqrt(group.sum())
        assert here[group].mean() == pytest.approx(alive[group].mean(), abs=2.5 / size)
        off = later[group] - expected[group]
        assert off.mean() == pytest.approx(0, abs=5 * off.std() / size)


def test_draws_are_of_customers_who_are_alive() -> None:
    x, n = np.repeat([0, 5], 30_000), np.repeat([6, 9], 30_000)
    draws = bg_bb.draw(DONORS, x, n, 7.5, np.random.default_rng(7)).reshape(2, -1)
    expected = bg_bb.expected_purchases(DONORS, [0, 5], [0, 6], [6, 9], 7.5)
    expected = expected / bg_bb.p_alive(DONORS, [0, 5], [0, 6], [6, 9])
    assert draws.max() <= 8
    assert draws.mean(axis=1) == pytest.approx(expected, abs=5 * float(draws.std(axis=1).max()) / np.sqrt(30_000))


def test_several_horizons_at_once_are_the_same_as_one_by_one_and_straight_between() -> None:
    past = np.array([0, 3, 0, 9]), np.array([0, 4, 0, 12]), np.array([6, 6, 6, 12])
    horizons = np.array([[1.0], [4.0], [4.25], [5.0]])
    together = bg_bb.expected_purchases(DONORS, *past, horizons)
    for row, t in zip(together, horizons[:, 0], strict=True):
        assert row == pytest.approx(bg_bb.expected_purchases(DONORS, *past, t), rel=1e-12)
    assert together[2] == pytest.approx(0.75 * together[1] + 0.25 * together[3])


@settings(max_examples=25, deadline=None)
@given(params=WILD, history=opportunities(), t=st.floats(0.01, 4000))
def test_predictions_of_any_history_under_any_parameters_are_numbers_in_their_place(
    params: BgBb, history: History, t: float
) -> None:
    x, t_x, n = history.frequency, history.recency, history.T
    alive, expected = bg_bb.p_alive(params, x, t_x, n), bg_bb.expected_purchases(params, x, t_x, n, t)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert ((expected >= 0) & (expected <= t * (1 + 1e-9))).all()
    draws = bg_bb.draw(params, x, n, t, np.random.default_rng(0))
    assert ((draws >= 0) & (draws <= t + 1)).all()
    value, gradient = log_likelihood(bg_bb, params, history)
    assert np.isfinite(value)
    assert value <= 1e-6
    assert np.isfinite(gradient).all()


def test_a_simulated_shop_gives_its_parameters_back() -> None:
    true = BgBb(alpha=1.5, beta=2.5, gamma=0.8, delta=6.0, time_unit="week")
    x, t_x, n, _, _ = lived(8, 20_000, true, 40)
    found = fit(bg_bb, history_of(x, t_x, n, time_unit="week"))
    assert (found.converged, found.flags, found.params.time_unit) == (True, (), "week")
    for name, share in (("alpha", 0.06), ("beta", 0.06), ("gamma", 0.12), ("delta", 0.15)):
        assert getattr(found.params, name) == pytest.approx(getattr(true, name), rel=share)


BREAKING: dict[str, tuple[History, str]] = {
    "nobody came back": (history_of([0] * 300, 0, 9), "no_repeaters"),
    "everybody came today": (history_of([0] * 300, 0, 0), "no_repeaters"),
    "three customers": (history_of([0, 1, 4], [0, 3, 20], [30, 10, 22]), "few_repeaters"),
    "thirty customers": (history_of([0, 1, 4] * 10, [0, 3, 20] * 10, [30, 10, 22] * 10), "few_customers"),
    "everybody every time": (history_of([12] * 400, 12, 12), "boundary"),
    "all leave at once": (history_of([1] * 400, 1, np.arange(400) % 30 + 2), "boundary"),
    "every day for years": (history_of([5000] * 60 + [0] * 60, [5000] * 60 + [0] * 60, 5100), "boundary"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_logs_that_break_other_fits_get_finite_answers_and_say_so(name: str) -> None:
    history, flag = BREAKING[name]
    found = fit(bg_bb, history)
    assert found.converged
    assert set(found.flags) <= set(FLAGS)
    assert found.flags == (flag, "pooled_prior")
    expected = bg_bb.expected_purchases(found.params, history.frequency, history.recency, history.T, 12)
    assert ((expected >= 0) & (expected <= 12)).all()


@settings(max_examples=10, deadline=None)
@given(history=opportunities(longest=60, most=20))
def test_any_history_can_be_fitted(history: History) -> None:
    found = fit(bg_bb, history)
    assert np.isfinite(found.log_likelihood)
    expected = bg_bb.expected_purchases(found.params, history.frequency, history.recency, history.T, 12)
    assert np.isfinite(expected).all()
