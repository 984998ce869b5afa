"""What each customer bought, as the numbers that the models read; money taken back first takes back the sale.

Policy for money, in this order:

1. Only what was known on the as-of day counts: later sales, and later refunds of earlier sales, are left out.
2. Sales of one customer on one local calendar day are one purchase.
3. A refund that names its sale takes that sale's day down. A refund that names none, and what a named day could not
   bear, takes down the customer's latest purchase on or before its day, then the one before, and so on. What no
   purchase can bear (money back for something never seen here) is dropped and summed in `unmatched_minor`.
4. What is kept of a sale (its margin) goes down with it, in proportion.
5. A purchase day that was wholly taken back is no purchase any more. A sale that was free from the start (amount 0) is
   one: the customer came. It adds nothing to the spend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import ScoreError
from engine.score.refunds import IntArray as IntArray
from engine.score.refunds import in_order, runs, take_back

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
TimeUnit = Literal["day", "week", "month"]
Clock = Callable[[FloatArray | IntArray], FloatArray]
"""From calendar days (running numbers) to the days that a model counts; `engine.score.season` makes other ones."""

DAYS_PER_UNIT: Mapping[TimeUnit, float] = MappingProxyType({"day": 1.0, "week": 7.0, "month": 365.25 / 12})


def calendar(days: FloatArray | IntArray) -> FloatArray:
    """The clock on which all days are equally long."""
    return np.asarray(days, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Transactions as they were booked, one row each, in any order; all arrays have the same length.

    customer: an integer per customer. day: local calendar day as a running number (such as `date.toordinal`).
    amount_minor: signed; below zero it is a refund. sale_day: the day of the sale that a refund takes back, 0 for none;
    None when no refund names its sale. kept_minor: what the shop keeps of each sale; None when that is not known row by
    row.
    """

    customer: IntArray
    day: IntArray
    amount_minor: IntArray
    sale_day: IntArray | None = None
    kept_minor: IntArray | None = None

    def take(self, rows: IntArray | BoolArray) -> Log:
        """Some of the rows."""
        return Log(
            customer=self.customer[rows],
            day=self.day[rows],
            amount_minor=self.amount_minor[rows],
            sale_day=None if self.sale_day is None else self.sale_day[rows],
            kept_minor=None if self.kept_minor is None else self.kept_minor[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """Purchase days net of refunds as of a day, one row per customer and day, sorted by both.

    unmatched_minor: refunded money that no known purchase could bear. kept_minor: as in Log.
    """

    customer: IntArray
    day: IntArray
    amount_minor: IntArray
    as_of_day: int
    unmatched_minor: int = 0
    kept_minor: IntArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What all customers of a shop have in common: the share of a sale that is kept, and the mean purchase."""

    margin: float
    purchase_minor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One row per customer with at least one purchase as of a day, sorted by `customer`.

    frequency (x): purchase days after the first. recency (t_x), T: age at the last purchase and age now, in
    `time_unit`s. monetary: mean spend of the repeat days, 0 for a one-time buyer; first_spend: spend of the first day;
    both in whole units of a currency with `exponent` decimals. first_day: that day itself, a running number.
    margin: the share that is kept of a customer's spend, None when only the shop's is known; pooled: what it was drawn
    to. clock, as_of_day: how T was counted, and until when. Raises ScoreError for what no log can give.
    """

    customer: IntArray
    frequency: IntArray
    recency: FloatArray
    T: FloatArray
    monetary: FloatArray
    first_spend: FloatArray
    days_since_purchase: IntArray
    first_day: IntArray
    time_unit: TimeUnit
    exponent: int
    margin: FloatArray | None = None
    pooled: Pooled | None = None
    as_of_day: int = 0
    clock: Clock = calendar

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

    def ahead(self, days: FloatArray) -> FloatArray:
        """How many `time_unit`s of the history's clock lie in the next calendar days."""
        end = self.clock(self.as_of_day + days) - self.clock(np.array([self.as_of_day]))
        return end / DAYS_PER_UNIT[self.time_unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationWindow:
    """What the customers of a history did afterwards, in its order; `length` in `time_unit`s, spend as in History."""

    purchases: IntArray
    spend: FloatArray
    length: float
    time_unit: TimeUnit


def kept(amount_minor: IntArray, cost_minor: FloatArray, margin: float) -> IntArray | None:
    """What is kept of each row: the amount less its cost, or by the shop's margin where the cost is not known (NaN).

    None when no cost is known at all: then the shop's margin is for everybody.
    """
    known = np.isfinite(cost_minor)
    if not known.any():
        return None
    return np.rint(np.where(known, amount_minor - cost_minor, amount_minor * margin)).astype(np.int64)


def net_refunds(log: Log, *, as_of_day: int) -> Purchases:
    """Merge each customer's sales by day and take refunds off them, by the policy on top of this module."""
    known = log.day <= as_of_day
    log = log if known.all() else log.take(known)
    is_sale = log.amount_minor >= 0
    sales = log if is_sale.all() else log.take(is_sale)
    order, customer, day = in_order(sales.customer, sales.day)
    starts, _ = runs(customer, day)
    customer, day = customer[starts], day[starts]
    sold = np.add.reduceat(sales.amount_minor[order], starts) if len(starts) else sales.amount_minor
    left, unmatched = _less_refunds(customer, day, sold, log.take(~is_sale))
    keep = None
    if sales.kept_minor is not None and len(starts):
        whole = np.add.reduceat(sales.kept_minor[order], starts)
        keep = np.rint(whole * np.divide(left, sold, out=np.ones(len(left)), where=sold > 0)).astype(np.int64)
    stays = (sold == 0) | (left > 0)
    if stays.all():
        stays = slice(None)
    return Purchases(
        customer=customer[stays],
        day=day[stays],
        amount_minor=left[stays],
        as_of_day=as_of_day,
        unmatched_minor=unmatched,
        kept_minor=None if keep is None else keep[stays],
    )


def _less_refunds(customer: IntArray, day: IntArray, sold: IntArray, refunds: Log) -> tuple[IntArray, int]:
    if not len(refunds.day):
        return sold, 0
    if not len(customer):
        return sold, -int(refunds.amount_minor.sum())
    return take_back(
        customer,
        day,
        sold,
        refund_customer=refunds.customer,
        refund_day=refunds.day,
        refund=refunds.amount_minor,
        sale_day=np.zeros_like(refunds.day) if refunds.sale_day is None else refunds.sale_day,
    )


def summarise(
    purchases: Purchases,
    *,
    time_unit: TimeUnit = "week",
    exponent: int = 2,
    clock: Clock = calendar,
    pooled: Pooled | None = None,
) -> History:
    """One row per customer: Fader, Hardie & Lee 2005, Marketing Science 24(2), section 2, at day resolution.

    exponent: decimals of the currency (`engine.core.money.exponent`); time_unit: the unit of recency and T. pooled: of
    the whole shop, when these are only some of its customers.
    """
    rows, counts = runs(purchases.customer) if len(purchases.customer) else (purchases.customer, purchases.customer)
    first, last = purchases.day[rows], purchases.day[rows + counts - 1]
    began = clock(first)
    return _history(
        purchases,
        rows,
        counts,
        recency=(clock(last) - began) / DAYS_PER_UNIT[time_unit],
        T=(clock(np.array([purchases.as_of_day])) - began) / DAYS_PER_UNIT[time_unit],
        days_since_purchase=purchases.as_of_day - last,
        first_day=first,
        time_unit=time_unit,
        exponent=exponent,
        clock=clock,
        pooled=pooled,
    )


def summarise_periods(
    purchases: Purchases, *, time_unit: TimeUnit = "month", exponent: int = 2, pooled: Pooled | None = None
) -> History:
    """The same, counted in whole periods since each customer's first purchase: for models of opportunities.

    Period k is the one that lies around k time units after the first purchase, half a unit to each side, so that a
    renewal may come some days early or late. A period that is not over yet is left out. frequency: periods with a
    purchase after the first; recency, T: number of the last such period and of the last one that is over; monetary:
    mean spend of a period with purchases.
    """
    days = DAYS_PER_UNIT[time_unit]
    starts, counts = runs(purchases.customer) if len(purchases.customer) else (purchases.customer, purchases.customer)
    began = np.repeat(purchases.day[starts], counts)
    over = np.maximum(np.floor((purchases.as_of_day - began) / days - 0.5), 0).astype(np.int64)
    period = np.rint((purchases.day - began) / days).astype(np.int64)
    inside = period <= over
    cells, _ = runs(purchases.customer[inside], period[inside]) if len(starts) else (starts, starts)
    keep = purchases.kept_minor
    merged = Purchases(
        customer=purchases.customer[inside][cells],
        day=period[inside][cells],
        amount_minor=_sums(purchases.amount_minor[inside], cells),
        as_of_day=purchases.as_of_day,
        kept_minor=None if keep is None else _sums(keep[inside], cells),
    )
    rows, of_each = runs(merged.customer) if len(starts) else (starts, counts)
    last = merged.day[rows + of_each - 1]
    return _history(
        merged,
        rows,
        of_each,
        recency=last.astype(np.float64),
        T=over[starts].astype(np.float64),
        days_since_purchase=purchases.as_of_day - purchases.day[starts + counts - 1],
        first_day=purchases.day[starts],
        time_unit=time_unit,
        exponent=exponent,
        clock=calendar,
        pooled=pooled,
    )


def _sums(values: IntArray, starts: IntArray) -> IntArray:
    found: IntArray = np.add.reduceat(values, starts) if len(starts) else values
    return found


def _history(
    purchases: Purchases,
    rows: IntArray,
    counts: IntArray,
    *,
    recency: FloatArray,
    T: FloatArray,  # noqa: N803 - the papers' name
    days_since_purchase: IntArray,
    first_day: IntArray,
    time_unit: TimeUnit,
    exponent: int,
    clock: Clock,
    pooled: Pooled | None,
) -> History:
    """What both summaries have in common: whose row it is, how often, and money."""
    major = 10.0**exponent
    total, first_spend = _sums(purchases.amount_minor, rows), purchases.amount_minor[rows]
    margin = None
    if purchases.kept_minor is not None:
        keep = _sums(purchases.kept_minor, rows)
        pooled = pooled or _pooled(total, keep, counts)
        margin = _margins(total, keep, pooled)
    return History(
        customer=purchases.customer[rows],
        frequency=counts - 1,
        recency=recency,
        T=T,
        monetary=(total - first_spend) / (np.maximum(counts - 1, 1) * major),
        first_spend=first_spend / major,
        days_since_purchase=days_since_purchase,
        first_day=first_day,
        time_unit=time_unit,
        exponent=exponent,
        margin=margin,
        pooled=pooled,
        as_of_day=purchases.as_of_day,
        clock=clock,
    )


def _pooled(total: IntArray, keep: IntArray, counts: IntArray) -> Pooled:
    everything = float(total.sum())
    if everything <= 0:
        return Pooled(margin=0.0, purchase_minor=0.0)
    return Pooled(margin=float(keep.sum()) / everything, purchase_minor=everything / float(counts.sum()))


def _margins(total: IntArray, keep: IntArray, pooled: Pooled) -> FloatArray:
    """Each customer's own margin, drawn to the shop's by the weight of one average purchase; never below nothing."""
    weight = total + pooled.purchase_minor
    own = keep + pooled.margin * pooled.purchase_minor
    found: FloatArray = np.clip(np.divide(own, weight, out=np.zeros(len(total)), where=weight > 0), 0.0, 1.0)
    return found


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
    if periods:
        history = summarise_periods(known, time_unit=time_unit, exponent=exponent)
    else:
        history = summarise(known, time_unit=time_unit, exponent=exponent, clock=clock)
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
