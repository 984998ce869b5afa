"""CDNOW, calibrated to 30 September 1997 in weeks, against published figures and other people's implementations."""

from __future__ import annotations

from dataclasses import astuple, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from engine.score.arrays import FloatArray
from engine.score.clv import discounted_purchases, values
from engine.score.history import History
from engine.score.history import summarise as history_of_purchases
from engine.score.models import bg_nbd, gamma_gamma
from engine.score.models.bg_nbd import BgNbd
from engine.score.models.fit import Fit, fit
from engine.score.models.gamma_gamma import GammaGamma
from engine.score.purchases import net_refunds
from engine.score.terms import Steps, Terms, monthly_steps
from engine.score.units import DAYS_PER_UNIT, TimeUnit
from engine.score.validate import validate
from engine.score.window import ValidationWindow, split
from tests.score.shops import CALIBRATION_END, WINDOW_END, cdnow_log, cdnow_reference

MONTHS = np.arange(1.0, 13.0)


@lru_cache(maxsize=1)
def cdnow() -> tuple[History, ValidationWindow, Fit[BgNbd], Fit[GammaGamma]]:
    history, window = split(cdnow_log(), calibration_end_day=CALIBRATION_END, window_end_day=WINDOW_END)
    return history, window, fit(bg_nbd, history), gamma_gamma.fit(history)


def pinned(model: str, what: str) -> Any:
    """One entry of `pinned_values`, by the start of its description."""
    entries = cdnow_reference()["pinned_values"]
    (entry,) = (each for each in entries if each["model"] == model and each["what"].startswith(what))
    return entry


def published(model: str) -> dict[str, Any]:
    found: dict[str, Any] = cdnow_reference()["published"][model]
    return found


def expected(history: History, params: BgNbd, weeks: float) -> FloatArray:
    return bg_nbd.expected_purchases(params, history.frequency, history.recency, history.T, weeks)


def test_the_history_is_that_of_the_papers() -> None:
    history, window, _, _ = cdnow()
    dataset = cdnow_reference()["dataset"]
    assert len(history) == dataset["customers"] == 2357
    assert (history.frequency > 0).sum() == 946
    assert (history.frequency[0], history.recency[0], history.T[0]) == (2, 30 + 3 / 7, 38 + 6 / 7)
    assert history.monetary[0] == pytest.approx(22.345)
    assert window.purchases.sum() == 1882
    assert window.length == dataset["holdout_weeks"]
    assert window.spend.sum() == pytest.approx(70976.39)  # summed from the file by awk


def test_bg_nbd_is_fitted_as_published() -> None:
    _, _, fit, _ = cdnow()
    paper = published("BG/NBD")
    assert astuple(fit.params)[:4] == pytest.approx((0.2426, 4.4136, 0.7929, 2.4259), abs=6e-5)
    for name in ("r", "alpha", "a", "b"):
        assert getattr(fit.params, name) == pytest.approx(paper[name], abs=6e-4)
    assert fit.log_likelihood == pytest.approx(paper["LL"], abs=0.05)
    assert (fit.converged, fit.flags, fit.n_customers, fit.n_repeat) == (True, (), 2357, 946)


@pytest.mark.parametrize(
    ("source", "value"),
    [("full_precision_CLVTools_0.12.1_run_here", "bgnbd"), ("full_precision_BTYDplus_1.2.0_run_here", "bgcnbd")],
)
def test_bg_nbd_reaches_the_best_likelihood_that_others_reach(source: str, value: str) -> None:
    _, _, fit, _ = cdnow()
    assert fit.log_likelihood == pytest.approx(cdnow_reference()[source][value]["LL"], abs=1e-4)
    assert fit.log_likelihood == pytest.approx(-9582.429206673929, abs=1e-6)


def test_gamma_gamma_is_fitted_as_published() -> None:
    _, _, _, fit = cdnow()
    paper, others = published("Gamma-Gamma"), cdnow_reference()["full_precision_CLVTools_0.12.1_run_here"]
    assert astuple(fit.params) == pytest.approx((6.2496, 3.7442, 15.4435), abs=6e-5)
    assert astuple(fit.params) == pytest.approx((paper["p"], paper["q"], paper["v"]), abs=6e-3)
    assert fit.log_likelihood == pytest.approx(paper["LL"], abs=1e-4)
    assert fit.log_likelihood == pytest.approx(others["gg_repeat_only"]["LL"], abs=1e-4)
    assert fit.flags == ()


def test_every_customer_of_the_reference_gets_its_p_alive_purchases_and_spend() -> None:
    history, window, buying, spending = cdnow()
    alive = bg_nbd.p_alive(buying.params, history.frequency, history.recency, history.T)
    purchases = expected(history, buying.params, 39.0)
    spend = gamma_gamma.expected_spend(spending.params, history.frequency, history.monetary)
    row = {int(customer): index for index, customer in enumerate(history.customer)}
    customers = cdnow_reference()["customers_clvtools"]["bgnbd"]
    assert len(customers) == 13
    for customer in customers:
        index = row[int(customer["Id"])]
        assert history.frequency[index] == customer["x"]
        assert history.recency[index] == pytest.approx(customer["t.x"])
        assert history.T[index] == pytest.approx(customer["T.cal"])
        assert alive[index] == pytest.approx(customer["PAlive"], abs=1e-4)
        assert purchases[index] == pytest.approx(customer["CET"], rel=1e-4)
        assert spend[index] == pytest.approx(customer["predicted.mean.spending"], rel=1e-3)
        assert window.purchases[index] == customer["actual.x"]
        assert window.spend[index] == pytest.approx(customer["actual.period.spending"])


def test_the_sums_over_the_sample_are_those_of_the_reference() -> None:
    history, _, buying, _ = cdnow()
    holdout = cdnow_reference()["full_precision_CLVTools_0.12.1_run_here"]["bgnbd"]["holdout"]
    assert expected(history, buying.params, 39.0).sum() == pytest.approx(holdout["sum_CET"], rel=1e-4)
    alive = bg_nbd.p_alive(buying.params, history.frequency, history.recency, history.T)
    assert alive.sum() == pytest.approx(holdout["sum_PAlive"], rel=1e-4)


def test_the_spreadsheet_of_the_paper() -> None:
    newcomer = pinned("BG/NBD", "E[X(t)]")
    rounded = BgNbd(**dict(zip(("r", "alpha", "a", "b"), newcomer["params"], strict=True)), time_unit="week")
    _, _, buying, _ = cdnow()  # the spreadsheet computes with its full fit and prints it rounded
    weeks = [0.1429, 1, 3, 31.8571, 32, 78]
    assert bg_nbd.expected_new(buying.params, weeks) == pytest.approx(np.array(newcomer["value"]), abs=newcomer["tol"])
    again = pinned("BG/NBD", "E[Y(39)|x=2")
    found = bg_nbd.expected_purchases(rounded, 2, 30.43, 38.86, 39)
    assert float(found) == pytest.approx(again["value"], abs=again["tol"])
    assert float(found) == pytest.approx(1.226028, abs=1e-6)


def test_the_counts_of_the_btyd_manual() -> None:
    params = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="week")
    none, ten, many = (pinned("BG/NBD", what) for what in ("P(X(39)=0)", "P(X(2)=10)", "P(X(30)=n)"))
    assert float(bg_nbd.probability_new(params, 0, 39)) == pytest.approx(none["value"], abs=none["tol"])
    assert float(bg_nbd.probability_new(params, 10, 2)) == pytest.approx(ten["value"], abs=ten["tol"])
    assert bg_nbd.probability_new(params, np.arange(11, 21), 30) == pytest.approx(
        np.array(many["value"]), abs=many["tol"]
    )


def test_a_keen_buyer_of_the_btyd_walkthrough() -> None:
    params = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="week")
    assert float(bg_nbd.p_alive(params, 26, 30.86, 31)) == pytest.approx(0.9689156, abs=1e-6)
    assert float(bg_nbd.expected_purchases(params, 26, 30.86, 31, 52)) == pytest.approx(25.7582, abs=1e-4)


def test_the_spend_of_the_first_ten_customers() -> None:
    pin = pinned("Gamma-Gamma", "E[M|x,m]")
    params = GammaGamma(**dict(zip(("p", "q", "v"), pin["params"], strict=True)))
    history, *_ = cdnow()
    spend = gamma_gamma.expected_spend(params, history.frequency[:10], history.monetary[:10])
    assert spend == pytest.approx(np.array(pin["value"]), abs=pin["tol"])


def rounded_to_hundredths() -> History:
    """The sample as the package lifetimes ships it: weeks and dollars with two decimals, halves up."""
    history, *_ = cdnow()
    return replace(
        history,
        recency=np.round(history.recency, 2),
        T=np.round(history.T, 2),
        monetary=np.floor(100 * history.monetary + 0.5 + 1e-9) / 100,
    )


def clv_of_lifetimes(days_per_month: float) -> FloatArray:
    """A year's CLV as lifetimes discounts it: at the end of each month, 1 % a month."""
    history = rounded_to_hundredths()
    steps = Steps(end_days=days_per_month * MONTHS, factors=1.01**-MONTHS)
    spend = gamma_gamma.expected_spend(gamma_gamma.fit(history).params, history.frequency, history.monetary)
    return discounted_purchases(bg_nbd, fit(bg_nbd, history).params, history, steps) * spend


def test_a_month_is_four_weeks_and_a_third() -> None:
    assert clv_of_lifetimes(4.345 * 7)[[0, 1, 5]] == pytest.approx([36.278496, 4.637466, 283.523593], rel=1e-6)


def test_a_month_is_not_thirty_weeks() -> None:
    """The headline of lifetimes' documentation, 140.10: its weeks are counted as days, so its year has 360 weeks.

    Here steps are days and parameters carry their unit; the wrong number takes a month of 210 days.
    """
    assert clv_of_lifetimes(30 * 7)[0] == pytest.approx(140.096211, abs=1e-4)


@pytest.mark.parametrize("unit", DAYS_PER_UNIT)
def test_our_own_clv_is_the_same_in_days_weeks_and_months(unit: TimeUnit) -> None:
    purchases = net_refunds(cdnow_log(), as_of_day=CALIBRATION_END)
    history = history_of_purchases(purchases, time_unit=unit)
    terms = Terms(horizon_days=365.25, annual_rate=1.01**12 - 1)
    found = values(bg_nbd, fit(bg_nbd, history), gamma_gamma.fit(history), history, terms)
    assert found.clv_minor[[0, 1, 5]].tolist() == [3648, 467, 28514]
    assert found.clv_minor.sum() == pytest.approx(7_190_832, abs=5)
    # lifetimes discounts from the end of each month, half a month more, and its year is a quarter of a day shorter
    assert found.clv_minor / 100 == pytest.approx(clv_of_lifetimes(4.345 * 7) * 1.01**0.5, rel=5e-3, abs=0.02)


def test_the_middle_of_the_month_lies_between_its_ends() -> None:
    history, _, buying, _ = cdnow()
    terms = Terms(horizon_days=365.25, annual_rate=1.01**12 - 1)
    middle = monthly_steps(terms)
    end = replace(middle, factors=1.01**-MONTHS)
    start = replace(middle, factors=1.01 ** -(MONTHS - 1))
    low, found, high = (discounted_purchases(bg_nbd, buying.params, history, each) for each in (end, middle, start))
    assert ((low < found) & (found < high)).all()


def test_accuracy_after_the_split_is_that_of_the_reference() -> None:
    history, window, buying, _ = cdnow()
    found = validate(expected(history, buying.params, 39.0), history, window)
    reference = cdnow_reference()["holdout_accuracy_lifetimes_run_here"]
    model, rate = reference["bgnbd"], reference["naive_rate_x_over_T"]
    assert found.model.mae == pytest.approx(model["MAE"], rel=1e-4)
    assert found.model.rmse == pytest.approx(model["RMSE"], rel=1e-4)
    assert found.model.bias_pct == pytest.approx(model["bias_pct"], rel=1e-3)
    assert found.baselines["rate"].mae == pytest.approx(rate["MAE"], rel=1e-6)
    assert found.baselines["rate"].rmse == pytest.approx(rate["RMSE"], rel=1e-6)
    assert found.baselines["rate"].bias_pct == pytest.approx(rate["bias_pct"], rel=1e-6)
    # the reference breaks ties by the order of rows; here they share, so figures of order agree less closely
    assert found.model.norm_gini == pytest.approx(model["norm_gini"], abs=1e-3)
    assert found.model.top_decile_share == pytest.approx(model["top10_share_of_actual"], abs=2e-3)
    assert [mean for mean, _ in found.model.deciles] == pytest.approx(model["decile_pred"], abs=0.01)
    assert [mean for _, mean in found.model.deciles] == pytest.approx(model["decile_act"], abs=0.03)
