"""The tracking picture: both lines, where the calibration ended, and a fair word on how far the model is off."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.charts import clv
from engine.charts.draw import svg
from engine.score.models import bg_nbd
from engine.score.tracking import Tracking, tracking
from tests.charts.numbers import PARAMS, picture, purchases, rows, spoken


def test_tracking_shows_both_lines_and_where_the_calibration_ended() -> None:
    chart = picture("tracking", "en")

    lines = rows(chart, "purchases")
    assert [row["purchases"] for row in lines if row["what"] == "what happened"][-1] == 4311 + 28
    assert len(lines) == 2 * 78
    assert rows(chart, "last") == [{"day": 875577600000, "last": 899164800000}]  # 30 September 1997, 30 June 1998
    assert "After the dotted line the model is 11.3% below what happened." in chart["title"]["subtitle"]


def test_tracking_without_a_window_speaks_of_the_whole() -> None:
    whole = tracking(purchases(), bg_nbd, PARAMS)

    chart = clv.tracking(whole, "it")

    assert rows(chart, "last") == []
    assert "Su tutto il periodo il modello sbaglia per difetto: −4,0%." in chart["title"]["subtitle"]


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [(120.0, "is 20% above"), (100.01, "is right to a thousandth"), (99.5, "is 0.5% below")],
)
def test_tracking_says_how_far_the_model_is_off(expected: float, verdict: str) -> None:
    numbers = Tracking(
        day=np.array([730_000, 730_007]),
        actual=np.array([50, 100]),
        expected=np.array([50.0, expected]),
        calibration_end_day=None,
        customers=80,
    )

    assert verdict in clv.tracking(numbers)["title"]["subtitle"].replace(".0%", "%")
    silent = replace(numbers, actual=np.zeros(2, dtype=np.int64))
    assert clv.tracking(silent)["title"]["subtitle"] == "80 customers; running total."


def test_a_young_shop_has_days_on_its_axis() -> None:
    numbers = Tracking(
        day=np.array([730_006, 730_013, 730_020]),
        actual=np.array([0, 1, 4]),
        expected=np.array([0.2, 1.1, 3.3]),
        calibration_end_day=730_013,
        customers=9,
    )

    assert re.search(r"^\d{1,2} set$", spoken(svg(clv.tracking(numbers, "it"))), re.MULTILINE)


@given(
    weeks=st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 1e9)), min_size=1, max_size=12),
    calibrated=st.one_of(st.none(), st.integers(0, 90)),
    locale=st.sampled_from(["en", "it"]),
)
@settings(max_examples=15, deadline=None)
def test_any_shop_can_be_tracked(weeks: list[tuple[int, float]], calibrated: int | None, locale: str) -> None:
    """Valid JSON, no loose brace and no nan, whatever the numbers."""
    actual, expected = (np.cumsum(column) for column in zip(*weeks, strict=True))
    days = 730_006 + 7 * np.arange(len(weeks))
    end = None if calibrated is None else int(days[min(calibrated, len(days) - 1)])
    numbers = Tracking(day=days, actual=actual, expected=expected, calibration_end_day=end, customers=len(weeks))

    chart = clv.tracking(numbers, locale)

    assert json.dumps(chart, allow_nan=False)
    assert not re.search(r"[{}]|nan|inf\b", chart["description"])
    assert len(rows(chart, "purchases")) == 2 * len(weeks)
    assert bool(rows(chart, "last")) == (end is not None and end < days[-1])


def test_an_old_shop_has_years_on_its_axis() -> None:
    weeks = 52 * 12
    numbers = Tracking(
        day=728_000 + 7 * np.arange(weeks),
        actual=np.arange(weeks),
        expected=np.linspace(0, weeks, weeks),
        calibration_end_day=728_000 + 7 * 400,
        customers=12_000,
    )

    text = spoken(svg(clv.tracking(numbers, "it")))

    assert "12.000 clienti" in text
    assert re.search(r"^gen \d{4}$", text, re.MULTILINE)
