"""Numbers to draw: those of CDNOW under the published BG/NBD parameters, and where the pictures take them from."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from engine.charts import clv, draw
from engine.charts.look import Specification
from engine.score.models import bg_nbd
from engine.score.models.bg_nbd import BgNbd
from engine.score.pictures import alive_grid, by_frequency, concentration
from engine.score.purchases import Purchases, net_refunds
from engine.score.tracking import tracking
from engine.score.validate import figures
from engine.score.window import split
from tests.score.shops import CALIBRATION_END, WINDOW_END, cdnow_log

PARAMS = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="week")
NAMES = ("tracking", "frequency", "deciles", "alive", "concentration")


@lru_cache(maxsize=16)
def picture(name: str, locale: str) -> Specification:
    """One of `NAMES`, made once."""
    return pictures()[name](locale)


@lru_cache(maxsize=16)
def drawn(name: str, locale: str) -> str:
    """Its SVG."""
    return draw.svg(picture(name, locale))


@lru_cache(maxsize=1)
def pictures() -> dict[str, Callable[[str], Specification]]:
    """Each picture of CDNOW, still to be told its locale."""
    history, window = split(cdnow_log(), calibration_end_day=CALIBRATION_END, window_end_day=WINDOW_END)
    predicted = bg_nbd.expected_purchases(PARAMS, history.frequency, history.recency, history.T, window.length)
    tracked = tracking(purchases(), bg_nbd, PARAMS, calibration_end_day=CALIBRATION_END)
    groups = by_frequency(predicted, history, window)
    judged = figures(predicted, window.purchases)
    grid = alive_grid(bg_nbd, PARAMS, history)
    shares = concentration(predicted * np.where(history.monetary > 0, history.monetary, 35.0))
    return {
        "tracking": lambda locale: clv.tracking(tracked, locale),
        "frequency": lambda locale: clv.by_frequency(groups, locale),
        "deciles": lambda locale: clv.deciles(judged, locale),
        "alive": lambda locale: clv.alive(grid, locale),
        "concentration": lambda locale: clv.concentration(shares, locale),
    }


@lru_cache(maxsize=1)
def purchases() -> Purchases:
    """All of CDNOW."""
    return net_refunds(cdnow_log(), as_of_day=WINDOW_END)


def rows(chart: Specification, field: str) -> list[dict[str, Any]]:
    """All rows of all layers that have the field."""
    return [row for data in chart["datasets"].values() for row in data if field in row]


def spoken(picture: str) -> str:
    """Every text of the picture as it is drawn, one a line."""
    texts = ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314 - our own picture
    return "\n".join("\n".join(text.itertext()) for text in texts)
