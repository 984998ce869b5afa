"""The numbers behind the pictures of a score: few enough to draw, however large the shop. Nothing is drawn here.

The decile picture needs no numbers of its own: it shows `engine.score.validate.Figures.deciles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ScoreError
from engine.score.history import (
    DAYS_PER_UNIT,
    Clock,
    FloatArray,
    History,
    IntArray,
    Purchases,
    TimeUnit,
    ValidationWindow,
    calendar,
)
from engine.score.models import Model

_MOST_COLUMNS, _MOST_ROWS = 60, 40
_POINTS = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Repeat purchases of all `customers` together since the first of them came, at the end of each week of seven days,
    of the calibration, and of all. `day` and `calibration_end_day` count as in the log."""

    day: IntArray
    actual: IntArray
    expected: FloatArray
    calibration_end_day: int | None
    customers: int


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


def tracking(
    purchases: Purchases,
    model: Model,
    params: Any,
    *,
    calibration_end_day: int | None = None,
    clock: Clock = calendar,
) -> Tracking:
    """What happened up to the purchases' as-of day, beside what the model expects of newcomers since they came.

    Expected of a customer: E[X(time since the first purchase)], as in the tracking plot of Fader, Hardie & Lee 2005;
    computed once for each number of days. With a calibration_end_day only those who had come by then are followed.
    Raises ScoreError when nobody is there to be followed.
    """
    newcomer = np.diff(purchases.customer, prepend=purchases.customer[:1] - 1) != 0
    came = purchases.day[newcomer][np.cumsum(newcomer) - 1]
    known = came <= (purchases.as_of_day if calibration_end_day is None else calibration_end_day)
    if not known.any():
        raise ScoreError("nobody had bought anything by the end of the calibration, so there is nothing to track")
    start = int(came[known].min())
    newcomers = np.bincount(purchases.day[known & newcomer] - start)
    again = ~newcomer
    if model.OPPORTUNITIES:  # several purchases around one opportunity are one, as in `summarise_periods`
        again &= np.diff(np.rint((purchases.day - came) / DAYS_PER_UNIT[params.time_unit]), prepend=-1) != 0
    repeats = np.bincount(purchases.day[known & again] - start, minlength=purchases.as_of_day - start + 1)
    shown = _ends_of_weeks(start, purchases.as_of_day, calibration_end_day)
    return Tracking(
        day=shown,
        actual=np.cumsum(repeats)[shown - start],
        expected=_expected(model, params, newcomers, start, shown, clock),
        calibration_end_day=calibration_end_day,
        customers=int(newcomers.sum()),
    )


def _ends_of_weeks(start: int, as_of_day: int, calibration_end_day: int | None) -> IntArray:
    """The last days of whole weeks since the start, and the two days that matter."""
    days = np.append(np.arange(start + 6, as_of_day, 7), as_of_day)
    if calibration_end_day is not None and calibration_end_day < as_of_day:
        days = np.union1d(days, calibration_end_day)
    return days


def _expected(model: Model, params: Any, newcomers: IntArray, start: int, shown: IntArray, clock: Clock) -> FloatArray:
    """Repeat purchases expected by each day shown, of the newcomers of each day since the start; between whole days on
    the clock the model is taken as straight. An opportunity is met somewhere in the middle of its period."""
    days = np.flatnonzero(newcomers)
    came, now = clock(start + days), clock(shown)
    since = np.arange(np.ceil(now[-1] - came[0]) + 2)
    ends = since / DAYS_PER_UNIT[params.time_unit]
    if model.OPPORTUNITIES:
        ends = np.maximum(ends - 0.5, 0.0)
    nobody = np.zeros(1)
    of_one = model.expected_purchases(params, nobody, nobody, nobody, ends[:, None])[:, 0]
    return np.array([newcomers[days] @ np.interp(day - came, since, of_one) for day in now])


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
