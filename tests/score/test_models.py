"""The list of buying models: all fit and predict through the same functions, on any history that a log can give."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.score.clv import purchases_within, values
from engine.score.history import History, summarise, summarise_periods
from engine.score.models import BUYING, gamma_gamma
from engine.score.models.fit import FLAGS, fit, log_likelihood
from engine.score.models.model import Model
from engine.score.purchases import net_refunds
from engine.score.terms import Terms
from engine.score.units import DAYS_PER_UNIT, TimeUnit
from tests.score.shops import histories, history_of, simulated_log

CONTINUOUS = [name for name, model in BUYING.items() if not model.OPPORTUNITIES]
OPPORTUNITIES = [name for name, model in BUYING.items() if model.OPPORTUNITIES]


def a_shop(model: Model) -> History:
    if model is BUYING["sbg"]:
        return subscribers()
    purchases = net_refunds(simulated_log(1, 1500, 700), as_of_day=700)
    return summarise_periods(purchases) if model.OPPORTUNITIES else summarise(purchases)


def subscribers() -> History:
    """Contracts that are renewed month by month, each with its own chance not to be."""
    chance = np.random.default_rng(1)
    age = chance.integers(1, 30, 2000)
    renewed = np.minimum(chance.geometric(chance.beta(1.2, 4.0, 2000)) - 1, age)
    return history_of(renewed, renewed, age, time_unit="month")


@st.composite
def period_histories(draw: st.DrawFn) -> History:
    """Any history of whole periods: up to a hundred years of months."""
    rows = []
    for _ in range(draw(st.integers(1, 10))):
        last = draw(st.one_of(st.just(0), st.integers(1, 1200)))
        x = draw(st.integers(1, last)) if last else 0
        rows.append((x, last, last + draw(st.one_of(st.just(0), st.integers(0, 1200 - last)))))
    unit: TimeUnit = draw(st.sampled_from(("day", "week", "month")))
    counts, recencies, ages = zip(*rows, strict=True)
    return history_of(counts, recencies, ages, draw(st.floats(0.0, 1e6)), time_unit=unit)


@pytest.mark.parametrize("name", BUYING)
def test_every_model_is_fitted_to_a_flat_top(name: str) -> None:
    model = BUYING[name]
    shop = a_shop(model)
    found = fit(model, shop)
    assert found.params.time_unit == shop.time_unit
    value, gradient = log_likelihood(model, found.params, shop)
    assert value == pytest.approx(found.log_likelihood, rel=1e-9)
    point = np.array([getattr(found.params, each) for each in model.SPACE.names])
    assert gradient * point / len(shop) == pytest.approx(np.zeros(len(point)), abs=1e-5)
    assert (found.converged, found.flags) == (True, ())
    assert found.covariance.shape == (len(point), len(point))


@pytest.mark.parametrize("name", BUYING)
def test_every_model_foretells_about_what_a_shop_does_next(name: str) -> None:
    """The shop is one of BG/NBD customers; the others are allowed to be somewhat wrong about it."""
    model, log = BUYING[name], simulated_log(2, 4000, 900)
    known, later = (net_refunds(log, as_of_day=day) for day in (700, 900))
    history = summarise_periods(known) if model.OPPORTUNITIES else summarise(known)
    after = later.day > 700
    if model.OPPORTUNITIES:
        months = np.unique(np.stack((later.customer[after], (later.day[after] - 701) // 30.4375)), axis=1)
        comes = months.shape[1]
    else:
        comes = int(after.sum())
    length = 200 / DAYS_PER_UNIT[history.time_unit]
    expected = purchases_within(model, fit(model, history).params, history, length).sum()
    if name == "sbg":  # it knows contracts only: whoever missed one period is gone
        assert 0 < expected < comes
    else:
        assert expected == pytest.approx(comes, rel=0.15)


@pytest.mark.parametrize("name", CONTINUOUS)
@settings(max_examples=20)
@given(history=histories(most=12))
def test_any_history_gets_finite_numbers(name: str, history: History) -> None:
    finite(BUYING[name], history)


@pytest.mark.parametrize("name", OPPORTUNITIES)
@settings(max_examples=20)
@given(history=period_histories())
def test_any_history_of_periods_gets_finite_numbers(name: str, history: History) -> None:
    finite(BUYING[name], history)


def finite(model: Model, history: History) -> None:
    """Fit, likelihood, predictions, values and intervals hold no NaN, no infinity, nothing below zero."""
    buying, spending = fit(model, history), gamma_gamma.fit(history)
    assert np.isfinite(buying.log_likelihood)
    assert np.isfinite(buying.covariance).all()
    assert set(buying.flags) | set(spending.flags) <= set(FLAGS)
    found = values(model, buying, spending, history, Terms())
    assert ((found.p_alive >= 0) & (found.p_alive <= 1)).all()
    assert (np.isfinite(found.expected_purchases) & (found.expected_purchases >= 0)).all()
    assert (found.clv_minor >= 0).all()
    assert ((found.clv_low_minor >= 0) & (found.clv_high_minor >= found.clv_low_minor)).all()


@pytest.mark.parametrize("name", BUYING)
def test_thirty_customers_and_nobody_coming_back_lean_on_the_prior_and_say_so(name: str) -> None:
    model = BUYING[name]
    ages = np.arange(1, 31)
    alone = fit(model, history_of([0] * 30, 0, ages, time_unit="month"))
    few = fit(model, history_of([1, 0, 2] * 10, np.array([1, 0, 3] * 10), 3 + ages, time_unit="month"))
    assert alone.flags == ("no_repeaters", "pooled_prior")
    assert few.flags == ("few_customers", "pooled_prior")


def test_nothing_outside_the_score_room_pulls_in_scipy() -> None:
    code = "import engine.errors, engine.core.facts, engine.score, sys; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
