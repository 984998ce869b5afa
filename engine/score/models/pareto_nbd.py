"""Pareto/NBD: how often customers buy, and whether they still do, when nobody tells us that they left.

Schmittlein, Morrison & Colombo, "Counting Your Customers: Who Are They and What Will They Do Next?", Management Science
33(1), 1987; formulas by Fader & Hardie, "A Note on Deriving the Pareto/NBD Model and Related Expressions", 2005 (below:
FH). While alive a customer buys at a rate drawn from a gamma (r, alpha); he leaves, whether he buys or not, at a rate
drawn from a gamma (s, beta). So even a one-time buyer fades with time.

Names as in the papers: x repeat purchases, t_x and T age at the last one and now, t a horizon; all times in the
parameters' `time_unit`. Arguments broadcast; results are arrays of float64.

The likelihood of a history is A + D: still alive at T, or gone at some y between t_x and T,

    A = (alpha+T)^-(r+x) (beta+T)^-s,    D = integral from t_x to T of f(y) dy,
    f(y) = s (alpha+y)^-(r+x) (beta+y)^-(s+1),

times factors that do not know t_x and T (FH equation 18). Libraries take D as a difference of two 2F1, which overflow
for frequent buyers and have no closed slopes by r and s. Here D is I(t_x) - I(T), with I(t) the integral of f from t to
infinity: a smooth function of x and t alone, so it is integrated at a few t for each x and interpolated between them,
and a big log costs little more than a small one. The difference loses nothing, for I(T) is never above A, to which D is
added. The tail of a one-time buyer, with r and s tiny, has no end; for him f is integrated from 0 to T at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import exprel, gammaln, psi  # type: ignore[import-untyped]  # scipy ships no types

from engine.errors import ScoreError
from engine.score.arrays import BoolArray, FloatArray, IntArray
from engine.score.models.model import Prior, Space, refuse_unless_positive
from engine.score.models.pareto_sheet import Column, basis_of, cells_of, read, sheet_of, trace
from engine.score.models.pareto_tail import FALL, RULES, leaving
from engine.score.models.rows import Levels, Rows
from engine.score.units import TimeUnit

SPACE = Space(
    names=("r", "alpha", "s", "beta"),
    lowest=(1e-4, 1e-7, 1e-4, 1e-7),
    highest=(1e4, 1e7, 1e4, 1e7),
    times=("alpha", "beta"),
)
OPPORTUNITIES = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoNbd:
    """The parameters, all positive (else ScoreError); alpha and beta are times in `time_unit`s, r and s are not."""

    r: float
    alpha: float
    s: float
    beta: float
    time_unit: TimeUnit

    def __post_init__(self) -> None:
        refuse_unless_positive("Pareto/NBD", self)


RECORD = ParetoNbd


def starts(rate: float) -> Sequence[Sequence[float]]:
    """Where to look first, times in mean ages; rate: repeat purchases of a mean customer in a mean age."""
    return (0.5, 0.4 / rate, 0.5, 0.5), (0.2, 0.1 / rate, 1.5, 0.5)


def prior(scale_days: float) -> Prior:
    """A shop whose customers come back about twice a year while they stay (r / alpha), and half of whom have left after
    two years; give or take a factor of five. For logs that cannot carry a fit alone."""
    return Prior(centre=(0.5, 90 / scale_days, 1.0, 730 / scale_days), deviation=(1.0, 1.5, 1.0, 1.5))


def log_likelihood(point: FloatArray, rows: Rows) -> tuple[float, FloatArray]:
    """FH equation 18 over all customers at r, alpha, s, beta, and its gradient."""
    r, alpha, s, beta = point
    counts, everybody = rows.x.values, rows.weight.sum()
    value = everybody * (r * np.log(alpha) + s * np.log(beta)) + rows.x.weight @ (gammaln(r + counts) - gammaln(r))
    gradient = everybody * np.array((np.log(alpha), r / alpha, np.log(beta), s / beta))
    gradient[0] += rows.x.weight @ (psi(r + counts) - psi(r))
    once = (counts == 0)[rows.x.index]
    ages = _sums(rows.T.index[once], rows.weight[once], len(rows.T.values))
    there = np.flatnonzero(ages)
    parts = [_once(point, rows.T.values[there], ages[there])]
    if not once.all():
        x, t_x, T = (_present(column, ~once) for column in (rows.x, rows.t_x, rows.T))  # noqa: N806 - papers
        parts.append(_again(point, x, t_x, T, rows.weight[~once]))
    for part in parts:
        value, gradient = value + part.value, gradient + part.gradient
    return float(value), gradient


def _present(column: Levels, some: BoolArray) -> Column:
    """What some of the rows have of a column."""
    index = column.index[some]
    there = np.zeros(len(column.values), dtype=np.bool_)
    there[index] = True
    return column.values[there], (np.cumsum(there) - 1)[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A / (A + D) of each row; the sum over the rows of weight * log (A + D), and its gradient."""

    alive: FloatArray
    value: float
    gradient: FloatArray


def _once(point: FloatArray, T: FloatArray, weight: FloatArray) -> _Part:  # noqa: N803 - the papers' name
    """One-time buyers, given by their age."""
    none = np.zeros_like(T)
    (stay, stay_slopes), (leave, leave_slopes) = _staying(point, none, T), leaving(point, none, T)
    total = np.logaddexp(stay, leave)
    alive, gone = np.exp(stay - total), np.exp(leave - total)
    gradient = stay_slopes @ (weight * alive) + leave_slopes @ (weight * gone)
    return _Part(alive=alive, value=float(weight @ total), gradient=gradient)


def _again(point: FloatArray, x: Column, t_x: Column, T: Column, weight: FloatArray) -> _Part:  # noqa: N803 - as above
    """Those who came back: A + I(t_x) - I(T)."""
    (then, then_index), (now, now_index) = cells_of(x, t_x), cells_of(x, T)
    stay, stay_slopes = _staying(point, x[0][now.x], T[0][now.t])
    sheet = sheet_of(point, x[0], t_x[0].min(), T[0].max())
    then_basis, now_basis = basis_of(sheet, t_x[0]), basis_of(sheet, T[0])
    log_then, log_now = read(sheet, then, then_basis)[then_index], read(sheet, now, now_basis)[now_index]
    log_stay = stay[now_index]
    top = np.maximum(log_stay, log_then)
    stays, left, leaves = np.exp(log_stay - top), np.exp(log_then - top), np.exp(log_now - top)
    total = stays + np.maximum(left - leaves, 0.0)
    alive, share = stays / total, weight / total
    gradient = stay_slopes @ _sums(now_index, weight * alive, len(now.t))
    gradient += trace(sheet, then, then_basis, _sums(then_index, share * left, len(then.t)))
    gradient -= trace(sheet, now, now_basis, _sums(now_index, share * leaves, len(now.t)))
    return _Part(alive=alive, value=float(weight @ (top + np.log(total))), gradient=gradient)


def _sums(index: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """The sum of the weights of each index."""
    return np.bincount(index, weights=weight, minlength=size).astype(np.float64)


def _staying(point: FloatArray, x: FloatArray, T: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: N803 - as above
    """log A, and its slopes by the parameters."""
    r, alpha, s, beta = point
    log_pace, log_stay = np.log(alpha + T), np.log(beta + T)
    slopes = np.stack((-log_pace, -(r + x) / (alpha + T), -log_stay, -s / (beta + T)))
    return -(r + x) * log_pace - s * log_stay, slopes


def p_alive(params: ParetoNbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:  # noqa: N803 - the papers' name
    """P(alive | x, t_x, T), 0..1: A / (A + D)."""
    point = np.array((params.r, params.alpha, params.s, params.beta))
    x, t_x, T = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (x, t_x, T)))  # noqa: N806 - as above
    alive, again = np.empty(x.shape), x > 0
    ages, back = np.unique(T[~again], return_inverse=True)
    alive[~again] = _once(point, ages, np.ones_like(ages)).alive[back]
    if again.any():
        counts, then, now = (np.unique(column[again], return_inverse=True) for column in (x, t_x, T))
        alive[again] = _again(point, counts, then, now, np.ones(int(again.sum()))).alive
    return alive


def expected_purchases(
    params: ParetoNbd,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: ArrayLike,
) -> FloatArray:
    """E[Y(t) | x, t_x, T], purchases in the next t time units: FH, the conditional expectation.

    Several horizons at once: t of shape (k, 1) and customers of shape (n,) give (k, n).
    """
    return p_alive(params, x, t_x, T) * _expected_alive(params, x, T, t)


def expected_new(params: ParetoNbd, t: ArrayLike) -> FloatArray:
    """E[X(t)], repeat purchases in the t time units after somebody's first purchase: FH, the mean."""
    return _expected_alive(params, 0.0, 0.0, t)


def _expected_alive(params: ParetoNbd, x: ArrayLike, T: ArrayLike, t: ArrayLike) -> FloatArray:  # noqa: N803 - as above
    """E[Y(t)] of customers who are alive at T: their rate times the time that they have left.

    That time is the integral of ((beta+T) / (beta+T+y))^s over y from 0 to t, (1 - e^-(s-1)k) / (s-1) with
    k = log((beta+T+t) / (beta+T)), times beta+T; exprel is its limit k at s = 1 and loses nothing near it.
    """
    x, T, t = (np.asarray(value, dtype=np.float64) for value in (x, T, t))  # noqa: N806 - the papers' name
    ages, back = np.unique(T, return_inverse=True)
    since = params.beta + (ages if T.ndim == 1 else T)
    stretch = np.log1p(t / since)
    left = since * stretch * exprel((1 - params.s) * stretch)
    expected: FloatArray = (params.r + x) / (params.alpha + T) * (left[..., back] if T.ndim == 1 else left)
    return expected


def discounted_residual(
    params: ParetoNbd,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    rate: float,
) -> FloatArray:
    """DERT: purchases from now to the end of time, each discounted by e^(-rate y) for the y time units until then.

    Fader, Hardie & Lee, "RFM and CLV", Journal of Marketing Research 42(4), 2005. Their U(1, 2-s, z) with
    z = rate (beta+T) is the integral of e^((1-s)u - z (e^u - 1)) over u from 0 to infinity, which cannot overflow.
    Raises ScoreError for a rate that is not above 0: without it some stay for ever.
    """
    if not rate > 0:
        raise ScoreError(f"purchases to the end of time need a discount rate above 0, not {rate:g}")
    x, T = np.asarray(x, dtype=np.float64), np.asarray(T, dtype=np.float64)  # noqa: N806 - the papers' name
    nodes, weights = RULES[-1]
    z = rate * (params.beta + T)
    end = np.minimum(np.log1p((FALL + 60) / z), FALL / np.maximum(params.s - 1 + z, 1e-300))
    u = nodes * end[..., None]
    tail = end * (np.exp((1 - params.s) * u - z[..., None] * np.expm1(u)) @ weights)
    expected: FloatArray = p_alive(params, x, t_x, T) * (params.r + x) / (params.alpha + T) * (params.beta + T) * tail
    return expected


def draw(
    params: ParetoNbd,
    x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: float,
    chance: np.random.Generator,
) -> IntArray:
    """Purchases in the next t time units of customers who are alive at T, one draw for each of them.

    Given alive, his rates of buying and leaving are gammas of their own: (r+x, alpha+T) and (s, beta+T).
    """
    x, T = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(T, dtype=np.float64))  # noqa: N806 - papers
    pace = chance.gamma(params.r + x) / (params.alpha + T)
    leaves = chance.gamma(params.s, size=x.shape) / (params.beta + T)
    lifetime = chance.exponential(size=x.shape) / np.maximum(leaves, 1e-300)
    return chance.poisson(np.minimum(pace * np.minimum(lifetime, t), 1e18))
