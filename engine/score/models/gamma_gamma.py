"""Gamma-Gamma: what a customer spends on a purchase day, his own mean pulled towards the mean of all.

Fader & Hardie, "The Gamma-Gamma Model of Monetary Value", note 025, 2013. Each spend is a gamma with shape
p and a rate that differs between customers as a gamma (q, v). The spend must not depend on how often one buys.

Fitted on the repeat purchase days (x of them, mean spend m) of customers who came back and spent something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, psi  # type: ignore[import-untyped]  # scipy ships no types

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.history import History
from engine.score.models.fit import ENOUGH_REPEATERS, SAMPLE, Fit, Objective, refuse_impossible, settle
from engine.score.models.model import Prior, Space, refuse_unless_positive

# Fits run in units of the mean spend. The prior's mean spend, p v / (q - 1), is 1: the mean of the shop itself.
_PRIOR = Prior(centre=(6.0, 4.0, 0.5), deviation=(1.0, 1.0, 1.0))
_SPACE = Space(names=("p", "q", "v"), lowest=(1e-3, 1e-3, 1e-5), highest=(1e5, 1e5, 1e5))
_SMALLEST_Q = 1.05  # at q = 1 the mean over customers is infinite, and close above it is far over anything seen


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaGamma:
    """The parameters, all positive (else ScoreError); v is in whole units of the currency, p and q have no unit."""

    p: float
    q: float
    v: float

    def __post_init__(self) -> None:
        refuse_unless_positive("Gamma-Gamma", self)


def log_likelihood(params: GammaGamma, history: History) -> tuple[float, FloatArray]:
    """Note 025, the density of an observed mean, over those who came back and spent; its gradient by (p, q, v)."""
    return _likelihood(np.array((params.p, params.q, params.v)), _spent(*_spenders(history)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spent:
    """Means of repeat spend, with what no parameter changes: how many purchases (by their distinct counts), the money
    they brought, and its logarithm."""

    counts: FloatArray
    index: IntArray
    of_counts: FloatArray
    money: FloatArray
    log_money: FloatArray
    sum_log_mean: float


def _spenders(history: History) -> tuple[FloatArray, FloatArray]:
    spent = (history.frequency > 0) & (history.monetary > 0)
    return history.frequency[spent].astype(np.float64), history.monetary[spent]


def _spent(x: FloatArray, mean: FloatArray) -> _Spent:
    index = x.astype(np.int64)
    money = x * mean
    return _Spent(
        counts=np.arange(index.max(initial=0) + 1.0),
        index=index,
        of_counts=np.bincount(index).astype(np.float64) if len(x) else np.zeros(1),
        money=money,
        log_money=np.log(money),
        sum_log_mean=float(np.log(mean).sum()),
    )


def _likelihood(point: FloatArray, spent: _Spent) -> tuple[float, FloatArray]:
    p, q, v = point
    x = np.maximum(spent.counts, 1)  # nobody is at zero
    shape, slope_all, slope_own = p * x + q, psi(p * x + q), psi(p * x)
    of_x = gammaln(shape) - gammaln(p * x) - gammaln(q) + q * np.log(v)
    total = v + spent.money
    log_total = np.log(total)
    log_money_by_x = np.bincount(spent.index, weights=spent.log_money, minlength=len(x))
    log_total_by_x = np.bincount(spent.index, weights=log_total, minlength=len(x))
    over_by_x = np.bincount(spent.index, weights=1 / total, minlength=len(x))
    value = spent.of_counts @ of_x - spent.sum_log_mean + p * (x @ log_money_by_x) - shape @ log_total_by_x
    slopes = (
        spent.of_counts @ (x * (slope_all - slope_own)) + x @ (log_money_by_x - log_total_by_x),
        spent.of_counts @ (slope_all - psi(q) + np.log(v)) - log_total_by_x.sum(),
        spent.of_counts.sum() * q / v - shape @ over_by_x,
    )
    return float(value), np.array(slopes)


def fit(history: History) -> Fit[GammaGamma]:
    """Maximum likelihood, or what `flags` say. Raises ScoreError for an impossible likelihood.

    Where no mean can be fitted (nobody came back, no spread, q <= 1) the parameters are those whose mean over customers
    is the observed mean, with the prior's weight for a customer's own.
    """
    x, mean = _spenders(history)
    if not len(x):
        return _pooled_mean(history, ("no_spend",) if history.frequency.any() else ("no_repeaters",))
    scale = float(mean.mean())
    if np.ptp(mean) <= 1e-9 * scale:
        return _pooled_mean(history, ("no_spread",))
    every = max(len(x) // SAMPLE, 1)
    found = settle(
        _objective(x, mean / scale),
        [_PRIOR.centre, (1.0, 2.5, 1.5), (20.0, 10.0, 0.45)],
        space=_SPACE,
        size=len(x),
        prior=_PRIOR,
        scarce=("few_repeaters",) if len(x) < ENOUGH_REPEATERS else (),
        sample=(_objective(x[::every], mean[::every] / scale), len(x[::every])) if every > 1 else None,
    )
    point = found.optimum.point
    if point[1] <= _SMALLEST_Q:
        return _pooled_mean(history, ("infinite_mean",))
    if _SPACE.reached(point):
        return _pooled_mean(history, ("boundary",))
    p, q, v = (float(value) for value in point)
    return _result(GammaGamma(p=p, q=q, v=v * scale), history, found.flags, found.optimum.converged, found.covariance)


def _objective(x: FloatArray, mean: FloatArray) -> Objective:
    spent = _spent(x, mean)
    return lambda point: _likelihood(point, spent)


def _pooled_mean(history: History, flags: tuple[str, ...]) -> Fit[GammaGamma]:
    _, mean = _spenders(history)
    everybody = mean if len(mean) else history.first_spend
    pooled = max(float(everybody.mean()) if len(everybody) else 0.0, 1e-9)
    p, q, _ = _PRIOR.centre
    params = GammaGamma(p=p, q=q, v=pooled * (q - 1) / p)
    return _result(params, history, (*flags, "pooled_mean"), True, np.zeros((3, 3)))


def _result(
    params: GammaGamma, history: History, flags: tuple[str, ...], converged: bool, covariance: FloatArray
) -> Fit[GammaGamma]:
    value, _ = log_likelihood(params, history)
    refuse_impossible(value)
    return Fit(
        params=params,
        log_likelihood=value,
        converged=converged,
        flags=flags,
        n_customers=len(history),
        n_repeat=int((history.frequency > 0).sum()),
        covariance=covariance,
    )


def expected_spend(params: GammaGamma, x: ArrayLike, mean: ArrayLike) -> FloatArray:
    """E[M | x, m], spend on a future purchase day, in whole units of the currency: note 025, the conditional mean.

    For a one-time buyer (x = 0), or one whose repeat purchases were all free, it is the mean over customers; that is
    infinite for q <= 1, which `fit` never returns: ScoreError.
    """
    if params.q <= 1:
        raise ScoreError(f"the mean spend is infinite for q = {params.q:.6g}; it needs q > 1")
    x, mean = np.asarray(x, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    seen = np.where(mean > 0, x, 0.0)
    spend: FloatArray = params.p * (params.v + seen * mean) / (params.p * seen + params.q - 1)
    return spend
