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
from engine.score.history import History
from engine.score.models.fit import Fit
from engine.score.models.gamma_gamma import GammaGamma
from engine.score.models.model import Model
from engine.score.models.rows import ticked_off

LEVEL = 0.80
_SHOPS, _DRAWS, _AGES, _LEVELS = 24, 40, 10, 201
_SEED = 20050501
_ENOUGH = 100_000  # ages of so many customers say where those of all lie


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Futures of customers who are here, relative to their mean: quantiles at `levels` for each node, and how likely
    nothing is; `node` is each customer's."""

    quantiles: FloatArray
    nothing: FloatArray
    node: IntArray


def intervals(
    model: Model,
    buying: Fit[Any],
    spending: Fit[GammaGamma],
    history: History,
    *,
    horizon_days: float,
    alive: FloatArray,
    if_alive: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The lower and the upper end for each customer, in the unit of `if_alive`.

    alive: P(alive). if_alive: the expected value of the horizon of each customer if he is still one. The same history
    gives the same interval: chance has a fixed seed.
    """
    grid = _grid(model, buying, spending, history, float(history.ahead(np.array([horizon_days]))[0]))
    none = 1 - alive * (1 - grid.nothing[grid.node])
    tail = (1 - LEVEL) / 2
    from_zero = none > tail
    high = _quantile(grid, alive, np.where(from_zero, LEVEL, 1 - tail))
    low = np.where(from_zero, 0.0, _quantile(grid, alive, np.full(len(alive), tail)))
    return low * if_alive, high * if_alive


def _quantile(grid: _Grid, alive: FloatArray, level: FloatArray) -> FloatArray:
    """The relative future that is exceeded with 1 - level, of customers who may have left."""
    with np.errstate(divide="ignore"):
        inside = np.clip(1 - (1 - level) / alive, 0.0, 1.0) * (_LEVELS - 1)
    below = np.minimum(inside.astype(np.int64), _LEVELS - 2)
    at = grid.node * _LEVELS + below
    flat = grid.quantiles.ravel()
    share = inside - below
    return flat[at] * (1 - share) + flat[at + 1] * share


def _grid(model: Model, buying: Fit[Any], spending: Fit[GammaGamma], history: History, horizon: float) -> _Grid:
    counts, of_count = _count_nodes(history.frequency)
    some = history.T[:: max(len(history) // _ENOUGH, 1)]
    ages = np.unique(np.quantile(some, np.linspace(0.05, 0.95, _AGES)))
    of_age = np.searchsorted((ages[1:] + ages[:-1]) / 2, history.T)
    taken, node = ticked_off(of_count * len(ages) + of_age, len(counts) * len(ages))
    x, age = counts[taken // len(ages)], ages[taken % len(ages)]
    if model.OPPORTUNITIES:  # nobody can have come more often than there were occasions
        age = np.maximum(np.rint(age), x)
    mean = model.expected_purchases(buying.params, x, age, age, horizon) / model.p_alive(buying.params, x, age, age)
    mean = np.maximum(mean, 1e-300) * spending.params.p / (spending.params.p * x + spending.params.q - 1)
    futures = _futures(model, buying, spending, x, age, horizon) / mean[:, None]
    levels = np.linspace(0, 1, _LEVELS)
    return _Grid(
        quantiles=np.quantile(futures, levels, axis=1).T,
        nothing=(futures == 0).mean(axis=1),
        node=node,
    )


def _count_nodes(frequency: IntArray) -> tuple[FloatArray, IntArray]:
    """Purchase counts that stand for all: each one up to ten, then some in every doubling; and each customer's."""
    most = int(frequency.max(initial=0))
    more = np.unique(np.rint(np.geomspace(10, max(most, 11), 1 + 4 * max(int(np.log2(max(most, 11) / 10)), 1))))
    counts = np.concatenate((np.arange(10.0), more))
    nearest = np.searchsorted((counts[1:] + counts[:-1]) / 2, np.arange(most + 1.0))
    return counts, nearest[frequency]


def _futures(
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
