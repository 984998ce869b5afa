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
from scipy.special import betainc, betaln, expit, gammaln, psi  # type: ignore[import-untyped]  # scipy ships none

from engine.score.arrays import FloatArray, IntArray
from engine.score.models.leaving import draw_alive, expected_alive, stayed_or_left
from engine.score.models.model import Prior, Space, refuse_unless_positive
from engine.score.models.rows import Rows
from engine.score.units import TimeUnit

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
        refuse_unless_positive("BG/NBD", self)


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
    leaves = np.where(x > 0, np.log(a) - np.log(b + bought - 1), -np.inf)
    either, (by_r, by_alpha), left = stayed_or_left(r, alpha, leaves, rows)
    slopes = (
        weight @ (psi(shape) - psi(r) + np.log(alpha)) + by_r,
        weight.sum() * r / alpha + by_alpha,
        weight @ both + left.sum() / a,
        weight @ (both + psi(b + x) - psi(b)) - left @ (1 / (b + bought - 1)),
    )
    return float(weight @ of_x + either), np.array(slopes)


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
    return p_alive(params, x, t_x, T) * expected_alive(x, T, t, r=params.r, alpha=params.alpha, a=params.a, b=params.b)


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
    return draw_alive(x, T, t, chance, r=params.r, alpha=params.alpha, a=params.a, b=params.b)


def expected_new(params: BgNbd, t: ArrayLike) -> FloatArray:
    """E[X(t)], repeat purchases in the t time units after somebody's first purchase: FHL equation 9."""
    return expected_alive(0, 0, t, r=params.r, alpha=params.alpha, a=params.a, b=params.b)


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
