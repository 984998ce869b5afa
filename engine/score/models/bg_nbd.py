"""BG/NBD: how often customers buy, and whether they still do, when nobody tells us that they left.

Fader, Hardie & Lee, "Counting Your Customers the Easy Way", Marketing Science 24(2), 2005 (below: FHL). While alive a
customer buys at a rate drawn from a gamma (r, alpha); after each repeat purchase he leaves with a probability drawn
from a beta (a, b). Who never came back had no occasion to leave, so P(alive) of a one-time buyer is 1 by this model.

Names as in the paper: x repeat purchases, t_x and T age at the last one and now, t a horizon; all times in the
parameters' `time_unit`. Arguments broadcast; results are arrays of float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaln, expit, gammaln, hyp2f1, psi  # type: ignore[import-untyped]  # scipy ships none

from engine.errors import ScoreError
from engine.score.history import FloatArray, IntArray, TimeUnit
from engine.score.models.fit import Prior, Space
from engine.score.models.rows import Rows

OPPORTUNITIES = False
SPACE = Space(
    names=("r", "alpha", "a", "b"), lowest=(1e-4, 1e-7, 1e-4, 1e-4), highest=(1e4, 1e7, 1e4, 1e4), times=("alpha",)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BgNbd:
    """The parameters, all positive (else ScoreError); alpha is a time in `time_unit`s, the others have no unit."""

    r: float
    alpha: float
    a: float
    b: float
    time_unit: TimeUnit

    def __post_init__(self) -> None:
        values = (self.r, self.alpha, self.a, self.b)
        if not all(np.isfinite(value) and value > 0 for value in values):
            raise ScoreError(f"BG/NBD parameters must be positive numbers, not r, alpha, a, b = {values}")


RECORD = BgNbd


def starts(rate: float) -> Sequence[Sequence[float]]:
    """Where to begin: the same rate with much, some and little difference between customers."""
    return (0.5, 0.5 / rate, 0.8, 2.5), (1.5, 1.0 / rate, 0.3, 3.0), (0.2, 0.1 / rate, 1.5, 1.5)


def prior(scale_days: float) -> Prior:
    """A shop whose customers come back about twice a year while they stay (r / alpha), give or take a factor of five,
    and of whom one in four leaves after a purchase (a / (a + b)). For logs that cannot carry a fit alone."""
    return Prior(centre=(0.5, 90 / scale_days, 0.8, 2.5), deviation=(1.0, 1.5, 1.0, 1.0))


def log_likelihood(point: FloatArray, rows: Rows) -> tuple[float, FloatArray]:
    """FHL equation 6 over all customers, and its gradient by (r, alpha, a, b).

    The two terms in it, stayed to T and left after t_x, are added as logarithms, by their difference `odds`.
    """
    r, alpha, a, b = point
    x, weight = rows.x.values, rows.x.weight
    shape, bought = r + x, np.maximum(x, 1)
    of_x = gammaln(shape) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
    both = psi(a + b) - psi(a + b + x)
    log_now, log_then = np.log(alpha + rows.T.values), np.log(alpha + rows.t_x.values)
    leaves = np.where(x > 0, np.log(a) - np.log(b + bought - 1), -np.inf)
    own = rows.x.spread(shape)
    odds = rows.x.spread(leaves) + own * (rows.T.spread(log_now) - rows.t_x.spread(log_then))
    gone = expit(odds)
    either = np.logaddexp(0.0, odds) - own * rows.T.spread(log_now)
    left = rows.weight * gone
    left_by_x = np.bincount(rows.x.index, weights=left, minlength=len(x))
    left_by_now = np.bincount(rows.T.index, weights=left, minlength=len(log_now))
    left_by_then = np.bincount(rows.t_x.index, weights=left, minlength=len(log_then))
    rate_by_now = np.bincount(rows.T.index, weights=own * (rows.weight - left), minlength=len(log_now))
    rate_by_then = np.bincount(rows.t_x.index, weights=own * left, minlength=len(log_then))
    slopes = (
        weight @ (psi(shape) - psi(r) + np.log(alpha))
        - (rows.T.weight - left_by_now) @ log_now
        - left_by_then @ log_then,
        weight.sum() * r / alpha
        - rate_by_now @ (1 / (alpha + rows.T.values))
        - rate_by_then @ (1 / (alpha + rows.t_x.values)),
        weight @ both + left_by_x.sum() / a,
        weight @ (both + psi(b + x) - psi(b)) - left_by_x @ (1 / (b + bought - 1)),
    )
    return float(weight @ of_x + rows.weight @ either), np.array(slopes)


def p_alive(params: BgNbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:  # noqa: N803 - the papers' name
    """P(alive | x, t_x, T), 0..1: Fader & Hardie, note 021, 2008; 1 for every one-time buyer."""
    x, t_x, T = (np.asarray(value, dtype=np.float64) for value in (x, t_x, T))  # noqa: N806 - the papers' name
    silence = np.log1p((T - t_x) / (params.alpha + t_x))
    odds_gone = np.log(params.a) - np.log(params.b + np.maximum(x, 1) - 1) + (params.r + x) * silence
    alive: FloatArray = np.where(x > 0, expit(-odds_gone), 1.0)
    return alive


def expected_purchases(
    params: BgNbd,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: ArrayLike,
) -> FloatArray:
    """E[Y(t) | x, t_x, T], purchases in the next t time units: FHL equation 10.

    Several horizons at once: t of shape (k, 1) and customers of shape (n,) give (k, n).
    """
    x, t_x, T = (np.asarray(value, dtype=np.float64) for value in (x, t_x, T))  # noqa: N806 - the papers' name
    return p_alive(params, x, t_x, T) * _expected_alive(params, x, T, np.asarray(t, dtype=np.float64))


def draw(
    params: BgNbd,
    x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: float,
    chance: np.random.Generator,
) -> IntArray:
    """Purchases in the next t time units of customers who are alive at T, one draw for each of x and T together.

    Given alive, the rate is a gamma (r + x, alpha + T) and the chance to leave after a purchase a beta (a, b + x).
    """
    x, T = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(T, dtype=np.float64))  # noqa: N806 - papers
    wanted = chance.poisson(chance.gamma(params.r + x) / (params.alpha + T) * t)
    leaves = np.maximum(chance.beta(params.a, params.b + x), 1e-18)
    return np.minimum(wanted, chance.geometric(leaves))


def expected_new(params: BgNbd, t: ArrayLike) -> FloatArray:
    """E[X(t)], repeat purchases in the t time units after somebody's first purchase: FHL equation 9."""
    return _expected_alive(params, np.zeros(()), np.zeros(()), np.asarray(t, dtype=np.float64))


def _expected_alive(params: BgNbd, x: FloatArray, T: FloatArray, t: FloatArray) -> FloatArray:  # noqa: N803 - as above
    """E[Y(t)] of customers who are alive at T, computed once for each distinct (x, T)."""
    x, T = np.broadcast_arrays(x, T)  # noqa: N806 - the papers' name
    if x.ndim != 1:
        return _bracket(params, x, T, t)
    pairs, back = np.unique(x + 1j * T, return_inverse=True)
    return np.take(_bracket(params, pairs.real, pairs.imag, t), back, axis=-1)


def _bracket(params: BgNbd, x: FloatArray, T: FloatArray, t: FloatArray) -> FloatArray:  # noqa: N803 - as above
    """FHL's 2F1(r+x, b+x; a+b+x-1; z) overflows for large x. Euler's transformation (DLMF 15.8.1) turns their bracket
    into 1 - (1-z)^(a-1) 2F1(a+b-1-r, a-1; a+b+x-1; z), with x in one place only."""
    r, alpha, a, b = params.r, params.alpha, params.a, params.b
    share = t / (alpha + T + t)
    with np.errstate(all="ignore"):
        steepness = (a + b + x - 1) / (a - 1)
        series = hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, share)
        exact: FloatArray = np.asarray(steepness * (1 - (1 - share) ** (a - 1) * series))
        most = (r + x) * t / (alpha + T)  # if nobody ever left
        weak = ~((exact > 1e-9 * (100 + r) * np.abs(steepness)) & (exact <= most * (1 + 1e-9)))
    if weak.any():  # the bracket cancels (hardly any purchases, or a near 1), or 2F1 overflows (parameters of hundreds)
        shape, pace, b_now = (np.broadcast_to(v, exact.shape)[weak] for v in (r + x, t / (alpha + T), b + x))
        exact[weak] = _over_leaving(shape, pace, a, b_now)
    return exact


def _over_leaving(shape: FloatArray, pace: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """E[g(p)], g(p) = (1 - (1 + p pace)^-shape) / p, for a leaving probability p from a beta (a, b): no closed form.

    g is what FHL's E[X(t) | lambda, p] = (1 - exp(-lambda p t)) / p becomes over a gamma rate; pace = t / (alpha + T).
    """
    expected = np.empty_like(shape)
    narrow = 1 / a + 1 / b < 0.005
    expected[narrow] = _around_the_mean(shape[narrow], pace[narrow], a, b[narrow])
    wide = np.flatnonzero(~narrow)
    for some in np.array_split(wide, len(wide) // 512 + 1):
        expected[some] = _by_quadrature(shape[some, None], pace[some, None], a, b[some, None])
    return expected


def _by_quadrature(shape: FloatArray, pace: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """E[g(p)] = g(1) + integral of -g'(p) I_p(a, b): all positive, so nothing cancels; trapezoids in the logit of p.

    Correct to 1e-12 unless p is so concentrated that its distribution is a step between two nodes.
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


def probability_new(params: BgNbd, count: ArrayLike, t: ArrayLike) -> FloatArray:
    """P(X(t) = count), repeat purchases in the t time units after somebody's first purchase: FHL equation 8."""
    r, alpha, a, b = params.r, params.alpha, params.a, params.b
    count, t = np.asarray(count, dtype=np.float64), np.asarray(t, dtype=np.float64)
    share = t / (alpha + t)
    at_least_one = np.maximum(count, 1)
    poisson = gammaln(r + count) - gammaln(r) - gammaln(count + 1) - r * np.log1p(t / alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        poisson = poisson + np.where(count > 0, count * np.log(share), 0.0)
    stays = np.exp(betaln(a, b + count) - betaln(a, b) + poisson)
    leaves = np.exp(betaln(a + 1, b + at_least_one - 1) - betaln(a, b)) * betainc(at_least_one, r, share)
    return np.asarray(stays + np.where(count > 0, leaves, 0.0), dtype=np.float64)
