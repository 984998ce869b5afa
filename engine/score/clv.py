"""From a fitted model to money: what each customer will bring over a horizon, worth today, and where that ranks him.

CLV = margin x spend x sum over months k of (E[Y(t_k)] - E[Y(t_k-1)]) / (1 + rate)^(middle of month k, in years):
Fader, Hardie & Lee 2005, "RFM and CLV", JMR 42(4), with a finite horizon. Purchases fall all over a month, so they are
discounted from its middle, not from its end. Steps are in days and every model carries its unit, so a week is never
taken for a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.history import History
from engine.score.interval import intervals
from engine.score.models import Model, rows
from engine.score.models.fit import Fit
from engine.score.models.gamma_gamma import GammaGamma, expected_spend
from engine.score.terms import Steps, Terms, monthly_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """One value per customer of the history, in its order.

    expected_purchases: over the horizon, not discounted. expected_spend_minor: per purchase day. clv_minor: discounted,
    after margin; clv_low_minor, clv_high_minor: where it will lie four times out of five (`interval`). percentile:
    0..1 by CLV.
    """

    p_alive: FloatArray
    expected_purchases: FloatArray
    expected_spend_minor: IntArray
    clv_minor: IntArray
    clv_low_minor: IntArray
    clv_high_minor: IntArray
    percentile: FloatArray


def discounted_purchases(model: Model, params: Any, history: History, steps: Steps) -> FloatArray:
    """Sum over the steps of the purchases expected in them times their factor.

    Raises ScoreError when the parameters were fitted in another time unit than the history's.
    """
    alive = model.p_alive(params, history.frequency, history.recency, history.T)
    return alive * if_alive(model, params, history, steps)[0]


def purchases_within(model: Model, params: Any, history: History, length: float) -> FloatArray:
    """Purchases expected of each customer in the next `length` time units of the history."""
    alive = model.p_alive(params, history.frequency, history.recency, history.T)
    expected: FloatArray = alive * _if_alive(model, params, history, np.array([length]))[0]
    return expected


def if_alive(model: Model, params: Any, history: History, steps: Steps) -> tuple[FloatArray, FloatArray]:
    """Of each customer, if he still is one: purchases over the horizon, discounted and not.

    What a model expects is P(alive) times what it expects of those alive, and that depends on x and T alone: it is
    computed once for each distinct pair, for a customer of it who bought just now.
    """
    # sum f_k (E_k - E_k-1), gathered by E_k; and E at the end
    weights = np.stack((steps.factors - np.append(steps.factors[1:], 0.0), np.zeros(len(steps.factors))))
    weights[1, -1] = 1.0
    discounted, whole = _if_alive(model, params, history, history.ahead(steps.end_days), weights)
    return discounted, whole


def _if_alive(
    model: Model, params: Any, history: History, ends: FloatArray, weights: FloatArray | None = None
) -> FloatArray:
    """E[Y(t)] at several ends, or weighted sums of it, of customers who are here: (ends or weights, customers)."""
    if params.time_unit != history.time_unit:
        raise ScoreError(f"the parameters count {params.time_unit}s, the history {history.time_unit}s")
    x, age, pair = rows.pairs(history)
    expected = model.expected_purchases(params, x, age, age, ends[:, None]) / model.p_alive(params, x, age, age)
    found = expected if weights is None else weights @ expected
    return found[:, pair]


def values(model: Model, buying: Fit[Any], spending: Fit[GammaGamma], history: History, terms: Terms) -> Values:
    """Everything that a score says about the future. Raises ScoreError for mixed time units or money beyond measure."""
    discounted, purchases = if_alive(model, buying.params, history, monthly_steps(terms))
    alive = model.p_alive(buying.params, history.frequency, history.recency, history.T)
    spend = expected_spend(spending.params, history.frequency, history.monetary)
    worth = discounted * spend * (terms.margin if history.margin is None else history.margin)
    low, high = intervals(
        model, buying, spending, history, horizon_days=terms.horizon_days, alive=alive, if_alive=worth
    )
    clv = to_minor(alive * worth, history.exponent)
    return Values(
        p_alive=alive,
        expected_purchases=alive * purchases,
        expected_spend_minor=to_minor(spend, history.exponent),
        clv_minor=clv,
        clv_low_minor=to_minor(low, history.exponent),
        clv_high_minor=to_minor(high, history.exponent),
        percentile=percentiles(clv),
    )


def joined(parts: Sequence[tuple[IntArray, Values]]) -> Values:
    """The values of some customers and those of others, each with their rows, as those of all together."""
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    columns = {
        each.name: np.concatenate([getattr(found, each.name) for _, found in parts])[order] for each in fields(Values)
    }
    return Values(**columns | {"percentile": percentiles(columns["clv_minor"])})


def to_minor(amounts: FloatArray, exponent: int) -> IntArray:
    """Whole minor units, half to even. Raises ScoreError for what no account can hold."""
    minor = np.rint(amounts * 10.0**exponent)
    if not (np.abs(minor) < 2.0**63).all():
        raise ScoreError("an expected amount is beyond measure (hint: look for an amount that is far off in the log)")
    return minor.astype(np.int64)


def percentiles(worth: FloatArray | IntArray) -> FloatArray:
    """The share of the other customers who are worth less: 1 for the one best, 0 for the least, ties share theirs.

    Nobody is lifted by a tie, so a tier that starts at 0.95 never holds more than the best twentieth. A customer alone
    in the shop is its best.
    """
    if len(worth) == 1:
        return np.ones(1)
    order, places = _order(worth), np.arange(len(worth))
    ranked = worth[order]
    new = np.append(True, ranked[1:] != ranked[:-1])
    less = np.empty(len(worth))
    less[order] = np.maximum.accumulate(np.where(new, places, 0)) / max(len(worth) - 1, 1)
    return less


def _order(worth: FloatArray | IntArray) -> IntArray:
    """The places from the least to the best; whole numbers are sorted together with their places, which is faster."""
    bits = len(worth).bit_length()
    if worth.dtype.kind == "f" or (int(worth.max()) - int(worth.min())).bit_length() + bits > 62:
        order: IntArray = np.argsort(worth)
        return order
    packed: IntArray = (worth - worth.min()).astype(np.int64)
    packed <<= bits
    packed += np.arange(len(worth))
    packed.sort()
    packed &= (1 << bits) - 1
    return packed


CUSTOMER_FLAGS = (
    "",
    "one_purchase",
    "young",
    "one_purchase|young",
    "unpaid",
    "unpaid|one_purchase",
    "unpaid|young",
    "unpaid|one_purchase|young",
)
"""What is to be known about a customer's own figures, by the number that `customer_flags` gives."""
YOUNG_DAYS = 30


def customer_flags(history: History) -> IntArray:
    """For each customer the sum of 1, he bought once (what is said of him is said of all such); 2, he came less than
    a month ago; 4, he came back and never paid anything."""
    once = history.frequency == 0
    young = history.as_of_day - history.first_day < YOUNG_DAYS
    unpaid = ~once & (history.monetary == 0)
    found: IntArray = once + 2 * young + 4 * unpaid
    return found


def tiers(worth: FloatArray | IntArray, bands: Mapping[str, float]) -> NDArray[np.str_]:
    """The name of the highest band whose lower bound is reached, "" below all; for percentiles as for amounts.

    bands: name to lower bound, in any order. Raises ScoreError when two bands have the same bound.
    """
    names, place = tier_places(worth, bands)
    return np.array(names)[place]


def tier_places(worth: FloatArray | IntArray, bands: Mapping[str, float]) -> tuple[list[str], IntArray]:
    """The same as places in a list of names, the lowest first."""
    names = ["", *sorted(bands, key=lambda name: bands[name])]
    bounds = np.array(sorted(bands.values()), dtype=np.float64)
    if (np.diff(bounds) == 0).any():
        raise ScoreError("two tiers start at the same bound")
    return names, np.searchsorted(bounds, worth, side="right")
