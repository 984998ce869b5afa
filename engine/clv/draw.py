"""The pictures of `premura clv --plots`: whatever of the five can be drawn from this log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.charts import clv as chart
from engine.charts.draw import save
from engine.clv.run import Result
from engine.errors import ScoreError
from engine.score.models import BUYING
from engine.score.pictures import alive_grid, by_frequency, concentration
from engine.score.tracking import Tracking, tracking

Drawing = Callable[[], Mapping[str, Any]]


def draw(result: Result, folder: Path, locale: str = "en") -> list[Path]:
    """Write SVG and PNG of each picture into the folder; one that has nothing to show is left out.

    Raises UsageError when the folder cannot be written to, or the extra `charts` is not installed.
    """
    verdict, fitted = result.verdict, result.fitted
    model, params = BUYING[fitted.model], fitted.buying.params
    drawings: dict[str, Drawing] = {
        "tracking": lambda: chart.tracking(_tracked(result), locale),
        "p_alive": lambda: chart.alive(alive_grid(model, params, result.history), locale),
        "concentration": lambda: chart.concentration(concentration(result.values.clv_minor), locale),
    }
    if verdict is not None:
        drawings |= {
            "calibration": lambda: chart.by_frequency(
                by_frequency(verdict.predicted, verdict.history, verdict.window), locale
            ),
            "deciles": lambda: chart.deciles(verdict.validation.model, locale),
        }
    paths = []
    for name, make in drawings.items():
        try:
            drawing = make()
        except ScoreError:
            continue
        paths += save(drawing, folder, name)
    return paths


def _tracked(result: Result) -> Tracking:
    """By what was known before the window, if one was judged: a model that has seen the end cannot be tracked to it."""
    verdict = result.verdict
    if verdict is None:
        model, params = BUYING[result.fitted.model], result.fitted.buying.params
        return tracking(result.purchases, model, params, clock=result.history.clock)
    return tracking(
        verdict.later,
        BUYING[verdict.model],
        verdict.params,
        calibration_end_day=verdict.calibration_end_day,
        clock=verdict.history.clock,
    )
