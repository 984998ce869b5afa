"""What each customer bought on which day; money taken back first takes back the sale.

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

from dataclasses import dataclass

import numpy as np

from engine.score.arrays import BoolArray, FloatArray, IntArray
from engine.score.purchase_days import merged
from engine.score.refunds import take_back


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


def kept(amount_minor: IntArray, cost_minor: FloatArray, margin: float, *, priced: bool = False) -> IntArray | None:
    """What is kept of each row: the amount less its cost, or by the shop's margin where the cost is not known (NaN).

    None when no cost is known at all: then the shop's margin is for everybody. priced: the shop knows some costs, if
    none of these rows'.
    """
    known = np.isfinite(cost_minor)
    if not (priced or known.any()):
        return None
    return np.rint(np.where(known, amount_minor - cost_minor, amount_minor * margin)).astype(np.int64)


def net_refunds(log: Log, *, as_of_day: int) -> Purchases:
    """Merge each customer's sales by day and take refunds off them, by the policy on top of this module."""
    known = log.day <= as_of_day
    log = log if known.all() else log.take(known)
    is_sale = log.amount_minor >= 0
    sales = log if is_sale.all() else log.take(is_sale)
    moneys = (sales.amount_minor,) if sales.kept_minor is None else (sales.amount_minor, sales.kept_minor)
    customer, day, (sold, *whole) = merged(sales.customer, sales.day, *moneys)
    left, unmatched = _less_refunds(customer, day, sold, log.take(~is_sale))
    keep = None
    if whole:
        keep = np.rint(whole[0] * np.divide(left, sold, out=np.ones(len(left)), where=sold > 0)).astype(np.int64)
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
