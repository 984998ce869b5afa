"""The five pictures of a score as Altair specifications: how well a model foretells, and what it says.

Each takes numbers (`engine.score.pictures`, or the figures of a validation) and a locale, English unless it is an
Italian one, and returns a plain Vega-Lite specification with its data: `draw.save` makes files of it, and a page may
embed it.
"""

from __future__ import annotations

import altair as alt
import numpy as np

from engine.charts.bars import by_frequency, deciles
from engine.charts.look import ACTUAL, DARKER, INK, MUTED, PREDICTED, SOFT, Data, Specification, finish
from engine.charts.tracking import tracking
from engine.charts.words import Words, words
from engine.score.pictures import AliveGrid, Concentration

__all__ = ["alive", "by_frequency", "concentration", "deciles", "tracking"]


def alive(grid: AliveGrid, locale: str = "en") -> Specification:
    """A map of P(alive): how often somebody bought, and how old he was the last time."""
    said = words(locale)
    rows = [
        {
            "from": round(max(float(t_x) - grid.t_x_step, 0.0), 4),
            "to": round(float(t_x), 4),
            "low": int(x) - 0.5,
            "high": int(x) + grid.x_step - 0.5,
            "chance": round(float(chance), 4),
        }
        for x, line in zip(grid.x, grid.p_alive, strict=True)
        for t_x, chance in zip(grid.t_x, line, strict=True)
        if np.isfinite(chance)
    ]
    highest = float(grid.x[-1]) + grid.x_step - 0.5
    legend = alt.Legend(title=said.alive_legend, type="gradient", format=".0%", gradientLength=220, tickCount=5)
    cells = (
        alt.Chart(alt.NamedData("cells"))
        .mark_rect(stroke=alt.expr("scale('color', datum.chance)"), strokeWidth=0.7)  # closes the seams between cells
        .encode(
            x=alt.X(
                "from:Q",
                scale=alt.Scale(domain=[0, grid.age], nice=False),
                axis=alt.Axis(title=said.alive_x[grid.time_unit], format=",~r", grid=False),
            ),
            x2="to",
            y=alt.Y(
                "low:Q",
                scale=alt.Scale(domain=[-0.5, highest], nice=False),
                axis=alt.Axis(title=said.alive_y, format=",d", grid=False, tickMinStep=1),
            ),
            y2="high",
            color=alt.Color("chance:Q", scale=alt.Scale(domain=[0, 1], range=list(DARKER)), legend=legend),
        )
    )
    subtitle = said.alive_more.format(age=said.span(grid.age, grid.time_unit))
    corner = [{"from": 0, "to": grid.t_x_step, "low": -0.5, "high": 0.5, "chance": grid.once}]
    return finish([cells, *_once(grid, said)], {"cells": rows, "corner": corner}, said, said.alive, subtitle)


def _once(grid: AliveGrid, said: Words) -> list[alt.Chart]:
    """One-time buyers: their last purchase is their first, so they are one cell in the corner, and a word."""
    corner = alt.NamedData("corner")
    text = said.once.format(chance=said.percent(grid.once))
    cell = alt.Chart(corner).mark_rect().encode(x="from:Q", x2="to", y="low:Q", y2="high", color="chance:Q")
    word = alt.Chart(corner).mark_text(align="left", dx=8, text=text).encode(x="to:Q", y=alt.datum(0))
    return [cell, word]


def concentration(numbers: Concentration, locale: str = "en") -> Specification:
    """How much of the expected value the best customers hold, with the share of the best tenth written on it."""
    said = words(locale)
    rows = [
        {"customers": round(float(customers), 4), "value": round(float(value), 6)}
        for customers, value in zip(numbers.of_customers, numbers.of_value, strict=True)
    ]
    share = numbers.top_decile_share
    x = alt.X("customers:Q", axis=alt.Axis(title=said.concentration_x, format=".0%", tickCount=10, grid=False))
    y = alt.Y("value:Q", axis=alt.Axis(title=said.concentration_y, format=".0%", tickCount=5))
    curve, equal, tenth = (alt.NamedData(name) for name in ("curve", "equal", "tenth"))
    best = said.best.format(tenth=said.percent(0.1), share=said.percent(share)).split("|")
    layers = [
        alt.Chart(curve).mark_area(color=SOFT, opacity=0.25).encode(x=x, y=y),
        alt.Chart(equal).mark_line(color=MUTED, strokeWidth=1, strokeDash=[4, 4]).encode(x=x, y=y),
        alt.Chart(tenth)
        .mark_text(align="left", baseline="top", dx=8, dy=4, text=said.equal)
        .encode(x=alt.datum(0.7), y=alt.datum(0.7)),
        alt.Chart(curve).mark_line(color=ACTUAL, strokeWidth=2.5).encode(x=x, y=y),
        alt.Chart(tenth).mark_rule(color=PREDICTED, strokeDash=[2, 3]).encode(x=x, y=y, y2=alt.datum(0)),
        alt.Chart(tenth).mark_point(color=PREDICTED, filled=True, size=110, opacity=1).encode(x=x, y=y),
        alt.Chart(tenth)
        .mark_text(align="left", baseline="top", dx=12, dy=4, text=best, color=INK, fontSize=14, fontWeight="bold")
        .encode(x=x, y=y),
    ]
    data: Data = {
        "curve": rows,
        "equal": [{"customers": 0, "value": 0}, {"customers": 1, "value": 1}],
        "tenth": [{"customers": 0.1, "value": share}],
    }
    subtitle = said.concentration_more.format(customers=said.number(numbers.customers))
    return finish(layers, data, said, said.concentration.format(share=said.percent(share)), subtitle)
