"""The closed forms: every worked example, every legal range, and what a plain log gives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score import closed_forms
from engine.score.arrays import FloatArray
from engine.score.closed_forms import (
    annual_profit_clv,
    by_closed_forms,
    margin_clv,
    order_value_clv,
    retained_sales_clv,
    retention_clv,
    retention_clv_forever,
    revenue_per_customer,
)
from engine.score.history import summarise
from engine.score.purchases import net_refunds
from engine.score.units import DAYS_PER_UNIT
from tests.score.shops import CALIBRATION_END, CDNOW, cdnow_log

EXAMPLES: dict[str, dict[str, float]] = {
    entry["id"]: entry.get("example", {})
    for entry in json.loads((CDNOW / "baseline_formulas.json").read_text())["formulas"]
}
FORMS: dict[str, Callable[..., FloatArray]] = {
    form.__name__: form
    for form in (
        order_value_clv,
        annual_profit_clv,
        retained_sales_clv,
        revenue_per_customer,
        margin_clv,
        retention_clv,
        retention_clv_forever,
    )
}
LEGAL: dict[str, tuple[float, ...]] = {
    "order_value_clv": (100, 4, 3),
    "annual_profit_clv": (1000, 5, 300),
    "retained_sales_clv": (50, 6, 0.6),
    "revenue_per_customer": (250_000, 2357),
    "margin_clv": (1200, 0.3),
    "retention_clv": (100, 0.8, 0.1, 2, 50),
    "retention_clv_forever": (100, 0.8, 0.1, 0),
}
RESULTS = {
    "order_value_clv": 1200,
    "annual_profit_clv": 4700,
    "retained_sales_clv": 180,
    "revenue_per_customer": 106.07,
    "margin_clv": 360,
    "retention_clv": 175.62,
    "retention_clv_forever": 366.67,
}


@pytest.mark.parametrize(
    ("example", "name", "arguments"),
    [
        ("clv_aov_freq_life", "order_value_clv", ("aov", "freq", "years")),
        ("clv_simple", "annual_profit_clv", ("profit", "years", "cac")),
        ("lv_retention", "retained_sales_clv", ("sale", "n", "retention")),
        ("ltv_report", "revenue_per_customer", ("revenue", "customers")),
        ("margin", "margin_clv", ("clv", "margin")),
        ("discrete_retention", "retention_clv_forever", ("m", "r", "d")),
    ],
)
def test_the_published_examples_come_out(example: str, name: str, arguments: tuple[str, ...]) -> None:
    given_ = EXAMPLES[example]
    expected = given_.get("result", given_.get("result_infinite"))
    assert float(FORMS[name](*(given_[argument] for argument in arguments))) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", FORMS)
def test_each_docstring_works_its_example_out(name: str) -> None:
    described = " ".join((FORMS[name].__doc__ or "").split())
    heads = ("Formula:", "Leaves out:", "Example:", "Source:")
    assert [described.count(head) for head in heads] == [1] * 4
    result = re.search(r"= ([\d.]+)\. Source:", described)
    assert result is not None
    assert float(result[1]) == RESULTS[name]
    assert float(FORMS[name](*LEGAL[name])) == pytest.approx(RESULTS[name], abs=0.005)
    spoken = re.sub(r"(\d+) %", lambda percent: str(int(percent[1]) / 100), described)
    for value in LEGAL[name]:
        assert not value or f"{value:g}" in spoken or f"{value:.0f}" in spoken


def test_every_public_form_is_in_these_tests() -> None:
    public = {
        name
        for name, value in vars(closed_forms).items()
        if callable(value) and getattr(value, "__module__", "") == closed_forms.__name__ and not name.startswith("_")
    }
    assert public == {*FORMS, "by_closed_forms"}


@pytest.mark.parametrize("name", FORMS)
def test_arrays_are_the_numbers_one_by_one(name: str) -> None:
    form, arguments = FORMS[name], LEGAL[name]
    alone = float(form(*arguments))
    one_array = form(np.array([0.0, arguments[0]]), *arguments[1:])
    assert one_array.shape == (2,)
    assert one_array[1] == pytest.approx(alone)
    table = form(*(np.full((3, 1), value) for value in arguments[:-1]), np.full(4, arguments[-1]))
    assert table.shape == (3, 4)
    assert table == pytest.approx(np.full((3, 4), alone))
    assert form(np.array([]), *arguments[1:]).shape == (0,)


@pytest.mark.parametrize(
    ("name", "position", "wrong", "words"),
    [
        ("order_value_clv", 0, np.nan, "the order value must be a number, not nan"),
        ("order_value_clv", 1, -1.0, "the purchases per year must be a number >= 0, not -1"),
        ("order_value_clv", 2, -0.5, "the lifespan must be a number >= 0, not -0.5"),
        ("annual_profit_clv", 0, np.inf, "the annual profit must be a number, not inf"),
        ("annual_profit_clv", 1, -1.0, "the years must be"),
        ("annual_profit_clv", 2, -300.0, "the acquisition cost must be a number >= 0, not -300"),
        ("retained_sales_clv", 1, -6.0, "the transactions must be"),
        ("retained_sales_clv", 2, 60.0, "the retention rate must be a number from 0 to 1, not 60"),
        ("revenue_per_customer", 1, 0.0, "the number of customers must be a number > 0, not 0"),
        ("margin_clv", 1, 30.0, "the margin must be a number from 0 to 1, not 30"),
        ("retention_clv", 1, 1.01, "the retention rate must be"),
        ("retention_clv", 2, -1.0, "the discount rate must be a number > -1, not -1"),
        ("retention_clv", 3, -1.0, "the later periods must be a number >= 0, not -1"),
        ("retention_clv", 3, 1.5, "the later periods must be a whole number"),
        ("retention_clv", 4, -1.0, "the acquisition cost must be"),
        ("retention_clv_forever", 2, -0.2, "infinitely much.*needs 1 \\+ discount rate > retention rate"),
        ("retention_clv_forever", 2, -0.5, "infinitely much"),
        ("retention_clv_forever", 3, -1.0, "the acquisition cost must be"),
    ],
)
def test_what_lies_outside_its_range_is_refused(name: str, position: int, wrong: float, words: str) -> None:
    arguments: list[Any] = list(LEGAL[name])
    arguments[position] = wrong
    with pytest.raises(ScoreError, match=words):
        FORMS[name](*arguments)
    arguments[position] = np.array([LEGAL[name][position], wrong])
    with pytest.raises(ScoreError, match=words):
        FORMS[name](*arguments)


def test_the_edges_of_the_ranges_are_legal() -> None:
    assert float(order_value_clv(100, 0, 3)) == 0
    assert float(retained_sales_clv(50, 6, 1)) == 300
    assert float(retained_sales_clv(50, 6, 0)) == 0
    assert float(margin_clv(1200, 1)) == 1200
    assert float(annual_profit_clv(-10, 2, 5)) == -25
    assert float(retention_clv(100, 0, 0.1, 9)) == 100
    assert float(retention_clv(100, 0.8, 0.1, 0)) == 100
    assert float(retention_clv_forever(100, 0, 0.1, 30)) == 70
    assert float(retention_clv(100, 1, 0, 9)) == 1000
    assert float(retention_clv(100, 1, -0.5, 2)) == pytest.approx(700)


@pytest.mark.parametrize("beyond", [(order_value_clv, (1e300, 1e10, 1)), (revenue_per_customer, (1e300, 1e-300))])
def test_an_amount_beyond_measure_is_refused(beyond: tuple[Callable[..., FloatArray], tuple[float, ...]]) -> None:
    form, arguments = beyond
    with pytest.raises(ScoreError, match="beyond measure"):
        form(*arguments)


@settings(max_examples=200, deadline=None)
@given(retention=st.floats(0, 1), rate=st.floats(-0.9, 3), later=st.integers(0, 60), cost=st.floats(0, 1e4))
def test_the_sum_of_margins_is_the_sum(retention: float, rate: float, later: int, cost: float) -> None:
    margins = sum(80 * retention**t / (1 + rate) ** t for t in range(later + 1))
    assert float(retention_clv(80, retention, rate, later, cost)) == pytest.approx(margins - cost, rel=1e-9, abs=1e-9)


@given(apart=st.floats(1e-300, 1e-6), later=st.integers(1, 1000))
def test_retention_that_nearly_outweighs_the_discount_loses_no_digits(apart: float, later: int) -> None:
    expected = later + 1 - apart * later * (later + 1) / 2  # to second order in what is lost per period
    assert float(retention_clv(1, 1, apart, later)) == pytest.approx(expected, rel=1e-9 + (apart * later) ** 2)


@settings(deadline=None)
@given(retention=st.floats(0, 1), rate=st.floats(-0.5, 3))
def test_without_an_end_is_the_limit_of_ever_more_periods(retention: float, rate: float) -> None:
    assume(retention / (1 + rate) < 0.99)
    worth = [float(retention_clv(100, retention, rate, later)) for later in (1, 10, 100, 5000)]
    assert worth == sorted(worth)
    assert worth[-1] == pytest.approx(float(retention_clv_forever(100, retention, rate)))


def test_what_a_customer_cost_is_taken_off_once() -> None:
    costs = np.array([0.0, 30.0, 500.0])
    for name in ("annual_profit_clv", "retention_clv", "retention_clv_forever"):
        *arguments, _ = LEGAL[name]
        free = float(FORMS[name](*arguments))
        assert FORMS[name](*arguments, costs) == pytest.approx(free - costs)  # below zero it is a loss


NUMBERS = st.one_of(st.floats(), st.floats(-2, 2), st.sampled_from((0.0, 1.0, -1.0, 1e308, 5e-324)))


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(FORMS)), arguments=st.tuples(*[NUMBERS] * 5))
@example(name="annual_profit_clv", arguments=(-1.0, 1e308, 1e308, 0.0, 0.0))  # a loss beyond measure
def test_whatever_is_given_the_answer_is_finite_or_a_refusal(name: str, arguments: tuple[float, ...]) -> None:
    try:
        found = FORMS[name](*arguments[: len(LEGAL[name])])
    except ScoreError:
        return
    assert np.isfinite(found)


TOTALS = {
    "revenue": 9000.0,
    "purchases": 300.0,
    "customers": 100.0,
    "span_days": 730.5,
    "mean_observed_days": 182.625,
}


def test_a_plain_log_gives_six_figures() -> None:
    assert by_closed_forms(**TOTALS, margin=0.4) == pytest.approx(
        {
            "average_order_value": 30.0,
            "purchases_per_customer_year": 1.5,
            "observed_lifespan_years": 0.5,
            "revenue_per_customer": 90.0,
            "order_value_clv": 22.5,
            "margin_clv": 9.0,
        }
    )


def test_the_figures_are_plain_floats_for_json() -> None:
    found = by_closed_forms(**TOTALS)
    assert {type(value) for value in found.values()} == {float}
    assert json.loads(json.dumps(found)) == found


def test_the_figures_of_cdnow() -> None:
    purchases = net_refunds(cdnow_log(), as_of_day=CALIBRATION_END)
    history = summarise(purchases, time_unit="week")
    found = by_closed_forms(
        revenue=float(purchases.amount_minor.sum()) / 100,
        purchases=len(purchases.day),
        customers=len(history),
        span_days=CALIBRATION_END - int(purchases.day.min()) + 1,
        mean_observed_days=float(history.recency.mean()) * DAYS_PER_UNIT["week"],
    )
    assert found["average_order_value"] * len(purchases.day) / 2357 == pytest.approx(found["revenue_per_customer"])
    assert found["purchases_per_customer_year"] == pytest.approx((2457 + 2357) / 2357 * 365.25 / 273)
    assert found["observed_lifespan_years"] == pytest.approx(6.845 * 7 / 365.25, rel=1e-3)
    assert 30 < found["average_order_value"] < 40
    assert found["order_value_clv"] < found["revenue_per_customer"]


@pytest.mark.parametrize(
    ("total", "wrong", "words"),
    [
        ("revenue", np.nan, "the revenue must be"),
        ("purchases", 0.0, "the purchases must be a number > 0"),
        ("customers", 0.0, "the number of customers must be a number > 0"),
        ("span_days", 0.0, "the span in days must be a number > 0"),
        ("mean_observed_days", -1.0, "the mean observed days must be a number from 0 to 730.5"),
        ("mean_observed_days", 731.0, "the mean observed days must be"),
        ("margin", 40.0, "the margin must be"),
    ],
)
def test_totals_that_no_log_has_are_refused(total: str, wrong: float, words: str) -> None:
    with pytest.raises(ScoreError, match=words):
        by_closed_forms(**(TOTALS | {total: wrong}))
