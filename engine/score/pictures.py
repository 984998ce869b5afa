"""The numbers behind the pictures of a score: few enough to draw, however large the shop. Nothing is drawn here.

The decile picture needs no numbers of its own: it shows `engine.score.validate.Figures.deciles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.history import History
from engine.score.models import Model
from engine.score.units import TimeUnit
from engine.score.window import ValidationWindow

_MOST_COLUMNS, _MOST_ROWS = 60, 40
_POINTS = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyGroups:
    """Mean purchases per customer in a validation window of `length` time units, by repeat purchases before it.

    A group of frequency `last` holds everybody with as many or more; groups without customers are left out.
    """

    last: int
    frequency: IntArray
    customers: IntArray
    actual: FloatArray
    predicted: FloatArray
    length: float
    time_unit: TimeUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class AliveGrid:
    """P(alive) of somebody of age `age`: one row for each of `x`, one column for each of `t_x`.

    nan where nobody can be: more purchases than opportunities, in a model that counts these.
    A cell reaches from one step below its t_x up to it, and from its x to one step above, exclusive. once: the
    P(alive) of a one-time buyer, who has no place on the grid (x = 0, t_x = 0).
    """

    x: IntArray
    t_x: FloatArray
    p_alive: FloatArray
    x_step: int
    t_x_step: float
    once: float
    age: float
    time_unit: TimeUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentration:
    """Which share of the value the best share of the customers hold: two columns from 0 to 1."""

    of_customers: FloatArray
    of_value: FloatArray
    top_decile_share: float
    customers: int


def by_frequency(
    predicted: FloatArray, history: History, window: ValidationWindow, *, last: int = 7
) -> FrequencyGroups:
    """Group the customers of a history by x = 0, 1, ... last and more.

    predicted: purchases in the window, one per customer. Raises ScoreError for unequal lengths or units, and nobody.
    """
    if history.time_unit != window.time_unit:
        raise ScoreError(f"the history counts {history.time_unit}s, the validation window {window.time_unit}s")
    if not len(history) or predicted.shape != history.frequency.shape:
        raise ScoreError("calibration by frequency needs one prediction for each customer, and at least one customer")
    group = np.minimum(history.frequency, last)
    customers = np.bincount(group)
    there = np.flatnonzero(customers)
    return FrequencyGroups(
        last=last,
        frequency=there,
        customers=customers[there],
        actual=(np.bincount(group, weights=window.purchases) / np.maximum(customers, 1))[there],
        predicted=(np.bincount(group, weights=predicted) / np.maximum(customers, 1))[there],
        length=window.length,
        time_unit=window.time_unit,
    )


def alive_grid(model: Model, params: Any, history: History) -> AliveGrid:
    """P(alive) for every possible past of a customer as old as the oldest, up to the 99th percentile of frequency.

    Raises ScoreError when everybody came on the as-of day, or units differ.
    """
    if params.time_unit != history.time_unit:
        raise ScoreError(f"the parameters count {params.time_unit}s, the history {history.time_unit}s")
    age = float(history.T.max(initial=0.0))
    if age <= 0:
        raise ScoreError("everybody came today, so nobody can have left")
    most = max(int(np.quantile(history.frequency, 0.99)), 1)
    x_step = -(-most // _MOST_ROWS)
    x = np.arange(1, most + 1, x_step)
    t_x = _ages(age, whole=model.OPPORTUNITIES)
    possible = (x[:, None] <= t_x) | (not model.OPPORTUNITIES)
    row, column = np.nonzero(possible)
    p_alive = np.full((len(x), len(t_x)), np.nan)
    p_alive[row, column] = model.p_alive(params, x[row], t_x[column], np.full(len(row), age))
    return AliveGrid(
        x=x,
        t_x=t_x,
        p_alive=p_alive,
        x_step=x_step,
        t_x_step=float(t_x[-1] - t_x[-2]) if len(t_x) > 1 else age,
        once=float(model.p_alive(params, np.zeros(1), np.zeros(1), np.full(1, age))[0]),
        age=age,
        time_unit=params.time_unit,
    )


def _ages(age: float, *, whole: bool) -> FloatArray:
    """Where the columns end, equally wide; on whole numbers for a model that knows no others."""
    if whole:
        step = np.ceil(age / _MOST_COLUMNS)
        return np.arange(age, 0, -step)[::-1]
    return np.linspace(0, age, _MOST_COLUMNS + 1)[1:]


def concentration(worth: FloatArray | IntArray) -> Concentration:
    """The curve of what the best customers hold; who is worth less than nothing holds nothing.

    Raises ScoreError when nobody is worth anything.
    """
    held = np.sort(np.maximum(np.asarray(worth, dtype=np.float64), 0.0))[::-1]
    curve = np.append(0.0, np.cumsum(held))
    if not curve[-1] > 0:
        raise ScoreError("nobody is expected to bring anything, so there is no value to share out")
    curve /= curve[-1]
    of_customers, places = np.linspace(0, 1, _POINTS), np.linspace(0, 1, len(curve))
    return Concentration(
        of_customers=of_customers,
        of_value=np.interp(of_customers, places, curve),
        top_decile_share=float(np.interp(0.1, places, curve)),
        customers=len(held),
    )
