"""Parameters of their own for customers who came at the same time, drawn to the shop's as far as cohorts are alike.

A shop that changed wins other customers than it used to, and one set of parameters is then wrong for both. Each cohort
is fitted with a normal prior on the logarithms of the parameters around those of the whole; its width, one for all
parameters, is what the log says of how much cohorts differ (empirical Bayes; Efron & Morris, JASA 70, 1975).

For the width no cohort is fitted: at the whole's parameters let g be the slope of a cohort's log-likelihood and H its
curvature, both by logarithms. If the cohort's own parameters lie a normal step of deviation w away, then along each
axis of H, of curvature h, the slope is normal with variance h + w^2 h^2, to second order. The w that makes all slopes
likeliest is taken. Flat axes, of which nothing is known, have no say in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.history import History
from engine.score.models.fit import (
    ENOUGH_CUSTOMERS,
    ENOUGH_REPEATERS,
    SAMPLE,
    Fit,
    downhill,
    fit,
    prior_around,
    time_scale,
)
from engine.score.models.model import Model
from engine.score.models.rows import rows_of
from engine.score.models.search import curvature

Period = Literal["year", "quarter"]

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "shrunk": "parameters of its own, drawn to those of the whole",
        "as_whole": f"fewer than {ENOUGH_CUSTOMERS} customers or {ENOUGH_REPEATERS} who came back: as the whole shop",
    }
)
NARROWEST, WIDEST = 0.02, 1.0
"""Between which the width of the prior is looked for: cohorts that differ by 2 % are alike, and at a factor of e, one
way or the other, a cohort speaks for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Which cohort each customer is of: `names` in the order of time, `index` a place among them per customer."""

    period: Period
    names: tuple[str, ...]
    index: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohorts:
    """A fit per cohort, the shop's own where the cohort is too small, with its size and one of `FLAGS`.

    whole: the shop's, for who is of no cohort here. width: of the prior, as a logarithm.
    """

    period: Period
    names: tuple[str, ...]
    fits: tuple[Fit[Any], ...]
    sizes: tuple[int, ...]
    flags: tuple[str, ...]
    whole: Fit[Any]
    width: float

    def fit_of(self, name: str) -> Fit[Any]:
        """The fit for that cohort; the shop's for one that was not there yet."""
        return self.fits[self.names.index(name)] if name in self.names else self.whole


_EPOCH = 719_163  # 1 January 1970 as an ordinal


def cohort_of(first_day: IntArray, period: Period) -> Members:
    """Cohorts by the day of the first purchase (an ordinal): "2024", or "2024-Q1"."""
    if not len(first_day):
        return Members(period=period, names=(), index=np.zeros(0, dtype=np.int64))
    earliest = int(first_day.min())
    days = np.arange(earliest, int(first_day.max()) + 1) - _EPOCH
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 12 * 1970
    steps = months // (12 if period == "year" else 3)
    taken, index = np.unique(steps[first_day - earliest], return_inverse=True)
    names = tuple(f"{step:04d}" if period == "year" else f"{step // 4:04d}-Q{step % 4 + 1}" for step in taken.tolist())
    return Members(period=period, names=names, index=index)


def fit_cohorts(
    model: Model, history: History, whole: Fit[Any], members: Members, *, width: float | None = None
) -> Cohorts:
    """Fit each cohort with the prior that the module describes. whole: the fit of this history.

    width: of the prior, where it shall not be taken from the log. Raises ScoreError when members and history differ in
    length, or units differ.
    """
    if len(members.index) != len(history):
        raise ScoreError(f"{len(members.index)} customers have a cohort, {len(history)} a history")
    if whole.params.time_unit != history.time_unit:
        raise ScoreError(f"the parameters count {whole.params.time_unit}s, the history {history.time_unit}s")
    parts = [history.take(rows) for rows in _rows_of_each(members)]
    own = [_carries_a_fit(part) for part in parts]
    if width is None:
        width = prior_width(model, [part for part, big in zip(parts, own, strict=True) if big], whole.params)
    fits = [
        fit(model, part, prior=prior_around(model, whole.params, part, width)) if big else whole
        for part, big in zip(parts, own, strict=True)
    ]
    return Cohorts(
        period=members.period,
        names=members.names,
        fits=tuple(fits),
        sizes=tuple(len(part) for part in parts),
        flags=tuple("shrunk" if big else "as_whole" for big in own),
        whole=whole,
        width=width,
    )


def prior_width(model: Model, parts: list[History], params: Any) -> float:
    """The standard deviation of the cohorts' logarithms around the whole's; the narrowest for a cohort alone."""
    if len(parts) < 2:
        return NARROWEST
    slopes, curves = zip(*(_slope_and_curvature(model, part, params) for part in parts), strict=True)
    squares, curved = np.concatenate(slopes) ** 2, np.concatenate(curves)
    squares *= len(parts) / (len(parts) - 1)  # at the whole's optimum the slopes add up to nothing
    known = curved > 1e-3
    widths = np.geomspace(NARROWEST, WIDEST, 200)
    variance = curved[known] + (widths[:, None] * curved[known]) ** 2
    likely = -(np.log(variance) + squares[known] / variance).sum(axis=1)
    return float(widths[likely.argmax()])


def by_fit(cohorts: Cohorts, members: Members) -> Iterator[tuple[Fit[Any], IntArray]]:
    """For each cohort that has customers here: its fit, and the rows of those customers."""
    for name, rows in zip(members.names, _rows_of_each(members), strict=True):
        if len(rows):
            yield cohorts.fit_of(name), rows


def _rows_of_each(members: Members) -> list[IntArray]:
    order = np.argsort(members.index, kind="stable")
    ends = np.cumsum(np.bincount(members.index, minlength=len(members.names)))
    return np.split(order, ends[:-1]) if len(members.names) else []


def _carries_a_fit(part: History) -> bool:
    return len(part) >= ENOUGH_CUSTOMERS and int((part.frequency > 0).sum()) >= ENOUGH_REPEATERS


def _slope_and_curvature(model: Model, part: History, params: Any) -> tuple[FloatArray, FloatArray]:
    """Of the cohort's log-likelihood by logarithms, along the axes of the curvature; of a big one, some will do."""
    part = part.take(np.arange(0, len(part), max(len(part) // SAMPLE, 1)))
    scale = time_scale(model, part)
    rows = rows_of(part, scale)
    point = np.array([getattr(params, name) for name in model.SPACE.names]) / model.SPACE.scales(scale)
    down = downhill(lambda at: model.log_likelihood(at, rows), 1)
    curves, axes = np.linalg.eigh(curvature(down, np.log(point)))
    return axes.T @ down(np.log(point))[1], curves
