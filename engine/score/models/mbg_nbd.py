"""MBG/NBD: BG/NBD whose customers may also leave right after their first purchase.

Batislam, Denizel & Filiztekin, "Empirical validation and comparison of models for customer base analysis",
International Journal of Research in Marketing 24(3), 2007; Hoppe & Wagner, "Customer Base Analysis: The Case for a
Central Variant of the Betageometric/NBD Model", Marketing - Journal of Research and Management 3(2), 2007. While alive
a customer buys at a rate drawn from a gamma (r, alpha); after each purchase, the first included, he leaves with a
probability drawn from a beta (a, b). So silence lowers P(alive) of a one-time buyer too.

Names as in the papers: x repeat purchases, t_x and T age at the last one and now, t a horizon; all times in the
parameters' `time_unit`. Arguments broadcast; results are arrays of float64. Of a newcomer right after the first
purchase one asks with x = t_x = T = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, expit, gammaln, psi  # type: ignore[import-untyped]  # scipy ships no types

from engine.score.arrays import FloatArray, IntArray
from engine.score.models.leaving import draw_alive, expected_alive, stayed_or_left
from engine.score.models.model import Prior, Space, refuse_unless_positive
from engine.score.models.rows import Rows
from engine.score.units import TimeUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class MbgNbd:
    """The parameters, all positive (else ScoreError); alpha is a time in `time_unit`s, the others have no unit."""

    r: float
    alpha: float
    a: float
    b: float
    time_unit: TimeUnit

    def __post_init__(self) -> None:
        refuse_unless_positive("MBG/NBD", self)


RECORD = MbgNbd
OPPORTUNITIES = False
SPACE = Space(
    names=("r", "alpha", "a", "b"), lowest=(1e-4, 1e-7, 1e-4, 1e-4), highest=(1e4, 1e7, 1e4, 1e4), times=("alpha",)
)


def starts(rate: float) -> Sequence[Sequence[float]]:
    """Where to begin the search, in units of the mean age; rate: repeat purchases in it."""
    return (0.5, 0.5 / rate, 0.8, 1.8), (1.5, 1.0 / rate, 0.3, 2.0), (0.3, 0.1 / rate, 1.5, 1.5)


def prior(scale_days: float) -> Prior:
    """A shop whose customers come back about twice a year while they stay (r / alpha), give or take a factor of five,
    and of whom three in ten leave after a purchase (a / (a + b)). For logs that cannot carry a fit alone."""
    return Prior(centre=(0.5, 90 / scale_days, 0.8, 1.8), deviation=(1.0, 1.5, 1.0, 1.0))


def log_likelihood(point: FloatArray, rows: Rows) -> tuple[float, FloatArray]:
    """The logarithm of the density of (x, t_x) by T over all customers, and its gradient by (r, alpha, a, b).

    Hoppe & Wagner 2007: B(a, b+x+1) (alpha+T)^-(r+x) + B(a+1, b+x) (alpha+t_x)^-(r+x), times alpha^r Gamma(r+x) /
    (Gamma(r) B(a, b)). It is BG/NBD's with b + 1 for b, except that x = 0 is no exception.
    """
    r, alpha, a, b = point
    x, weight = rows.x.values, rows.x.weight
    of_x = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x + 1) - betaln(a, b)
    both = psi(a + b) - psi(a + b + x + 1)
    either, (by_r, by_alpha), left = stayed_or_left(r, alpha, np.log(a) - np.log(b + x), rows)
    slopes = (
        weight @ (psi(r + x) - psi(r) + np.log(alpha)) + by_r,
        weight.sum() * r / alpha + by_alpha,
        weight @ both + left.sum() / a,
        weight @ (both + psi(b + x + 1) - psi(b)) - left @ (1 / (b + x)),
    )
    return float(weight @ of_x + either), np.array(slopes)


def p_alive(params: MbgNbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:  # noqa: N803 - the papers' name
    """P(alive | x, t_x, T), 0..1: Hoppe & Wagner 2007; b / (a + b) right after the first purchase."""
    x, t_x, T = (np.asarray(value, dtype=np.float64) for value in (x, t_x, T))  # noqa: N806 - the papers' name
    silence = np.log1p((T - t_x) / (params.alpha + t_x))
    alive: FloatArray = expit(np.log(params.b + x) - np.log(params.a) - (params.r + x) * silence)
    return alive


def expected_purchases(
    params: MbgNbd,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: ArrayLike,
) -> FloatArray:
    """E[Y(t) | x, t_x, T], purchases in the next t time units.

    Given alive, the chance to leave is from a beta (a, b + x + 1): one purchase more than in BG/NBD did not end it.
    Several horizons at once: t of shape (k, 1) and customers of shape (n,) give (k, n).
    """
    return p_alive(params, x, t_x, T) * expected_alive(
        x, T, t, r=params.r, alpha=params.alpha, a=params.a, b=params.b + 1
    )


def draw(
    params: MbgNbd,
    x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: ArrayLike,
    chance: np.random.Generator,
) -> IntArray:
    """Purchases in the next t time units of customers who are alive at T, one draw for each."""
    return draw_alive(x, T, t, chance, r=params.r, alpha=params.alpha, a=params.a, b=params.b + 1)
