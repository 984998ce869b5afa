"""Worth today: steps, discounts, units, ranks and tiers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.clv import discounted_purchases, percentiles, tiers, to_minor, values
from engine.score.history import History
from engine.score.models import bg_nbd, gamma_gamma
from engine.score.models.bg_nbd import BgNbd
from engine.score.models.fit import fit
from engine.score.models.gamma_gamma import GammaGamma, expected_spend
from engine.score.terms import Steps, Terms, monthly_steps
from engine.score.units import DAYS_PER_UNIT
from engine.score.window import split
from tests.score.shops import histories, history_of, known, simulated_log

BUYING = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="week")
SPENDING = GammaGamma(p=6.25, q=3.74, v=15.44)
YEAR = Terms(horizon_days=365.25, annual_rate=0.10, margin=1.0)
WORTHS = st.lists(st.integers(0, 20), min_size=1, max_size=60)


def shop() -> History:
    return history_of([2, 0, 20], [30.43, 0, 30.0], [38.86, 5.0, 31.0], [22.35, 10.0, 50.0], time_unit="week")


def purchases_within(history: History, days: float) -> list[float]:
    past = (history.frequency, history.recency, history.T)
    found: list[float] = bg_nbd.expected_purchases(BUYING, *past, days / 7).tolist()
    return found


@pytest.mark.parametrize(
    "wrong",
    [{"horizon_days": 0.0}, {"annual_rate": -1.0}, {"margin": 1.01}, {"margin": -0.1}, {"horizon_days": np.inf}],
)
def test_terms_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ScoreError, match="cannot be used"):
        Terms(**wrong)


def test_a_year_is_twelve_months_each_discounted_from_its_middle() -> None:
    steps = monthly_steps(YEAR)
    assert steps.end_days == pytest.approx(30.4375 * np.arange(1, 13))
    assert steps.factors[0] == pytest.approx(1.1 ** (-0.5 / 12))
    assert steps.factors[-1] == pytest.approx(1.1 ** (-11.5 / 12))


def test_the_last_month_ends_with_the_horizon() -> None:
    steps = monthly_steps(Terms(horizon_days=45, annual_rate=0.0))
    assert steps.end_days.tolist() == [30.4375, 45.0]
    assert monthly_steps(Terms(horizon_days=10)).end_days.tolist() == [10.0]


def test_without_interest_nothing_is_lost() -> None:
    steps = monthly_steps(replace(YEAR, annual_rate=0.0))
    found = discounted_purchases(bg_nbd, BUYING, shop(), steps)
    assert found.tolist() == pytest.approx(purchases_within(shop(), 365.25))


def test_each_month_is_worth_its_own_purchases() -> None:
    steps = monthly_steps(YEAR)
    totals = np.array([purchases_within(shop(), float(days)) for days in steps.end_days])
    monthly = np.diff(totals, axis=0, prepend=0.0)
    expected = (monthly * steps.factors[:, None]).sum(axis=0)
    assert discounted_purchases(bg_nbd, BUYING, shop(), steps) == pytest.approx(expected)


def test_months_are_fine_enough() -> None:
    hourly = 365.25 * np.arange(1, 8767) / 8766
    exact = Steps(end_days=hourly, factors=1.1 ** (-hourly / 365.25))
    by_month, by_hour = (discounted_purchases(bg_nbd, BUYING, shop(), each) for each in (monthly_steps(YEAR), exact))
    assert by_month == pytest.approx(by_hour, rel=1e-4)


def test_weeks_are_not_taken_for_days() -> None:
    with pytest.raises(ScoreError, match="the parameters count days, the history weeks"):
        discounted_purchases(bg_nbd, replace(BUYING, time_unit="day"), shop(), monthly_steps(YEAR))


def test_the_worth_is_the_same_in_every_unit() -> None:
    weeks = shop()
    expected = values(bg_nbd, known(BUYING), known(SPENDING), weeks, YEAR).clv_minor
    for unit, days in DAYS_PER_UNIT.items():
        factor = 7 / days
        history = replace(weeks, recency=weeks.recency * factor, T=weeks.T * factor, time_unit=unit)
        params = replace(BUYING, alpha=BUYING.alpha * factor, time_unit=unit)
        assert values(bg_nbd, known(params), known(SPENDING), history, YEAR).clv_minor.tolist() == expected.tolist()


def test_values_are_purchases_times_spend_times_margin_in_cents() -> None:
    history, terms = shop(), replace(YEAR, margin=0.3)
    found = values(bg_nbd, known(BUYING), known(SPENDING), history, terms)
    spend = expected_spend(SPENDING, history.frequency, history.monetary)
    discounted = discounted_purchases(bg_nbd, BUYING, history, monthly_steps(terms))
    assert found.expected_purchases.tolist() == pytest.approx(purchases_within(history, 365.25))
    assert found.expected_spend_minor.tolist() == np.rint(100 * spend).tolist()
    assert found.clv_minor.tolist() == np.rint(30 * discounted * spend).tolist()
    assert found.clv_minor.dtype == np.int64
    assert found.p_alive.tolist() == bg_nbd.p_alive(BUYING, history.frequency, history.recency, history.T).tolist()
    assert found.percentile.tolist() == [0.5, 0.0, 1.0]


def test_a_currency_without_decimals_stays_whole() -> None:
    buying, spending = known(BUYING), known(SPENDING)
    euros, yen = (values(bg_nbd, buying, spending, replace(shop(), exponent=e), YEAR).clv_minor for e in (2, 0))
    assert yen.tolist() == pytest.approx((euros / 100).tolist(), abs=0.51)


@settings(max_examples=40, deadline=None)
@given(histories())
def test_any_history_has_a_worth(history: History) -> None:
    found = values(bg_nbd, known(replace(BUYING, time_unit=history.time_unit)), known(SPENDING), history, YEAR)
    assert (found.clv_minor >= 0).all()
    assert np.isfinite(found.expected_purchases).all()


def test_halves_go_to_the_even_cent() -> None:
    assert to_minor(np.array([0.125, 0.375, -0.125, 2.0]), 2).tolist() == [12, 38, -12, 200]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e18])
def test_money_beyond_measure_is_refused(wrong: float) -> None:
    with pytest.raises(ScoreError, match="beyond measure"):
        to_minor(np.array([1.0, wrong]), 2)


def test_the_best_is_one_the_least_zero_and_ties_share() -> None:
    assert percentiles(np.array([30, 10, 20, 20, 50])).tolist() == [0.75, 0.0, 0.25, 0.25, 1.0]
    assert percentiles(np.array([7])).tolist() == [1.0]
    assert percentiles(np.array([7, 7, 7])).tolist() == [0.0, 0.0, 0.0]
    assert percentiles(np.array([])).tolist() == []


@settings(deadline=None)
@given(WORTHS)
def test_percentiles_keep_the_order_and_a_tier_is_never_overfull(worth: list[int]) -> None:
    share = percentiles(np.array(worth))
    assert ((share >= 0) & (share <= 1)).all()
    for one, one_share in zip(worth, share, strict=True):
        for other, other_share in zip(worth, share, strict=True):
            assert (one < other) == (one_share < other_share)
    for start in (0.5, 0.9, 0.95):
        assert (share >= start).sum() <= (1 - start) * (len(worth) - 1) + 1 + 1e-9


@settings(deadline=None)
@given(WORTHS, st.integers(0, 99))
def test_percentiles_do_not_depend_on_the_order_of_rows(worth: list[int], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(worth))
    assert percentiles(np.array(worth)[order]).tolist() == percentiles(np.array(worth))[order].tolist()


def test_tiers_begin_at_their_bound() -> None:
    share = np.array([1.0, 0.95, 0.9499, 0.8, 0.1, 0.0])
    found = tiers(share, {"silver": 0.8, "gold": 0.95, "bronze": 0.05})
    assert found.tolist() == ["gold", "gold", "silver", "silver", "bronze", ""]


def test_tiers_may_be_amounts() -> None:
    found = tiers(np.array([0, 50_000, 120_000]), {"gold": 100_000, "all": 0})
    assert found.tolist() == ["all", "all", "gold"]
    assert tiers(np.array([1.0, 2.0]), {}).tolist() == ["", ""]


def test_two_tiers_cannot_start_together() -> None:
    with pytest.raises(ScoreError, match="same bound"):
        tiers(np.array([1.0]), {"gold": 0.9, "silver": 0.9})


def test_a_simulated_shop_brings_what_it_is_said_to_be_worth() -> None:
    log = simulated_log(7, 6000, 1500)
    history, window = split(log, calibration_end_day=1000, window_end_day=1365, time_unit="day")
    terms = Terms(horizon_days=365.0, annual_rate=0.0)
    found = values(bg_nbd, fit(bg_nbd, history), gamma_gamma.fit(history), history, terms)
    assert found.expected_purchases.sum() == pytest.approx(window.purchases.sum(), rel=0.05)
    assert found.clv_minor.sum() / 100 == pytest.approx(window.spend.sum(), rel=0.07)
    best = found.percentile >= 0.9
    assert window.spend[best].mean() > 4 * window.spend[~best].mean()
