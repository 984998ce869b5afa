"""The closed forms that managers use: arithmetic on averages, each with what it leaves out.

They are shown beside a model, never instead of one. All of them know one average customer: who bought yesterday and
who left three years ago are worth the same. Money is in one currency, rates are per period (a year, unless the
formula says otherwise) and shares are fractions: 0.30, not 30. Arguments broadcast; results are arrays of float64, of
no dimension when every argument is a number. A value outside its legal range, or a result beyond measure, is a
ScoreError.

The first five come from practice and have no author; their sources are pages that work them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import ScoreError
from engine.score.arrays import FloatArray
from engine.score.units import DAYS_PER_UNIT

DAYS_PER_YEAR = 12 * DAYS_PER_UNIT["month"]


def order_value_clv(order_value: ArrayLike, purchases_per_year: ArrayLike, lifespan_years: ArrayLike) -> FloatArray:
    """Order value x frequency x lifespan: the revenue of a customer's whole time with the shop.

    Formula: CLV = average order value * purchases per year * years.
    Leaves out: costs, margin, interest, and that most customers leave early while a few stay for long.
    Example: 100 an order, 4 orders a year, 3 years: 100 * 4 * 3 = 1200.
    Source: blankgrowth.pages.dev/glossario/lifetime-value, with these numbers.
    """
    return _product(
        _checked("the order value", order_value),
        _checked("the purchases per year", purchases_per_year, least=0),
        _checked("the lifespan", lifespan_years, least=0),
    )


def annual_profit_clv(annual_profit: ArrayLike, years: ArrayLike, acquisition_cost: ArrayLike = 0.0) -> FloatArray:
    """Annual profit contribution x years - acquisition cost: what is left once the customer has been paid for.

    Formula: CLV = profit contribution per year * mean years - acquisition cost.
    Leaves out: interest (the fifth year counts as much as the first), and the chance of leaving earlier than the mean.
    Example: 1000 a year for 5 years, 300 to win the customer: 1000 * 5 - 300 = 4700.
    Source: shorttutorials.com, "How to calculate customer lifetime value" (10000 * 5 - 5000 = 45000).
    """
    earned = _product(_checked("the annual profit", annual_profit), _checked("the years", years, least=0))
    return _less(earned, acquisition_cost)


def retained_sales_clv(sale_value: ArrayLike, transactions: ArrayLike, retention_rate: ArrayLike) -> FloatArray:
    """Sale value x transactions x retention rate: past sales, taken down by the share of customers who come back.

    Formula: LV = average sale * transactions * retention rate, the rate being that of the time of the transactions.
    Leaves out: everything after the next period, costs, interest. With a rate of 1 it is the past revenue.
    Example: 50 a sale, 6 transactions, 60 % come back: 50 * 6 * 0.6 = 180.
    Source: feverbee.com, "Calculating customer lifetime value", which multiplies by a margin too.
    """
    return _product(
        _checked("the sale value", sale_value),
        _checked("the transactions", transactions, least=0),
        _checked("the retention rate", retention_rate, least=0, most=1),
    )


def revenue_per_customer(revenue: ArrayLike, customers: ArrayLike) -> FloatArray:
    """Revenue / customers of a period: what reports of online shops call LTV.

    Formula: LTV = total revenue in the period / distinct customers in the period.
    Leaves out: the future, costs, and how long each customer has been there; a longer period alone makes it grow.
    Example: 250000 from 2357 customers: 250000 / 2357 = 106.07.
    Source: none but the custom of such reports; the customers are those of the CDNOW sample.
    """
    return _quotient(_checked("the revenue", revenue), _checked("the number of customers", customers, above=0))


def margin_clv(clv: ArrayLike, margin: ArrayLike) -> FloatArray:
    """CLV x margin: turns a value in revenue into one in profit.

    Formula: CLV in profit = CLV in revenue * profit margin.
    Leaves out: costs that do not grow with sales (service, acquisition), and products that earn more than others.
    Example: 1200 at a margin of 30 %: 1200 * 0.3 = 360.
    Source: feverbee.com, "Calculating customer lifetime value" (630 * 0.3 = 189).
    """
    return _product(_checked("the CLV", clv), _checked("the margin", margin, least=0, most=1))


def retention_clv(
    margin: ArrayLike,
    retention_rate: ArrayLike,
    discount_rate: ArrayLike,
    later_periods: ArrayLike,
    acquisition_cost: ArrayLike = 0.0,
) -> FloatArray:
    """Margin with retention and discount over some periods: a customer who renews, or not, each time.

    Formula: CLV = sum for t = 0..n of m * r^t / (1 + d)^t, less acquisition cost; the first margin comes now (t = 0,
    undiscounted and certain), n later periods may follow; r and d are per period.
    Leaves out: that those who stayed long stay more surely (r is the same for all), and that purchases without a
    contract have no moment of renewal.
    Example: margin 100 a year, retention 80 %, discount 10 %, 2 more years, 50 to win the customer:
    100 + 72.73 + 52.89 - 50 = 175.62.
    Source: Fader & Hardie, "Reconciling and Clarifying CLV Formulas", note 024, 2012, case 1, cut after n.
    """
    lost = _lost(retention_rate, discount_rate)
    terms = _checked("the later periods", later_periods, least=0) + 1
    if (terms != np.floor(terms)).any():
        raise ScoreError("the later periods must be a whole number")
    with np.errstate(all="ignore"):  # (1 - (1 - lost)^terms) / lost, without losing digits where lost is near 0
        margins = np.where(lost == 0, terms, np.expm1(terms * np.log1p(-lost)) / np.where(lost == 0, 1.0, -lost))
    return _less(_product(_checked("the margin", margin), margins), acquisition_cost)


def retention_clv_forever(
    margin: ArrayLike, retention_rate: ArrayLike, discount_rate: ArrayLike, acquisition_cost: ArrayLike = 0.0
) -> FloatArray:
    """Margin with retention and discount without an end: `retention_clv` for n to infinity.

    Formula: CLV = m * (1 + d) / (1 + d - r), less acquisition cost; exists only if r < 1 + d.
    Leaves out: what `retention_clv` leaves out, and that no shop and no customer is forever.
    Example: margin 100 a year, retention 80 %, discount 10 %: 100 * 1.1 / (1.1 - 0.8) = 366.67.
    Source: Fader & Hardie, "Reconciling and Clarifying CLV Formulas", note 024, 2012, equation 1.
    """
    lost = _lost(retention_rate, discount_rate)
    if not (lost > 0).all():
        raise ScoreError(
            "retention without an end is worth infinitely much: it needs 1 + discount rate > retention rate "
            "(hint: a discount rate such as 0.10)"
        )
    return _less(_quotient(_checked("the margin", margin), lost), acquisition_cost)


def by_closed_forms(
    *,
    revenue: float,
    purchases: float,
    customers: float,
    span_days: float,
    mean_observed_days: float,
    margin: float = 1.0,
) -> Mapping[str, float]:
    """Those of the closed forms that a plain log allows, from its totals.

    revenue: net of refunds. purchases: purchase days, first ones included. span_days: from the first day of the log to
    the day as of which it is read, both counted. mean_observed_days: mean over all customers of the days between first
    and last purchase, 0 for one-time buyers. margin: the share of a sale that is kept.

    Two of them lean low. ``purchases_per_customer_year`` spreads the purchases over the whole log, although many
    customers came late in it. ``observed_lifespan_years`` ends with the last purchase so far: customers who will come
    back are counted as if they had left. So does the CLV that multiplies the two.
    """
    years = _checked("the span in days", span_days, above=0) / DAYS_PER_YEAR
    lifespan = _checked("the mean observed days", mean_observed_days, least=0, most=span_days) / DAYS_PER_YEAR
    bought = _checked("the purchases", purchases, above=0)
    order_value = _quotient(_checked("the revenue", revenue), bought)
    frequency = _quotient(bought, _product(_checked("the number of customers", customers, above=0), years))
    clv = order_value_clv(order_value, frequency, lifespan)
    found = {
        "average_order_value": order_value,
        "purchases_per_customer_year": frequency,
        "observed_lifespan_years": lifespan,
        "revenue_per_customer": revenue_per_customer(revenue, customers),
        "order_value_clv": clv,
        "margin_clv": margin_clv(clv, margin),
    }
    return {name: float(value) for name, value in found.items()}


def _checked(
    name: str, value: ArrayLike, *, least: float = -np.inf, most: float = np.inf, above: float = -np.inf
) -> FloatArray:
    """The value as floats; ScoreError with the first one that is no number or outside its range."""
    found = np.asarray(value, dtype=np.float64)
    legal = np.isfinite(found) & (found >= least) & (found <= most) & (found > above)
    if not legal.all():
        bounds = ((f" from {least:g} to {most:g}", most), (f" >= {least:g}", least), (f" > {above:g}", above))
        allowed = next((words for words, bound in bounds if np.isfinite(bound)), "")
        raise ScoreError(f"{name} must be a number{allowed}, not {found[~legal].flat[0]:g}")
    return found


def _lost(retention_rate: ArrayLike, discount_rate: ArrayLike) -> FloatArray:
    """How much less than now a margin is worth that is due one period later: 1 - r / (1 + d)."""
    retention = _checked("the retention rate", retention_rate, least=0, most=1)
    grown = 1 + _checked("the discount rate", discount_rate, above=-1)
    return np.asarray((grown - retention) / grown)


def _product(*factors: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        return _measurable(reduce(np.multiply, factors))


def _quotient(whole: FloatArray, parts: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return _measurable(whole / parts)


def _measurable(value: FloatArray) -> FloatArray:
    if not np.isfinite(value).all():
        raise ScoreError("a closed form gives an amount beyond measure (hint: look for a number that is far off)")
    return np.asarray(value)


def _less(earned: FloatArray, acquisition_cost: ArrayLike) -> FloatArray:
    cost = _checked("the acquisition cost", acquisition_cost, least=0)
    with np.errstate(over="ignore"):
        return _measurable(earned - cost)
