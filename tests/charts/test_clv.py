"""The specifications: valid, the same every time, with the numbers that they were given, in both languages."""

from __future__ import annotations

import json

import altair as alt
import numpy as np
import pytest

from engine.charts import clv
from engine.charts.draw import svg
from engine.score.pictures import AliveGrid, concentration
from tests.charts.numbers import NAMES, drawn, picture, pictures, rows, spoken


@pytest.mark.parametrize("locale", ["en", "it"])
@pytest.mark.parametrize("name", NAMES)
def test_a_specification_is_valid_plain_and_the_same_every_time(name: str, locale: str) -> None:
    chart = picture(name, locale)

    alt.LayerChart.validate(chart)
    assert json.loads(json.dumps(chart, allow_nan=False)) == chart
    assert json.dumps(pictures()[name](locale)) == json.dumps(chart)
    assert chart["description"].startswith(chart["title"]["text"])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched_from_anywhere(name: str) -> None:
    text = json.dumps({key: value for key, value in picture(name, "en").items() if key != "$schema"})

    assert "://" not in text


@pytest.mark.parametrize(
    ("name", "english", "italian"),
    [
        ("tracking", ("4,000", "Jan 1997", "2,357 customers"), ("4.000", "gen 1997", "2.357 clienti")),
        ("frequency", ("1,411", "7 or more", "39 weeks"), ("1.411", "7 o più", "39 settimane")),
        ("deciles", ("3.5", "Purchases per customer"), ("3,5", "Acquisti per cliente")),
        ("alive", ("100%", "Weeks from the first"), ("100%", "Settimane dal primo")),
        ("concentration", ("Share of the customers",), ("Quota dei clienti",)),
    ],
)
def test_both_languages_are_drawn_as_they_are_written(
    name: str, english: tuple[str, ...], italian: tuple[str, ...]
) -> None:
    in_english, in_italian = (spoken(drawn(name, locale)) for locale in ("en", "it"))

    assert [words for words in english if words not in in_english] == []
    assert [words for words in italian if words not in in_italian] == []
    assert "{" not in in_english + in_italian


def test_the_map_leaves_out_what_cannot_be_and_keeps_its_corner() -> None:
    grid = AliveGrid(
        x=np.array([1, 2]),
        t_x=np.array([1.0, 3.0]),
        p_alive=np.array([[0.25, 0.5], [np.nan, 0.75]]),
        x_step=1,
        t_x_step=2.0,
        once=0.4,
        age=3.0,
        time_unit="month",
    )

    chart = clv.alive(grid)

    cells = rows(chart, "chance")
    assert sorted(cell["chance"] for cell in cells) == [0.25, 0.4, 0.5, 0.75]
    assert min(cell["from"] for cell in cells) == 0
    text = spoken(svg(chart))
    assert "bought once: 40%" in text
    assert "Months from the first purchase to the last" in text


def test_concentration_says_the_share_of_the_best_tenth() -> None:
    worth = np.full(100, 1)
    worth[:10] = 21

    chart = clv.concentration(concentration(worth), "it")

    assert chart["title"]["text"] == "Valore atteso del 10% migliore dei clienti: 70% del totale"
    assert {"10% migliore dei clienti:", "70% del valore"} <= set(spoken(svg(chart)).split("\n"))
