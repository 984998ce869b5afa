"""What customers did after the day on which their history was known: what a model is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.history import History, summed_up
from engine.score.purchase_days import runs
from engine.score.purchases import Log, Purchases, net_refunds
from engine.score.units import DAYS_PER_UNIT, Clock, TimeUnit, calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationWindow:
    """What the customers of a history did afterwards, in its order; `length` in `time_unit`s, spend as in History."""

    purchases: IntArray
    spend: FloatArray
    length: float
    time_unit: TimeUnit


def split(
    log: Log,
    *,
    calibration_end_day: int,
    window_end_day: int,
    time_unit: TimeUnit = "week",
    exponent: int = 2,
    clock: Clock = calendar,
    periods: bool = False,
) -> tuple[History, ValidationWindow]:
    """The history as it was known on one day, and what its customers did from the next day to another.

    A refund in the window that takes back a sale from before the split lowers nothing in the window, and the history
    does not know of it. periods: counted as `summarise_periods` does. Raises ScoreError when the window is empty.
    """
    if window_end_day <= calibration_end_day:
        raise ScoreError("the validation window must end after the calibration period")
    known = net_refunds(log, as_of_day=calibration_end_day)
    later = net_refunds(log, as_of_day=window_end_day)
    history = summed_up(known, periods=periods, time_unit=time_unit, exponent=exponent, clock=clock)
    return history, window_of(later, history, calibration_end_day, periods=periods)


def window_of(
    later: Purchases, history: History, calibration_end_day: int, *, periods: bool = False
) -> ValidationWindow:
    """What the customers of a history did after its end, up to the end of `later`."""
    unit = DAYS_PER_UNIT[history.time_unit]
    inside = later.day > calibration_end_day
    customer, day, amount = later.customer[inside], later.day[inside], later.amount_minor[inside]
    row = np.minimum(np.searchsorted(history.customer, customer), max(len(history) - 1, 0))
    known = history.customer[row] == customer if len(history) else np.zeros(len(customer), dtype=np.bool_)
    row, day, amount = row[known], day[known], amount[known]
    bought = row
    if periods and len(row):
        starts, _ = runs(row, ((day - calibration_end_day - 1) // unit).astype(np.int64))
        bought = row[starts]
    ahead = history.ahead(np.array([later.as_of_day - calibration_end_day], dtype=np.float64))
    return ValidationWindow(
        purchases=np.bincount(bought, minlength=len(history)),
        spend=np.bincount(row, weights=amount, minlength=len(history)) / 10.0**history.exponent,
        length=float(ahead[0]),
        time_unit=history.time_unit,
    )
