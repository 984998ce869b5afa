"""Pareto/NBD on CDNOW, calibrated to 30 September 1997 in weeks, against published figures and others' programs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from engine.score.history import History
from engine.score.models import gamma_gamma, pareto_nbd
from engine.score.models.fit import Fit, fit, log_likelihood
from engine.score.models.pareto_nbd import ParetoNbd
from engine.score.window import split
from tests.score.shops import CALIBRATION_END, WINDOW_END, cdnow_log, cdnow_reference

WALKTHROUGH = ParetoNbd(r=0.5534, alpha=10.5802, s=0.6061, beta=11.6562, time_unit="week")


@lru_cache(maxsize=1)
def cdnow() -> tuple[History, Fit[ParetoNbd]]:
    history, _ = split(cdnow_log(), calibration_end_day=CALIBRATION_END, window_end_day=WINDOW_END)
    return history, fit(pareto_nbd, history)


def clvtools() -> dict[str, Any]:
    found: dict[str, Any] = cdnow_reference()["full_precision_CLVTools_0.12.1_run_here"]["pnbd"]
    return found


def theirs() -> ParetoNbd:
    """CLVTools' own parameters. Its fit stops a little before the top (2e-6 in the likelihood), and the surface is so
    flat there that its predictions differ by 1e-4; formulas are therefore compared at the same parameters."""
    return ParetoNbd(**clvtools()["params"], time_unit="week")


def pinned(what: str) -> Any:
    """One entry of `pinned_values`, by the start of its description."""
    entries = cdnow_reference()["pinned_values"]
    (entry,) = (each for each in entries if each["model"] == "Pareto/NBD" and each["what"].startswith(what))
    return entry


def test_it_is_fitted_as_published() -> None:
    _, found = cdnow()
    paper = cdnow_reference()["published"]["Pareto/NBD"]
    for name, tolerance in (("r", 6e-4), ("alpha", 6e-4), ("s", 6e-4), ("beta", 1e-3)):
        assert getattr(found.params, name) == pytest.approx(paper[name], abs=tolerance)
    assert found.log_likelihood == pytest.approx(paper["LL"], abs=0.05)
    assert (found.converged, found.flags, found.n_customers, found.n_repeat) == (True, (), 2357, 946)


def test_it_reaches_the_best_likelihood_that_others_reach() -> None:
    history, found = cdnow()
    value, gradient = log_likelihood(pareto_nbd, found.params, history)
    assert value == pytest.approx(found.log_likelihood, abs=1e-9)
    assert found.log_likelihood == pytest.approx(clvtools()["LL"], abs=1e-4)
    assert found.log_likelihood == pytest.approx(-9594.976178939, abs=1e-6)
    assert gradient == pytest.approx(np.zeros(4), abs=2e-3)


def test_the_likelihood_at_their_parameters_is_theirs() -> None:
    history, found = cdnow()
    value, _ = log_likelihood(pareto_nbd, theirs(), history)
    assert value == pytest.approx(clvtools()["LL"], abs=1e-9)
    assert value <= found.log_likelihood


def test_every_customer_of_the_reference_gets_what_clvtools_says() -> None:
    history, _ = cdnow()
    past, params = (history.frequency, history.recency, history.T), theirs()
    alive, purchases = pareto_nbd.p_alive(params, *past), pareto_nbd.expected_purchases(params, *past, 39.0)
    residual = pareto_nbd.discounted_residual(params, *past, np.log(1.15) / 52)
    row = {int(customer): index for index, customer in enumerate(history.customer)}
    customers = cdnow_reference()["customers_clvtools"]["pnbd"]
    assert len(customers) == 13
    for customer in customers:
        index = row[int(customer["Id"])]
        assert history.frequency[index] == customer["x"]
        assert alive[index] == pytest.approx(customer["PAlive"], rel=1e-8)
        assert purchases[index] == pytest.approx(customer["CET"], rel=1e-8)
        assert residual[index] == pytest.approx(customer["DERT"], rel=1e-8)


def test_the_sums_over_the_sample_are_those_of_clvtools() -> None:
    history, _ = cdnow()
    past, holdout, sums = (history.frequency, history.recency, history.T), clvtools()["holdout"], clvtools()["sums"]
    assert pareto_nbd.p_alive(theirs(), *past).sum() == pytest.approx(holdout["sum_PAlive"], rel=1e-8)
    assert pareto_nbd.expected_purchases(theirs(), *past, 39.0).sum() == pytest.approx(holdout["sum_CET"], rel=1e-8)
    residual = pareto_nbd.discounted_residual(theirs(), *past, np.log(1.15) / 52)
    assert residual.sum() == pytest.approx(sums["DERT"], rel=1e-8)
    spending = gamma_gamma.fit(history).params
    spend = gamma_gamma.expected_spend(spending, history.frequency, history.monetary)
    assert residual @ spend == pytest.approx(sums["CLV"], rel=1e-4)


def test_our_own_fit_predicts_what_others_predict() -> None:
    history, found = cdnow()
    past = history.frequency, history.recency, history.T
    purchases = pareto_nbd.expected_purchases(found.params, *past, 39.0)
    lifetimes = cdnow_reference()["holdout_accuracy_lifetimes_run_here"]["paretonbd"]
    assert purchases.sum() == pytest.approx(lifetimes["total_pred"], rel=1e-4)
    assert purchases.sum() == pytest.approx(clvtools()["holdout"]["sum_CET"], rel=2e-4)
    alive = pareto_nbd.p_alive(found.params, *past)
    assert alive == pytest.approx(pareto_nbd.p_alive(theirs(), *past), rel=3e-4)
    assert purchases == pytest.approx(pareto_nbd.expected_purchases(theirs(), *past, 39.0), rel=4e-4)


def test_a_keen_buyer_of_the_btyd_walkthrough() -> None:
    alive, purchases = pinned("P(alive|26"), pinned("E[Y(52)|26")
    assert alive["params"] == purchases["params"] == [0.5534, 10.5802, 0.6061, 11.6562]
    found = float(pareto_nbd.p_alive(WALKTHROUGH, 26, 30.86, 31))
    assert found == pytest.approx(alive["value"], abs=alive["tol"])
    assert found == pytest.approx(0.9979178, abs=1e-7)
    found = float(pareto_nbd.expected_purchases(WALKTHROUGH, 26, 30.86, 31, 52))
    assert found == pytest.approx(purchases["value"], abs=purchases["tol"])
    assert found == pytest.approx(25.45491, abs=1e-5)


def test_the_purchases_of_a_newcomer() -> None:
    _, found = cdnow()
    pin = pinned("E[X(t)]")
    newcomer = pareto_nbd.expected_new(found.params, np.arange(10.0))
    assert newcomer == pytest.approx(np.array(pin["value"]), abs=pin["tol"])


def test_the_weeks_of_the_walkthrough() -> None:
    """Repeat purchases of everybody up to a week after the first customer came."""
    history, found = cdnow()
    came = history.T.max() - history.T
    weeks = np.arange(20, 26)
    total = [pareto_nbd.expected_new(found.params, np.maximum(week - came, 0)).sum() for week in weeks]
    assert np.round(total).tolist() == pinned("cumulative expected")["value"]


def test_the_discounted_residual_of_the_btyd_example() -> None:
    pin = pinned("DERT(x=7")
    params = ParetoNbd(**dict(zip(("r", "alpha", "s", "beta"), pin["params"], strict=True)), time_unit="week")
    found = float(pareto_nbd.discounted_residual(params, 7, 35, 77.86, 0.0027))
    assert found == pytest.approx(pin["value"], abs=1e-6)
