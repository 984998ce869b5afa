"""Between which amounts what a customer brings will lie, four times out of five.

The interval is predictive: it holds the luck of the next months (how often, how much), that he may have left already or
leave, what is not known of him, and what is not known of the shop (parameters are drawn from their covariance). Where
no purchase at all is likelier than one in ten, the interval starts at zero and ends at the 80th percentile; elsewhere
it leaves a tenth out at either end. Where nothing is likelier than 80 %, it is nothing at all.

Of customers who are still here, the future relative to its mean depends on x and T (nearly) alone: it is drawn for a
grid of them, and each customer takes the nearest, times his own mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.score.arrays import FloatArray, IntArray
from engine.score.models.fit import Fit
from engine.score.models.gamma_gamma import GammaGamma
from engine.score.models.model import Model

LEVEL = 0.80
_SHOPS, _DRAWS, _AGES, _LEVELS = 24, 40, 10, 201
_SEED = 20050501
_ENOUGH = 100_000  # ages of so many customers say where those of all lie


@dataclass(frozen=True, slots=True, kw_only=True)
class Futures:
    """What may come of customers who are here, relative to its mean: quantiles at `_LEVELS` levels for each node of a
    grid, and how likely nothing is; `node` is that of each pair of x and T."""

    quantiles: FloatArray
    nothing: FloatArray
    node: IntArray


def futures(
    model: Model,
    buying: Fit[Any],
    spending: Fit[GammaGamma],
    x: FloatArray,
    age: FloatArray,
    *,
    ages: FloatArray,
    horizon: float,
) -> Futures:
    """Drawn futures for pairs of x and T. ages: of everybody; horizon: in the model's time unit.

    The same history gives the same futures: chance has a fixed seed.
    """
    counts, of_count = _count_nodes(x.astype(np.int64))
    some = ages[:: max(len(ages) // _ENOUGH, 1)]
    nodes = np.unique(np.quantile(some, np.linspace(0.05, 0.95, _AGES)))
    of_age = np.searchsorted((nodes[1:] + nodes[:-1]) / 2, age)
    taken, node = np.unique(of_count * len(nodes) + of_age, return_inverse=True)
    x, age = counts[taken // len(nodes)], nodes[taken % len(nodes)]
    if model.OPPORTUNITIES:  # nobody can have come more often than there were occasions
        age = np.maximum(np.rint(age), x)
    mean = model.expected_purchases(buying.params, x, age, age, horizon) / model.p_alive(buying.params, x, age, age)
    mean = np.maximum(mean, 1e-300) * spending.params.p / (spending.params.p * x + spending.params.q - 1)
    drawn = _drawn(model, buying, spending, x, age, horizon) / mean[:, None]
    return Futures(
        quantiles=_quantiles(drawn),
        nothing=(drawn == 0).mean(axis=1),
        node=node,
    )


def _quantiles(drawn: FloatArray) -> FloatArray:
    """Of each row at `_LEVELS` levels, between its values as numpy.quantile; to sort them is four times as fast."""
    ranked = np.sort(drawn, axis=1)
    place = np.linspace(0, 1, _LEVELS) * (ranked.shape[1] - 1)
    below = np.minimum(place.astype(np.int64), ranked.shape[1] - 2)
    low, high, share = ranked[:, below], ranked[:, below + 1], place - below
    found: FloatArray = np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))
    return found


def interval(drawn: Futures, pair: IntArray, alive: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The lower and the upper end for customers of these pairs, over what is expected of each if he is still here.

    alive: P(alive).
    """
    node = drawn.node[pair]
    none = 1 - alive * (1 - drawn.nothing[node])
    tail = (1 - LEVEL) / 2
    from_zero = none > tail
    high = _quantile(drawn, node, alive, np.where(from_zero, LEVEL, 1 - tail))
    low = np.where(from_zero, 0.0, _quantile(drawn, node, alive, np.full(len(alive), tail)))
    return low, high


def _quantile(drawn: Futures, node: IntArray, alive: FloatArray, level: FloatArray) -> FloatArray:
    """The relative future that is exceeded with 1 - level, of customers who may have left."""
    with np.errstate(divide="ignore"):
        inside = np.clip(1 - (1 - level) / alive, 0.0, 1.0) * (_LEVELS - 1)
    below = np.minimum(inside.astype(np.int64), _LEVELS - 2)
    at = node * _LEVELS + below
    flat = drawn.quantiles.ravel()
    share = inside - below
    return flat[at] * (1 - share) + flat[at + 1] * share


def _count_nodes(frequency: IntArray) -> tuple[FloatArray, IntArray]:
    """Purchase counts that stand for all: each one up to ten, then some in every doubling; and each customer's."""
    most = int(frequency.max(initial=0))
    more = np.unique(np.rint(np.geomspace(10, max(most, 11), 1 + 4 * max(int(np.log2(max(most, 11) / 10)), 1))))
    counts = np.concatenate((np.arange(10.0), more))
    nearest = np.searchsorted((counts[1:] + counts[:-1]) / 2, np.arange(most + 1.0))
    return counts, nearest[frequency]


def _drawn(
    model: Model, buying: Fit[Any], spending: Fit[GammaGamma], x: FloatArray, age: FloatArray, horizon: float
) -> FloatArray:
    """Money of customers like each node who are here, in units of what scales their own rate; (nodes, draws)."""
    chance = np.random.default_rng(_SEED)
    drawn = np.empty((len(x), _SHOPS * _DRAWS))
    buyers, spenders = _scatter(buying, chance), _scatter(spending, chance)
    for shop, (params, money) in enumerate(zip(buyers, spenders, strict=True)):
        many = np.repeat(x[:, None], _DRAWS, axis=1)
        bought = model.draw(params, many, age[:, None], horizon, chance)
        scale = chance.gamma(money.q + money.p * many)
        drawn[:, shop * _DRAWS : (shop + 1) * _DRAWS] = chance.gamma(money.p * bought) / scale
    return drawn


def _scatter(fitted: Fit[Any], chance: np.random.Generator) -> list[Any]:
    """Parameters as the log leaves them uncertain, in pairs around the best."""
    names = [name for name in fitted.params.__dataclass_fields__ if name != "time_unit"]
    best = np.log([getattr(fitted.params, name) for name in names])
    if fitted.covariance.shape != (len(names), len(names)):
        return [fitted.params] * _SHOPS
    values, axes = np.linalg.eigh(fitted.covariance)
    away = chance.standard_normal((_SHOPS // 2, len(names))) * np.sqrt(np.maximum(values, 0)) @ axes.T
    logs = best + np.concatenate((away, -away))
    unit = {"time_unit": fitted.params.time_unit} if "time_unit" in fitted.params.__dataclass_fields__ else {}
    found = []
    for point in np.exp(np.clip(logs, -18, 18)).tolist():
        named = dict(zip(names, point, strict=True))
        if "q" in named:
            named["q"] = max(named["q"], 1.05)  # below it the spend has no mean
        found.append(type(fitted.params)(**named, **unit))
    return found
