"""The look of the house: ink and green on white, one warm colour for what is predicted, and nothing that shouts.

Whatever colour says is also said by shape or dash, and the colours differ in lightness, so that no eye and no grey
printer loses anything. The font is one that the renderer carries; a page without it takes Arial, which is as wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from engine.charts.words import Words

Specification = dict[str, Any]
Data = dict[str, list[dict[str, Any]]]

INK, MUTED, FAINT = "#33302b", "#756d62", "#e6dfd3"
ACTUAL, BAR, SOFT, PREDICTED = "#2c4a43", "#7fb3a3", "#a9cfc2", "#c2711a"
DARKER = ("#f5f1ea", "#d3e5dc", SOFT, BAR, "#4d8877", "#2c6a5c", ACTUAL)
WIDTH, HEIGHT = 640, 360
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def finish(layers: Sequence[alt.Chart], data: Data, words: Words, title: str, subtitle: str) -> Specification:
    """The whole specification, checked against Vega-Lite's schema; the layers name their data."""
    chart = alt.LayerChart(layer=list(layers)).properties(
        width=WIDTH,
        height=HEIGHT,
        title=alt.TitleParams(title, subtitle=subtitle),
        description=f"{title}. {subtitle}",
        background="white",
        padding=20,
    )
    specification: Specification = chart.configure(**_config(words)).to_dict()
    return specification | {"datasets": data}


def _config(words: Words) -> dict[str, Any]:
    label = {
        "labelColor": MUTED,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
    }
    return {
        "font": FONT,
        "locale": words.marks(),
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "color": INK,
            "fontSize": 19,
            "fontWeight": "bold",
            "frame": "group",
            "offset": 18,
            "subtitleColor": MUTED,
            "subtitleFontSize": 13,
            "subtitlePadding": 7,
        },
        "axis": {
            **label,
            "labelFlush": False,
            "domainColor": MUTED,
            "gridColor": FAINT,
            "tickColor": MUTED,
            "titlePadding": 12,
        },
        "legend": {**label, "title": None, "symbolSize": 140, "symbolStrokeWidth": 2.5},
        "text": {"color": MUTED, "fontSize": 12},
    }
