"""Each customer's past as the few numbers that the models read: how often, until when, how long ago, how much."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from engine.errors import ScoreError
from engine.score.arrays import BoolArray, FloatArray, IntArray
from engine.score.purchase_days import runs
from engine.score.purchases import Purchases
from engine.score.units import DAYS_PER_UNIT, Clock, TimeUnit, calendar


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

    def take(self, rows: IntArray | BoolArray | slice) -> History:
        """Some of the customers."""
        columns = {each.name: getattr(self, each.name) for each in fields(self)}
        some = {name: values[rows] for name, values in columns.items() if isinstance(values, np.ndarray)}
        return History(**(columns | some))

    def ahead(self, days: FloatArray) -> FloatArray:
        """How many `time_unit`s of the history's clock lie in the next calendar days."""
        end = self.clock(self.as_of_day + days) - self.clock(np.array([self.as_of_day]))
        return end / DAYS_PER_UNIT[self.time_unit]


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


def summed_up(
    purchases: Purchases,
    *,
    periods: bool,
    time_unit: TimeUnit,
    exponent: int,
    clock: Clock = calendar,
    pooled: Pooled | None = None,
) -> History:
    """Purchases as a model reads them: in whole periods, which know no clock, or in time."""
    if periods:
        return summarise_periods(purchases, time_unit=time_unit, exponent=exponent, pooled=pooled)
    return summarise(purchases, time_unit=time_unit, exponent=exponent, clock=clock, pooled=pooled)


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
