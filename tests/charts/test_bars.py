"""The pictures with bars show what they were given, each group under its name."""

from __future__ import annotations

import numpy as np
import pytest

from engine.charts import clv
from engine.score.pictures import FrequencyGroups
from engine.score.validate import figures
from tests.charts.numbers import rows


def test_only_the_open_group_says_or_more() -> None:
    groups = FrequencyGroups(
        last=7,
        frequency=np.array([0, 2]),
        customers=np.array([1200, 3]),
        actual=np.array([0.5, 1.0]),
        predicted=np.array([0.4, 1.25]),
        length=6.5,
        time_unit="month",
    )

    chart = clv.by_frequency(groups, "it")

    bars = rows(chart, "group")
    assert {row["group"] for row in bars} == {"0|1.200", "2|3"}
    assert [row["purchases"] for row in bars] == [0.5, 1.0, 0.4, 1.25]
    assert "6,5 mesi" in chart["title"]["subtitle"]


def test_deciles_are_drawn_as_they_were_judged() -> None:
    judged = figures(np.arange(20.0), np.arange(20) // 2)

    bars = rows(clv.deciles(judged), "group")

    assert [row["purchases"] for row in bars if row["what"] == "predicted by the model"] == [
        pytest.approx(predicted) for predicted, _ in judged.deciles
    ]
    assert [row["group"] for row in bars][:10] == [str(tenth) for tenth in range(1, 11)]
