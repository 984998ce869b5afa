"""Shifted beta-geometric: contracts and subscriptions, where the customer who leaves tells us.

Fader & Hardie, "How to Project Customer Retention", Journal of Interactive Marketing 21(1), 2007 (below: FH). At each
renewal occasion a customer leaves with a probability drawn from a beta (alpha, beta). That those who stayed long stay
longer is because the others left first.

Time counts renewal occasions, so T, t_x and a horizon t are whole numbers of them: T that have passed since the
contract began, t_x the last one at which the customer renewed. t_x = T: he renewed every time and is here.
t_x < T: he renewed t_x times, and not the next time. x, the renewals, says nothing that t_x does not, and is not read.
Arguments broadcast; results are arrays of float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, psi  # type: ignore[import-untyped]  # scipy ships no types

from engine.score.arrays import FloatArray, IntArray
from engine.score.models.leaving import draw_stays, expected_stays
from engine.score.models.model import Prior, Space, refuse_unless_positive
from engine.score.models.rows import Rows
from engine.score.units import TimeUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Sbg:
    """The parameters, both positive (else ScoreError) and without a unit; `time_unit` is the occasions' own."""

    alpha: float
    beta: float
    time_unit: TimeUnit

    def __post_init__(self) -> None:
        refuse_unless_positive("sBG", self)


RECORD = Sbg
OPPORTUNITIES = True
SPACE = Space(names=("alpha", "beta"), lowest=(1e-4, 1e-4), highest=(1e4, 1e4), times=())


def starts(rate: float) -> Sequence[Sequence[float]]:  # noqa: ARG001 - every model's starts are asked for with a rate
    """Where to begin the search."""
    return (1.0, 1.0), (0.6, 4.0), (4.0, 12.0)


def prior(scale_days: float) -> Prior:  # noqa: ARG001 - an occasion has no length in days
    """A firm of whose customers one in five leaves at the first occasion. For logs that cannot carry a fit alone."""
    return Prior(centre=(0.8, 3.2), deviation=(1.0, 1.0))


def log_likelihood(point: FloatArray, rows: Rows) -> tuple[float, FloatArray]:
    """FH equations 5 and 6, for who left and who is here, over all rows; and its gradient by (alpha, beta)."""
    alpha, beta = point
    t_x, age = (level.spread(np.rint(level.values)) for level in (rows.t_x, rows.T))
    gone = (t_x < age).astype(np.float64)
    renewed, counts = np.unique(t_x + 1j * gone, return_inverse=True)  # with t_x, all that the formula reads
    weight = np.bincount(counts, weights=rows.weight, minlength=len(renewed))
    renewed, gone = renewed.real, renewed.imag
    value = betaln(alpha + gone, beta + renewed) - betaln(alpha, beta)
    both = psi(alpha + beta) - psi(alpha + beta + gone + renewed)
    slopes = (weight @ (both + gone / alpha), weight @ (both + psi(beta + renewed) - psi(beta)))
    return float(weight @ value), np.array(slopes)


def p_alive(params: Sbg, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:  # noqa: ARG001, N803 - every model's
    """1 for who renewed at the last occasion, 0 for who did not."""
    return np.asarray(np.rint(t_x) >= np.rint(T), dtype=np.float64)


def expected_purchases(
    params: Sbg,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: ArrayLike,
) -> FloatArray:
    """E[renewals at the next t occasions | t_x, T]: the sum of S(T+j) / S(T) for j = 1..t (FH equation 6).

    Linear between whole t. Several horizons at once: t of shape (k, 1) and customers of shape (n,) give (k, n).
    """
    return p_alive(params, x, t_x, T) * expected_stays(params.alpha, params.beta + np.asarray(T, dtype=np.float64), t)


def draw(
    params: Sbg,
    x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    t: ArrayLike,
    chance: np.random.Generator,
) -> IntArray:
    """Renewals at the next t occasions of customers who are here, one draw for each."""
    _, T = np.broadcast_arrays(np.asarray(x), np.asarray(T, dtype=np.float64))  # noqa: N806 - the papers' name
    return draw_stays(params.alpha, params.beta + T, t, chance)
