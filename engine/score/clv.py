"""From a fitted model to money: what each customer will bring over a horizon, worth today, and where that ranks him.

CLV = margin x spend x sum over months k of (E[Y(t_k)] - E[Y(t_k-1)]) / (1 + rate)^(middle of month k, in years):
Fader, Hardie & Lee 2005, "RFM and CLV", JMR 42(4), with a finite horizon. Purchases fall all over a month, so they are
discounted from its middle, not from its end. Steps are in days and every model carries its unit, so a week is never
taken for a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray, pieces
from engine.score.history import History
from engine.score.interval import futures, interval
from engine.score.models import Model, rows
from engine.score.models.fit import Fit
from engine.score.models.gamma_gamma import GammaGamma, expected_spend
from engine.score.terms import Steps, Terms, monthly_steps

_CHUNK = 1 << 15  # customers at a time


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


_KINDS = dict.fromkeys(("expected_spend_minor", "clv_minor", "clv_low_minor", "clv_high_minor"), np.int64)


def discounted_purchases(model: Model, params: Any, history: History, steps: Steps) -> FloatArray:
    """Sum over the steps of the purchases expected in them times their factor.

    Raises ScoreError when the parameters were fitted in another time unit than the history's.
    """
    alive = model.p_alive(params, history.frequency, history.recency, history.T)
    x, age, pair = rows.pairs(history)
    discounted, _ = _of_steps(model, params, history, x, age, steps)
    return alive * discounted[pair]


def purchases_within(model: Model, params: Any, history: History, length: float) -> FloatArray:
    """Purchases expected of each customer in the next `length` time units of the history."""
    alive = model.p_alive(params, history.frequency, history.recency, history.T)
    x, age, pair = rows.pairs(history)
    expected: FloatArray = alive * _if_alive(model, params, history, x, age, np.array([length]))[0][pair]
    return expected


def _of_steps(
    model: Model, params: Any, history: History, x: FloatArray, age: FloatArray, steps: Steps
) -> tuple[FloatArray, FloatArray]:
    """Of customers with these x and T who still are some: purchases over the horizon, discounted and not."""
    # sum f_k (E_k - E_k-1), gathered by E_k; and E at the end
    weights = steps.factors - np.append(steps.factors[1:], 0.0)
    expected = _if_alive(model, params, history, x, age, history.ahead(steps.end_days))
    return weights @ expected, expected[-1]


def _if_alive(
    model: Model, params: Any, history: History, x: FloatArray, age: FloatArray, ends: FloatArray
) -> FloatArray:
    """E[Y(t)] at several ends of customers with these x and T who are here: (ends, customers).

    What a model expects is P(alive) times what it expects of those alive, and that depends on x and T alone: it is
    computed for customers who bought just now.
    """
    if params.time_unit != history.time_unit:
        raise ScoreError(f"the parameters count {params.time_unit}s, the history {history.time_unit}s")
    expected: FloatArray = model.expected_purchases(params, x, age, age, ends[:, None])
    return expected / model.p_alive(params, x, age, age)


def values(model: Model, buying: Fit[Any], spending: Fit[GammaGamma], history: History, terms: Terms) -> Values:
    """Everything that a score says about the future. Raises ScoreError for mixed time units or money beyond measure."""
    x, age, pair = rows.pairs(history)
    columns: dict[str, NDArray[Any]] = {
        each.name: np.empty(len(history), dtype=_KINDS.get(each.name, np.float64)) for each in fields(Values)
    }
    with ThreadPoolExecutor(2) as threads:
        horizon = float(history.ahead(np.array([terms.horizon_days]))[0])
        drawing = threads.submit(futures, model, buying, spending, x, age, ages=history.T, horizon=horizon)
        discounted, whole = _of_steps(model, buying.params, history, x, age, monthly_steps(terms))
        drawn = drawing.result()

        def look_ahead(some: slice) -> None:
            part, of = history.take(some), pair[some]
            alive = model.p_alive(buying.params, part.frequency, part.recency, part.T)
            spend = expected_spend(spending.params, part.frequency, part.monetary)
            worth = discounted[of] * spend * (terms.margin if part.margin is None else part.margin)
            low, high = interval(drawn, of, alive)
            columns["p_alive"][some] = alive
            columns["expected_purchases"][some] = alive * whole[of]
            columns["expected_spend_minor"][some] = to_minor(spend, history.exponent)
            columns["clv_minor"][some] = to_minor(alive * worth, history.exponent)
            columns["clv_low_minor"][some] = to_minor(low * worth, history.exponent)
            columns["clv_high_minor"][some] = to_minor(high * worth, history.exponent)

        for _ in threads.map(look_ahead, pieces(len(history), _CHUNK)):
            pass  # what one of them raises is raised here
    return Values(**columns | {"percentile": percentiles(columns["clv_minor"])})


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
