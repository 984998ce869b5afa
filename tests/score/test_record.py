"""What is kept of a fit gives the same scores back, and a customer's place is nearly the same without the others."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.score.clv import percentiles
from engine.score.fitting import Fitted, Plan, fit_shop, history_of, value_everybody
from engine.score.history import History
from engine.score.models import BUYING
from engine.score.purchases import Log, net_refunds
from engine.score.record import fit_of, of_fit, of_verdict, percentiles_among, pooled_of, quantiles, score_columns
from engine.score.terms import Terms
from tests.score.shops import simulated_log


def kept(fitted: Fitted, history: History) -> dict[str, Any]:
    """A row of `model_run`, as the database gives it back."""
    row = of_fit(fitted) | {
        "time_unit": history.time_unit,
        "customers": len(history),
        "repeaters": int((history.frequency > 0).sum()),
        "pooled": {},
    }
    again: dict[str, Any] = json.loads(json.dumps(row))
    return again


def shop(plan: Plan, seed: int = 5) -> tuple[History, Fitted]:
    log = simulated_log(seed, 600, 900)
    dated = Log(customer=log.customer, day=log.day + 735_000, amount_minor=log.amount_minor)
    return fit_shop(net_refunds(dated, as_of_day=735_900), plan, "")


@pytest.mark.parametrize("name", BUYING)
@pytest.mark.parametrize("cohorts", ["", "year", "quarter"])
def test_a_fit_that_was_kept_gives_the_same_scores(name: str, cohorts: Literal["", "year", "quarter"]) -> None:
    history, fitted = shop(Plan(model=name, cohorts=cohorts))
    again = fit_of(kept(fitted, history))
    one, two = (value_everybody(each, history, Terms()) for each in (fitted, again))
    for column in ("p_alive", "expected_purchases", "clv_minor", "clv_low_minor", "clv_high_minor", "percentile"):
        assert getattr(one, column).tolist() == getattr(two, column).tolist()
    assert again.flags == fitted.flags


def test_the_season_is_kept_with_the_fit() -> None:
    chance = np.random.default_rng(1)
    who, day = [], []
    for customer in range(300):
        days = np.cumsum(np.append(chance.integers(0, 200), chance.exponential(20, 60)))
        busy = days[(days < 1095) & ((days % 365 > 330) | (chance.random(61) < 0.3))].astype(np.int64)
        who += [customer] * len(busy)
        day += (busy + 735_234).tolist()
    log = Log(customer=np.array(who), day=np.array(day), amount_minor=np.full(len(day), 1000))
    purchases = net_refunds(log, as_of_day=735_234 + 1095)
    history, fitted = fit_shop(purchases, Plan(model="bg_nbd"), "")
    assert "yearly_pattern" in fitted.flags
    again = fit_of(kept(fitted, history))
    assert again.season == fitted.season
    counted = history_of(purchases, Plan(), "bg_nbd", again.season.used.clock)
    assert counted.T.tolist() == history.T.tolist()


def test_what_all_customers_have_in_common_is_kept() -> None:
    assert pooled_of({"pooled": {}}) is None
    found = pooled_of({"pooled": {"margin": 0.3, "purchase_minor": 1234.5}})
    assert found is not None
    assert (found.margin, found.purchase_minor) == (0.3, 1234.5)


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=300))
def test_a_place_by_quantiles_is_near_the_place_among_all(worth: list[int]) -> None:
    values = np.array(worth)
    by_quantiles = percentiles_among(values, quantiles(values))
    assert by_quantiles == pytest.approx(percentiles(values), abs=1.0 / len(worth) + 0.001)


def test_columns_are_in_the_order_of_the_store() -> None:
    from engine.store.scores import COLUMNS

    history, fitted = shop(Plan(model="bg_nbd"))
    found = value_everybody(fitted, history, Terms())
    columns = dict(zip(COLUMNS, score_columns(history, found, np.full(len(history), "gold")), strict=True))
    assert {len(column) for column in columns.values()} == {len(history)}
    assert columns["customer_id"].tolist() == history.customer.tolist()
    assert (columns["clv_low_minor"] <= columns["clv_high_minor"]).all()
    assert (columns["tier"][0], columns["days_since_purchase"][0]) == ("gold", history.days_since_purchase[0])
    assert [value is None for value in columns["monetary_minor"].tolist()] == (history.frequency == 0).tolist()


def test_a_verdict_is_plain_json() -> None:
    log = simulated_log(6, 400, 700)
    dated = Log(customer=log.customer, day=log.day + 735_000, amount_minor=log.amount_minor)
    verdict = Plan().judge(dated, 735_700)
    assert verdict is not None
    said = json.loads(json.dumps(of_verdict(verdict)))
    assert {"mae", "rmse", "bias_pct", "norm_gini", "top_decile_share", "deciles", "baselines"} <= set(said)
    assert set(said["baselines"]) == {"rate", "frequency"}
    assert set(said["candidates"]) == {"bg_nbd", "mbg_nbd", "pareto_nbd"}
    assert said["rmse"] == said["candidates"][verdict.model]["rmse"]
