"""BG/BB: who buys or does not at each of some opportunities (a fair every year, a trip every month), until he leaves.

Fader, Hardie & Shang, "Customer-Base Analysis in a Discrete-Time Noncontractual Setting", Marketing Science 29(6), 2010
(below: FHS). Before each opportunity a customer leaves with a probability drawn from a beta (gamma, delta); while he
stays he buys at it with a probability drawn from a beta (alpha, beta).

Time counts opportunities, so x, t_x and T are whole numbers: x opportunities with a purchase after the first purchase,
the last of them, and those that have passed (n in the paper). Arguments broadcast; results are arrays of float64. Of
a newcomer one asks with x = t_x = T = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln, psi  # type: ignore[import-untyped]  # scipy ships no types

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.models.leaving import draw_stays, expected_stays
from engine.score.models.model import Prior, Space, refuse_unless_positive
from engine.score.models.rows import Rows
from engine.score.units import TimeUnit

_MOST_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BgBb:
    """The parameters, all positive (else ScoreError) and without a unit; `time_unit` is the opportunities' own."""

    alpha: float
    beta: float
    gamma: float
    delta: float
    time_unit: TimeUnit

    def __post_init__(self) -> None:
        refuse_unless_positive("BG/BB", self)


RECORD = BgBb
OPPORTUNITIES = True
SPACE = Space(names=("alpha", "beta", "gamma", "delta"), lowest=(1e-4,) * 4, highest=(1e4,) * 4, times=())


def starts(rate: float) -> Sequence[Sequence[float]]:  # noqa: ARG001 - every model's starts are asked for with a rate
    """Where to begin the search."""
    return (1.0, 1.0, 0.7, 3.0), (0.5, 2.0, 0.3, 6.0), (3.0, 4.0, 1.5, 3.0)


def prior(scale_days: float) -> Prior:  # noqa: ARG001 - an opportunity has no length in days
    """A shop whose customers take one opportunity in three while they stay, give or take a factor of four in the odds,
    and of whom one in six leaves before the next. For logs that cannot carry a fit alone."""
    return Prior(centre=(0.8, 1.6, 0.6, 3.0), deviation=(1.0, 1.0, 1.0, 1.0))


def log_likelihood(point: FloatArray, rows: Rows) -> tuple[float, FloatArray]:
    """The logarithm of FHS' P(x, t_x, n) over all customers, and its gradient by (alpha, beta, gamma, delta).

    Raises ScoreError unless x <= t_x <= n for all.
    """
    alpha, beta, gamma, delta = point
    x, t_x, n = (np.rint(level.values).astype(np.int64)[level.index] for level in (rows.x, rows.t_x, rows.T))
    k = _opportunities(n)
    of_x, of_idle, of_bought = psi(alpha + k), psi(beta + k), psi(alpha + beta + k)
    of_stayed, of_all = psi(delta + k), psi(gamma + delta + k)
    digammas = np.stack((of_bought, of_stayed, of_all + 1 / (gamma + delta + k)))
    log_either, alive, (gone, bought, stayed, both, idle) = _standing(point, x, t_x, n, digammas, of_idle[None])
    value = gammaln(alpha + k)[x] + _log_terms(point, x, t_x, k) + log_either
    constant = gammaln(gamma + 1) - betaln(alpha, beta) - betaln(gamma, delta)
    bought, both = bought + alive * of_bought[n], both + alive * of_all[n]
    slopes = (
        of_x[x] - of_x[0] + of_bought[0] - bought,
        idle + alive * of_idle[n - x] - of_idle[0] + of_bought[0] - bought,
        gone / gamma + of_all[0] - both,
        stayed + alive * of_stayed[n] - of_stayed[0] + of_all[0] - both,
    )
    return float(rows.weight @ (value + constant)), np.array([rows.weight @ slope for slope in slopes])


def _opportunities(n: IntArray) -> FloatArray:
    """0, 1 .. the most of n: what all tables by k, the opportunities that somebody stayed for, are laid out along."""
    return np.arange(n.max(initial=0) + 1.0)


def _log_terms(point: FloatArray, x: IntArray, at: IntArray, k: FloatArray) -> FloatArray:
    """ln w(at), less what does not depend on `at`. In the paper's sum, w(k) = B(alpha+x, beta+k-x) B(gamma+1, delta+k)
    is for who bought x times, stayed for k opportunities and left before the next."""
    alpha, beta, gamma, delta = point
    of_k = gammaln(delta + k) - gammaln(gamma + delta + 1 + k) - gammaln(alpha + beta + k)
    terms: FloatArray = of_k[at] + gammaln(beta + k)[at - x]
    return terms


def _standing(
    point: FloatArray, x: IntArray, t_x: IntArray, n: IntArray, of_k: FloatArray, of_idle: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of each history: the logarithm of its likelihood over w(t_x); the share in it of who is alive, and of who left.

    He left before one of the opportunities t_x + 1 .. n: a sum of w(k) over k = t_x .. n - 1. Its share comes first;
    then the same sums with each term times a function of k, or of k - x, given by their tables (means of digammas are
    the slopes of a sum of beta functions). Alive: w(n) (gamma + delta + n) / gamma. Raises ScoreError unless
    x <= t_x <= n.
    """
    if ((x > t_x) | (t_x > n)).any():
        raise ScoreError("more purchases than opportunities (hint: x <= t_x <= T, all three count opportunities)")
    _, _, gamma, delta = point
    k = _opportunities(n)
    fall = np.exp(_log_terms(point, x, n, k) - _log_terms(point, x, t_x, k))
    then, now = _tails(point, x, t_x, n, of_k, of_idle)
    alive, left = fall * (gamma + delta + n) / gamma, then - fall * now
    either = alive + left[0]
    return np.log(either), alive / either, left / either


def _tails(
    point: FloatArray, x: IntArray, t_x: IntArray, n: IntArray, of_k: FloatArray, of_idle: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The sums of `_standing` from t_x on, over w(t_x), and from n on, over w(n), both to the last opportunity of all.

    Each belongs to one of few pairs of (x, k), and is found from the next: sum(k) = 1 + w(k+1) / w(k) sum(k+1). All is
    positive and w falls, so that nothing overflows and the difference of two sums loses little.
    """
    alpha, beta, gamma, delta = point
    last, counts = int(n.max(initial=0)), np.unique(x)
    k = np.arange(last)[:, None]
    then, now = np.empty((2, 1 + len(of_k) + len(of_idle), len(x)))
    for some in np.array_split(counts, len(counts) * len(then) * (last + 1) // _MOST_CELLS + 1):
        gap = np.maximum(k - some, 0)
        ratio = (beta + gap) / (alpha + beta + k) * (delta + k) / (gamma + delta + 1 + k)
        first = np.ones((last, len(then), len(some)))
        first[:, 1 : 1 + len(of_k)] = of_k.T[:-1, :, None]
        first[:, 1 + len(of_k) :] = of_idle[:, gap].swapaxes(0, 1)
        tails = _from_the_end(first, ratio)
        mine = np.flatnonzero(np.isin(x, some))
        column = np.searchsorted(some, x[mine])
        then[:, mine], now[:, mine] = tails[t_x[mine], :, column].T, tails[n[mine], :, column].T
    return then, now


def _from_the_end(first: FloatArray, ratio: FloatArray) -> FloatArray:
    """tail(k) = first(k) + ratio(k) tail(k+1), along the first axis, with one 0 more at the end.

    In a square of runs: all runs at once, each as if it were the last, and then what comes after each.
    """
    side = int(np.ceil(np.sqrt(len(first) + 1)))
    flat, fall = np.zeros((side * side, *first.shape[1:])), np.zeros((side * side, 1, first.shape[2]))
    flat[: len(first)], fall[: len(first), 0] = first, ratio
    tails, falls = flat.reshape(side, side, *flat.shape[1:]), fall.reshape(side, side, *fall.shape[1:])
    for at in range(side - 2, -1, -1):
        tails[:, at] += falls[:, at] * tails[:, at + 1]
        falls[:, at] *= falls[:, at + 1]
    for run in range(side - 2, -1, -1):
        tails[run] += falls[run] * tails[run + 1, :1]
    return flat


def p_alive(params: BgBb, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray:  # noqa: N803 - every model's name
    """P(alive at T | x, t_x, T), 0..1, before it is decided who leaves before the next opportunity.

    FHS' table 6 is of who stays for the next one: times (delta + T) / (gamma + delta + T). Raises ScoreError unless
    x <= t_x <= T.
    """
    columns = (np.rint(np.asarray(column, dtype=np.float64)).astype(np.int64) for column in (x, t_x, T))
    x, t_x, n = np.broadcast_arrays(*columns)
    k = _opportunities(n)
    _, first, back = np.unique((x * len(k) + t_x) * len(k) + n, return_index=True, return_inverse=True)
    x, t_x, distinct = (column.ravel()[first] for column in (x, t_x, n))
    nothing = np.zeros((0, len(k)))
    point = np.array((params.alpha, params.beta, params.gamma, params.delta))
    _, alive, _ = _standing(point, x, t_x, distinct, nothing, nothing)
    return np.asarray(alive[back].reshape(n.shape))


def expected_purchases(
    params: BgBb,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - every model's name
    t: ArrayLike,
) -> FloatArray:
    """E[Y(t) | x, t_x, T], purchases at the next t opportunities (FHS equation 13), linear between whole t.

    Several horizons at once: t of shape (k, 1) and customers of shape (n,) give (k, n).
    """
    bought, n = np.asarray(x, dtype=np.float64), np.asarray(T, dtype=np.float64)
    buys = (params.alpha + bought) / (params.alpha + params.beta + n)
    return p_alive(params, x, t_x, T) * buys * expected_stays(params.gamma, params.delta + n, t)


def draw(
    params: BgBb,
    x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - every model's name
    t: ArrayLike,
    chance: np.random.Generator,
) -> IntArray:
    """Purchases at the next t opportunities of customers who are alive at T, one draw for each."""
    bought, n = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(T, dtype=np.float64))
    stays = draw_stays(params.gamma, params.delta + n, t, chance)
    return chance.binomial(stays, chance.beta(params.alpha + bought, params.beta + n - bought))
