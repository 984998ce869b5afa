"""What each customer bought, as the numbers that the models read; money taken back first takes back the sale.

Policy for money, in this order:

1. Only what was known on the as-of day counts: later sales, and later refunds of earlier sales, are left out.
2. Sales of one customer on one local calendar day are one purchase.
3. A refund that names its sale takes that sale's day down. A refund that names none, and what a named day could not
   bear, takes down the customer's latest purchase on or before its day, then the one before, and so on. What no
   purchase can bear (money back for something never seen here) is dropped and summed in `unmatched_minor`.
4. A purchase day that was wholly taken back is no purchase any more. A sale that was free from the start (amount 0) is
   one: the customer came. It adds nothing to the spend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import ScoreError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
TimeUnit = Literal["day", "week", "month"]

DAYS_PER_UNIT: Mapping[TimeUnit, float] = MappingProxyType({"day": 1.0, "week": 7.0, "month": 365.25 / 12})


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Transactions as they were booked, one row each, in any order; all arrays have the same length.

    customer: an integer per customer. day: local calendar day as a running number (such as `date.toordinal`).
    amount_minor: signed; below zero it is a refund. reverses: the row that a refund takes back, -1 for none; an entry
    that is no sale of the same customer counts as -1. None when no refund names its sale.
    """

    customer: IntArray
    day: IntArray
    amount_minor: IntArray
    reverses: IntArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """Purchase days net of refunds as of a day, one row per customer and day, sorted by both.

    unmatched_minor: refunded money that no known purchase could bear.
    """

    customer: IntArray
    day: IntArray
    amount_minor: IntArray
    as_of_day: int
    unmatched_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One row per customer with at least one purchase as of a day, sorted by `customer`.

    frequency (x): purchase days after the first. recency (t_x), T: age at the last purchase and age now, in
    `time_unit`s. monetary: mean spend of the repeat days, 0 for a one-time buyer; first_spend: spend of the first day;
    both in whole units of a currency with `exponent` decimals. Raises ScoreError for what no log can give.
    """

    customer: IntArray
    frequency: IntArray
    recency: FloatArray
    T: FloatArray
    monetary: FloatArray
    first_spend: FloatArray
    days_since_purchase: IntArray
    time_unit: TimeUnit
    exponent: int

    def __post_init__(self) -> None:
        columns = (self.frequency, self.recency, self.T, self.monetary, self.first_spend, self.days_since_purchase)
        if any(column.shape != self.customer.shape for column in columns):
            raise ScoreError("a history needs one value per customer in every column")
        legal = (
            (self.frequency >= 0)
            & (self.recency >= 0)
            & (self.recency <= self.T)
            & np.isfinite(self.T)
            & ((self.frequency > 0) == (self.recency > 0))
            & (self.monetary >= 0)
            & np.isfinite(self.monetary)
        )
        if not legal.all():
            wrong = int(np.flatnonzero(~legal)[0])
            raise ScoreError(
                f"customer {self.customer[wrong]} has a history that no log can give: frequency "
                f"{self.frequency[wrong]}, recency {self.recency[wrong]}, T {self.T[wrong]}, "
                f"monetary {self.monetary[wrong]} (hint: 0 <= recency <= T, recency is 0 only when frequency is)"
            )

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, rows: IntArray | BoolArray) -> History:
        """Some of the customers."""
        columns = {each.name: getattr(self, each.name) for each in fields(self)}
        some = {name: values[rows] for name, values in columns.items() if isinstance(values, np.ndarray)}
        return History(**(columns | some))


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationWindow:
    """What the customers of a history did afterwards, in its order; `length` in `time_unit`s, spend as in History."""

    purchases: IntArray
    spend: FloatArray
    length: float
    time_unit: TimeUnit


def net_refunds(log: Log, *, as_of_day: int) -> Purchases:
    """Merge each customer's sales by day and take refunds off them, by the policy on top of this module."""
    known = log.day <= as_of_day
    sales = np.flatnonzero(known & (log.amount_minor >= 0))
    refunds = np.flatnonzero(known & (log.amount_minor < 0))
    sales = sales[np.lexsort((log.day[sales], log.customer[sales]))]
    customer, day = log.customer[sales], log.day[sales]
    starts, sizes = _runs(customer, day)
    customer, day = customer[starts], day[starts]
    sold = np.add.reduceat(log.amount_minor[sales], starts)
    unmatched = 0
    left = sold
    if len(refunds):
        slot = np.full(len(log.day), -1)
        slot[sales] = np.repeat(np.arange(len(starts)), sizes)
        target = _named_sale_day(log, refunds, slot)
        left, unmatched = _take_back(customer, day, sold, log, refunds, target)
    stays = (sold == 0) | (left > 0)
    return Purchases(
        customer=customer[stays],
        day=day[stays],
        amount_minor=left[stays],
        as_of_day=as_of_day,
        unmatched_minor=unmatched,
    )


def _runs(*keys: IntArray) -> tuple[IntArray, IntArray]:
    """Where each run of equal keys starts, and how long it is."""
    differs = np.ones(len(keys[0]), dtype=np.bool_)
    differs[1:] = np.logical_or.reduce([np.diff(key) != 0 for key in keys])
    starts = np.flatnonzero(differs)
    return starts, np.diff(np.append(starts, len(differs)))


def _named_sale_day(log: Log, refunds: IntArray, slot: IntArray) -> IntArray:
    """For each refund the row in the table of sale days that it names, or -1."""
    if log.reverses is None:
        return np.full(len(refunds), -1)
    named = log.reverses[refunds]
    inside = (named >= 0) & (named < len(slot))
    named = np.where(inside, named, 0)
    honest = inside & (log.customer[named] == log.customer[refunds])
    return np.where(honest, slot[named], -1)


def _take_back(
    customer: IntArray, day: IntArray, sold: IntArray, log: Log, refunds: IntArray, target: IntArray
) -> tuple[IntArray, int]:
    """What is left of each sale day, and the refunded money that none could bear."""
    named, open_ = target >= 0, target < 0
    wanted = np.zeros_like(sold)
    np.add.at(wanted, target[named], -log.amount_minor[refunds[named]])
    left = np.maximum(sold - wanted, 0)
    over = np.flatnonzero(wanted > sold)
    back_customer = np.concatenate((log.customer[refunds[open_]], customer[over]))
    back_day = np.concatenate((log.day[refunds[open_]], day[over]))
    back = np.concatenate((log.amount_minor[refunds[open_]], (sold - wanted)[over]))
    touched = np.flatnonzero(np.isin(customer, back_customer))
    moves_customer = np.concatenate((customer[touched], back_customer))
    moves_day = np.concatenate((day[touched], back_day))
    moves = np.concatenate((left[touched], back))
    order = np.lexsort((moves < 0, moves_day, moves_customer))  # on one day the sale comes before the refund
    remaining = np.empty_like(moves)
    remaining[order], unmatched = _unwind(moves_customer[order], moves[order])
    left[touched] = remaining[: len(touched)]
    return left, unmatched


def _unwind(group: IntArray, moves: IntArray) -> tuple[IntArray, int]:
    """Last in, first out, for all groups at once: what is left of each positive move after the negative ones.

    The pile of money in a group is the running sum, reflected at zero (nothing can be taken from an empty pile). Of a
    move there stays what the pile never sinks below from then on.
    """
    starts, sizes = _runs(group)
    before = np.append(0, np.cumsum(moves))
    running = before[1:] - np.repeat(before[starts], sizes)
    missing = np.minimum(_running_minimum(running, sizes), 0)
    pile = running - missing
    floor = _running_minimum(pile[::-1], sizes[::-1])[::-1]
    ends = starts + sizes - 1
    return np.maximum(floor - (pile - np.maximum(moves, 0)), 0), int(-missing[ends].sum())


def _running_minimum(values: IntArray, sizes: IntArray) -> IntArray:
    """The running minimum that starts anew in each group; on ranks, so that no amount can overflow."""
    distinct, rank = np.unique(values, return_inverse=True)
    shift = np.repeat(np.arange(len(sizes)) * len(distinct), sizes)
    lowest = np.minimum.accumulate(rank - shift) + shift
    found: IntArray = distinct[lowest]
    return found


def summarise(purchases: Purchases, *, time_unit: TimeUnit = "week", exponent: int = 2) -> History:
    """One row per customer: Fader, Hardie & Lee 2005, Marketing Science 24(2), section 2, at day resolution.

    exponent: decimals of the currency (`engine.core.money.exponent`); time_unit: the unit of recency and T.
    """
    first, counts = _runs(purchases.customer)
    last = first + counts - 1
    x = counts - 1
    total = np.add.reduceat(purchases.amount_minor, first)
    first_spend = purchases.amount_minor[first]
    unit, major = DAYS_PER_UNIT[time_unit], 10.0**exponent
    return History(
        customer=purchases.customer[first],
        frequency=x,
        recency=(purchases.day[last] - purchases.day[first]) / unit,
        T=(purchases.as_of_day - purchases.day[first]) / unit,
        monetary=(total - first_spend) / (np.maximum(x, 1) * major),
        first_spend=first_spend / major,
        days_since_purchase=purchases.as_of_day - purchases.day[last],
        time_unit=time_unit,
        exponent=exponent,
    )


def split(
    log: Log, *, calibration_end_day: int, window_end_day: int, time_unit: TimeUnit = "week", exponent: int = 2
) -> tuple[History, ValidationWindow]:
    """The history as it was known on one day, and what its customers did from the next day to another.

    A refund in the window that takes back a sale from before the split lowers nothing in the window, and the history
    does not know of it. Raises ScoreError when the window is empty.
    """
    if window_end_day <= calibration_end_day:
        raise ScoreError("the validation window must end after the calibration period")
    history = summarise(net_refunds(log, as_of_day=calibration_end_day), time_unit=time_unit, exponent=exponent)
    later = net_refunds(log, as_of_day=window_end_day)
    row = np.searchsorted(history.customer, later.customer)
    known = np.append(history.customer, -1)[row] == later.customer
    inside = (later.day > calibration_end_day) & known & (row < len(history))
    window = ValidationWindow(
        purchases=np.bincount(row[inside], minlength=len(history)),
        spend=np.bincount(row[inside], weights=later.amount_minor[inside], minlength=len(history)) / 10.0**exponent,
        length=(window_end_day - calibration_end_day) / DAYS_PER_UNIT[time_unit],
        time_unit=time_unit,
    )
    return history, window
