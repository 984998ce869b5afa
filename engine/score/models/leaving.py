"""Leaving with a chance of one's own: what the models share whose customers may leave at each purchase or occasion.

The chance p differs between customers as a beta (a, b). Arguments broadcast; t, a horizon, may have more dimensions:
of shape (k, 1) with customers of shape (n,) it gives (k, n).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, expit, hyp2f1  # type: ignore[import-untyped]  # scipy ships no types

from engine.score.arrays import FloatArray, IntArray
from engine.score.models.rows import Rows

_MOST_PURCHASES = 1e15  # numpy's Poisson refuses means near the largest integer
_SMALLEST_CHANCE = 1e-300  # a beta of tiny parameters is rounded to 0, which numpy's geometric refuses
_BLOCK = 2_000_000


def stayed_or_left(
    r: float, alpha: float, leaves: FloatArray, rows: Rows
) -> tuple[float, tuple[float, float], FloatArray]:
    """The sum over rows of ln((alpha+T)^-(r+x) + exp(leaves) (alpha+t_x)^-(r+x)): stayed to T, or left after t_x.

    leaves: for each level of x. Also the slopes by r and alpha, and how many customers of each level of x left, which
    is the slope by its `leaves`.
    """
    own = rows.x.spread(r + rows.x.values)
    then, now = alpha + rows.t_x.values, alpha + rows.T.values
    log_then, log_now = rows.t_x.spread(np.log(then)), rows.T.spread(np.log(now))
    odds = rows.x.spread(leaves) + own * (log_now - log_then)
    less = np.exp(-np.abs(odds))  # the lesser of the two terms over the greater: one exponential for both lines
    value = rows.weight @ (np.maximum(odds, 0) + np.log(1 + less) - own * log_now)
    left = rows.weight * np.where(odds > 0, 1.0, less) / (1 + less)
    stayed = rows.weight - left
    slopes = (
        -float(stayed @ log_now + left @ log_then),
        -float((own * stayed) @ rows.T.spread(1 / now) + (own * left) @ rows.t_x.spread(1 / then)),
    )
    left_by_x: FloatArray = np.bincount(rows.x.index, left, len(leaves)).astype(np.float64)
    return float(value), slopes, left_by_x


def expected_alive(
    x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: ArrayLike,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
) -> FloatArray:
    """E[Y(t)], purchases in the next t of customers who are alive at T and bought x times after the first.

    Their rate is from a gamma (r + x, alpha + T), their chance to leave after a purchase from a beta (a, b + x): BG/NBD
    with its own b, MBG/NBD with b + 1. Fader, Hardie & Lee, "Counting Your Customers the Easy Way", Marketing Science
    24(2), 2005, equation 10 without its P(alive); computed once for each distinct (x, T).
    """
    x, T = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(T, dtype=np.float64))  # noqa: N806 - as above
    t = np.asarray(t, dtype=np.float64)
    if x.ndim != 1 or t.shape[-1:] not in ((), (1,)):
        return _closed_form(x, T, t, r, alpha, a, b)
    pairs, back = np.unique(x + 1j * T, return_inverse=True)
    return np.take(_closed_form(pairs.real, pairs.imag, t, r, alpha, a, b), back, axis=-1)


def _closed_form(
    x: FloatArray,
    T: FloatArray,  # noqa: N803 - the papers' name
    t: FloatArray,
    r: float,
    alpha: float,
    a: float,
    b: float,
) -> FloatArray:
    """Their 2F1(r+x, b+x; a+b+x-1; z) overflows for large x. Euler's transformation (DLMF 15.8.1) turns their bracket
    into 1 - (1-z)^(a-1) 2F1(a+b-1-r, a-1; a+b+x-1; z), with x in one place only."""
    share = t / (alpha + T + t)
    with np.errstate(all="ignore"):
        steepness = (a + b + x - 1) / (a - 1)
        series = hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, share)
        exact: FloatArray = np.asarray(steepness * (1 - (1 - share) ** (a - 1) * series))
        most = (r + x) * t / (alpha + T)  # if nobody ever left
        weak = ~((exact > 1e-9 * (100 + r) * np.abs(steepness)) & (exact <= most * (1 + 1e-9)))
    if weak.any():  # the bracket cancels (hardly any purchases, or a near 1), or 2F1 overflows (parameters of hundreds)
        shape, pace, b_now = (np.broadcast_to(v, exact.shape)[weak] for v in (r + x, t / (alpha + T), b + x))
        exact[weak] = over_leaving(shape, pace, a, b_now)
    return exact


def over_leaving(shape: FloatArray, pace: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """E[g(p)], g(p) = (1 - (1 + p pace)^-shape) / p, for a chance p from a beta (a, b): no closed form needed.

    g is what E[X(t) | lambda, p] = (1 - exp(-lambda p t)) / p becomes over a gamma rate; pace = t / (alpha + T).
    shape, pace and b are flat and equally long.
    """
    expected = np.empty_like(shape)
    narrow = 1 / a + 1 / b < 0.005
    expected[narrow] = _around_the_mean(shape[narrow], pace[narrow], a, b[narrow])
    wide = np.flatnonzero(~narrow)
    for some in np.array_split(wide, len(wide) // 512 + 1):
        expected[some] = by_quadrature(shape[some, None], pace[some, None], a, b[some, None])
    return expected


def by_quadrature(shape: FloatArray, pace: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """E[g(p)] = g(1) + integral of -g'(p) I_p(a, b): all positive, so nothing cancels; trapezoids in the logit of p.

    Columns (n, 1) in, (n,) out. Correct to 1e-12 unless p is so concentrated that its distribution is a step between
    two nodes.
    """
    low = -30 - np.log1p((shape + 1) * pace)  # below it g is flat
    logit = low + (40 - low) * np.linspace(0, 1, 1024)
    p = expit(logit)
    ends = np.log1p(p * pace)
    falls = -np.expm1(-shape * ends) / p - shape * pace / (1 + p * pace) * np.exp(-shape * ends)
    area = (np.maximum(falls, 0) * expit(-logit) * betainc(a, b, p)).sum(axis=-1) * (logit[:, 1] - logit[:, 0])
    expected: FloatArray = area - np.expm1(-shape * np.log1p(pace))[:, 0]
    return expected


def _around_the_mean(shape: FloatArray, pace: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """E[g(p)] to second order around the mean of p; correct to 1e-4 where p varies by less than 7 %."""
    p = a / (a + b)
    ends, falls = np.log1p(p * pace), pace / (1 + p * pace)
    survives, g = np.exp(-shape * ends), -np.expm1(-shape * ends) / p
    first = (shape * falls * survives - g) / p
    second = (-shape * (shape + 1) * falls**2 * survives - 2 * first) / p
    expected: FloatArray = g + p * (1 - p) / (a + b + 1) / 2 * second
    return expected


def draw_alive(
    x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: ArrayLike,
    chance: np.random.Generator,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
) -> IntArray:
    """One draw of what `expected_alive` is the mean of, for each element of the broadcast of x and T."""
    x, T = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(T, dtype=np.float64))  # noqa: N806 - as above
    pace = chance.gamma(r + x) * (np.asarray(t, dtype=np.float64) / (alpha + T))
    occasions = chance.poisson(np.minimum(pace, _MOST_PURCHASES))
    return np.minimum(occasions, _last_one(a, b + x, chance))


def _last_one(a: float, b: FloatArray, chance: np.random.Generator) -> IntArray:
    """The number, from 1, of the occasion at which each customer leaves."""
    return chance.geometric(np.maximum(chance.beta(a, b), _SMALLEST_CHANCE))


def expected_stays(a: float, b: ArrayLike, t: ArrayLike) -> FloatArray:
    """How many of the next t occasions somebody stays through: the sum of E[(1-p)^j] for j = 1..t.

    E[(1-p)^j] = B(a, b+j) / B(a, b): Fader & Hardie, "How to Project Customer Retention", Journal of Interactive
    Marketing 21(1), 2007, equation 6. Linear between whole t. Summed term by term, once for each distinct b, because
    closed forms of the sum cancel where a is near 1 or b is large.
    """
    b, t = np.asarray(b, dtype=np.float64), np.asarray(t, dtype=np.float64)
    if b.ndim == 1 and t.shape[-1:] in ((), (1,)):
        distinct, back = np.unique(b, return_inverse=True)
        return np.take(_stays(a, distinct, t), back, axis=-1)
    return _stays(a, b, t)


def _stays(a: float, b: FloatArray, t: FloatArray) -> FloatArray:
    b, t = np.broadcast_arrays(b, t)
    flat_b, flat_t, found = b.ravel(), t.ravel(), np.empty(t.size)
    steps = np.arange(int(flat_t.max(initial=0)) + 1)
    for some in np.array_split(np.arange(t.size), t.size * len(steps) // _BLOCK + 1):
        reached = flat_b[some, None] + steps
        stays = np.cumprod(reached / (a + reached), axis=1)  # to the next occasion, the one after it, ...
        found[some] = (stays * np.clip(flat_t[some, None] - steps, 0, 1)).sum(axis=1)
    return found.reshape(t.shape)


def draw_stays(a: float, b: ArrayLike, t: ArrayLike, chance: np.random.Generator) -> IntArray:
    """One draw of what `expected_stays` is the mean of, for each element of b; half an occasion is one by chance."""
    b = np.asarray(b, dtype=np.float64)
    occasions = np.floor(np.asarray(t, dtype=np.float64) + chance.random(b.shape)).astype(np.int64)
    return np.minimum(occasions, _last_one(a, b, chance) - 1)
