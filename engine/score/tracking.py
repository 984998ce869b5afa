"""All repeat purchases together, week by week: what happened, and what the model expects. Nothing is drawn here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.models import Model
from engine.score.purchases import Purchases
from engine.score.units import DAYS_PER_UNIT, Clock, calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Repeat purchases of all `customers` together since the first of them came, at the end of each week of seven days,
    of the calibration, and of all. `day` and `calibration_end_day` count as in the log."""

    day: IntArray
    actual: IntArray
    expected: FloatArray
    calibration_end_day: int | None
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
