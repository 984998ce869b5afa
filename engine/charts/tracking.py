"""The tracking picture: repeat purchases as they added up, beside what the model expected of them."""

from __future__ import annotations

from datetime import date

import altair as alt
import numpy as np

from engine.charts.look import ACTUAL, INK, MUTED, PREDICTED, Specification, finish
from engine.charts.words import Words, words
from engine.score.tracking import Tracking

_DAY_MS = 86_400_000
_FEW_DAYS = 120
_EPOCH = date(1970, 1, 1).toordinal()


def tracking(numbers: Tracking, locale: str = "en") -> Specification:
    """Repeat purchases of all customers as they added up, beside what the model expected; days are `date.toordinal`."""
    said = words(locale)
    series = ((said.actual, numbers.actual), (said.predicted, numbers.expected))
    rows = [
        {"day": _instant(day), "what": what, "purchases": round(float(count), 2)}
        for what, counts in series
        for day, count in zip(numbers.day, counts, strict=True)
    ]
    few = int(numbers.day[-1] - numbers.day[0]) < _FEW_DAYS
    both = [said.actual, said.predicted]
    time = alt.X(
        "day:T",
        scale=alt.Scale(type="utc", domain=[_instant(numbers.day[0] - 6), _instant(numbers.day[-1])]),
        axis=alt.Axis(title=None, format="%-d %b" if few else "%b %Y", grid=False, labelOverlap=True),
    )
    legend = alt.Legend(orient="bottom-right", symbolSize=500, offset=14, fillColor="white", padding=8)
    lines = (
        alt.Chart(alt.NamedData("lines"))
        .mark_line(strokeWidth=2.5, strokeJoin="round")
        .encode(
            x=time,
            y=alt.Y("purchases:Q", axis=alt.Axis(title=said.tracking_y, format=",~r", tickCount=6)),
            color=alt.Color("what:N", scale=alt.Scale(domain=both, range=[ACTUAL, PREDICTED]), legend=legend),
            strokeDash=alt.StrokeDash("what:N", scale=alt.Scale(domain=both, range=[[1, 0], [7, 4]]), legend=legend),
        )
    )
    seen = _seen(numbers)
    data = {"lines": rows}
    if seen is not None:
        data["split"] = [{"day": _instant(numbers.day[seen]), "last": _instant(numbers.day[-1])}]
    layers = [*(_split(said) if "split" in data else ()), lines]
    return finish(layers, data, said, said.tracking, _tracked(numbers, said))


def _tracked(numbers: Tracking, said: Words) -> str:
    """How many are followed, and how far from the truth the model is, where it can be: in what it has not seen."""
    followed = said.tracking_more.format(customers=said.number(numbers.customers))
    seen = _seen(numbers)
    expected, actual = (
        float(counts[-1] - (0 if seen is None else counts[seen])) for counts in (numbers.expected, numbers.actual)
    )
    if not actual:
        return followed
    gap = expected / actual - 1
    verdict = said.tracking_above if gap > 0 else said.tracking_below
    if abs(gap) < 0.001:
        verdict = said.tracking_even
    when = said.tracking_whole if seen is None else said.tracking_unseen
    return f"{followed} {verdict.format(when=when, gap=said.percent(abs(gap), decimals=1))}"


def _seen(numbers: Tracking) -> int | None:
    """The place of the day on which the calibration ended; None when nothing came after it."""
    end = numbers.calibration_end_day
    return None if end is None or end >= numbers.day[-1] else int(np.searchsorted(numbers.day, end))


def _split(said: Words) -> list[alt.Chart]:
    """Where the calibration ended, and what lies on either side."""
    place, x, top = alt.NamedData("split"), alt.X("day:T", scale=alt.Scale(type="utc")), alt.value(6)
    return [
        alt.Chart(place).mark_rect(color=INK, opacity=0.04, aria=False).encode(x=x, x2="last"),
        alt.Chart(place).mark_rule(color=MUTED, strokeDash=[2, 3]).encode(x=x),
        alt.Chart(place).mark_text(align="right", baseline="top", dx=-8, text=said.calibration).encode(x=x, y=top),
        alt.Chart(place).mark_text(align="left", baseline="top", dx=8, text=said.window).encode(x=x, y=top),
    ]


def _instant(day: int) -> int:
    """Midnight UTC of a day, in milliseconds since 1970, as Vega counts time."""
    return (int(day) - _EPOCH) * _DAY_MS
