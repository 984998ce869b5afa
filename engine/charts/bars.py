"""The pictures with bars: what groups of customers bought in a validation window, and what was predicted for them."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from engine.charts.look import BAR, PREDICTED, Data, Specification, finish
from engine.charts.words import Words, words
from engine.score.pictures import FrequencyGroups
from engine.score.validate import Figures


def by_frequency(groups: FrequencyGroups, locale: str = "en") -> Specification:
    """What customers bought in the validation window and what was predicted, by how often they had bought before."""
    said = words(locale)
    labels = [
        f"{said.and_more.format(count=x) if x == groups.last else x}|{said.number(count)}"
        for x, count in zip(groups.frequency.tolist(), groups.customers.tolist(), strict=True)
    ]
    subtitle = said.frequency_more.format(length=said.span(groups.length, groups.time_unit))
    data = _bar_rows(labels, groups.actual.tolist(), groups.predicted.tolist(), said)
    return finish(_bars(said, said.frequency_x), data, said, said.frequency, subtitle)


def deciles(figures: Figures, locale: str = "en") -> Specification:
    """Tenths of the customers by what was predicted for them, with what they bought."""
    said = words(locale)
    predicted, actual = zip(*figures.deciles, strict=True)
    labels = [str(tenth) for tenth in range(1, len(actual) + 1)]
    data = _bar_rows(labels, actual, predicted, said)
    return finish(_bars(said, said.deciles_x), data, said, said.deciles, said.deciles_more)


def _bar_rows(labels: Sequence[str], actual: Sequence[float], predicted: Sequence[float], said: Words) -> Data:
    rows = [
        {"group": label, "what": what, "purchases": round(value, 4)}
        for what, values in ((said.actual, actual), (said.predicted, predicted))
        for label, value in zip(labels, values, strict=True)
    ]
    return {"bars": rows}


def _bars(said: Words, title: str) -> list[alt.Chart]:
    """A bar for what happened, a diamond for what was predicted; a `|` in a label begins its second line."""
    both = [said.actual, said.predicted]
    axis = alt.Axis(
        title=title, labelAngle=0, labelExpr="split(datum.label, '|')", labelLineHeight=17, labelPadding=8, ticks=False
    )
    legend = alt.Legend(orient="top", symbolOpacity=1)
    base = alt.Chart(alt.NamedData("bars")).encode(
        x=alt.X("group:N", sort=None, axis=axis, scale=alt.Scale(paddingInner=0.4, paddingOuter=0.3)),
        y=alt.Y("purchases:Q", axis=alt.Axis(title=said.purchases_each, format=",~r", tickCount=6)),
        color=alt.Color("what:N", scale=alt.Scale(domain=both, range=[BAR, PREDICTED]), legend=legend),
        shape=alt.Shape("what:N", scale=alt.Scale(domain=both, range=["square", "diamond"]), legend=legend),
    )
    bars = base.mark_bar().transform_filter(f"datum.what === {said.actual!r}")
    points = base.mark_point(filled=True, size=120, opacity=1, stroke="white", strokeWidth=1)
    return [bars, points.transform_filter(f"datum.what === {said.predicted!r}")]
