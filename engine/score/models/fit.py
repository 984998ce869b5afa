"""Finding parameters, for every model alike: compressed rows, several starts, known slopes, and no silent nonsense.

Maximum likelihood where the log can carry it. Where it cannot (see `FLAGS`), the same likelihood with a weak prior,
a normal on the logarithms of the parameters, whose centre and width stand in the model's file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]  # scipy ships no types

from engine.errors import ScoreError
from engine.score.history import FloatArray, History, IntArray

P = TypeVar("P")
Objective = Callable[[FloatArray], tuple[float, FloatArray]]

ENOUGH_CUSTOMERS = 50
ENOUGH_REPEATERS = 10

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "no_repeaters": "nobody came back yet",
        "few_repeaters": f"fewer than {ENOUGH_REPEATERS} customers came back",
        "few_customers": f"fewer than {ENOUGH_CUSTOMERS} customers",
        "boundary": "the likelihood alone runs to the edge of the possible parameters",
        "pooled_prior": "a weak prior over shops was added to the likelihood",
        "no_spend": "nobody who came back has paid anything",
        "no_spread": "everybody who came back spends the same on average",
        "infinite_mean": "the spend is so uneven that its model has no mean",
        "pooled_mean": "the spend model is replaced by the mean of all, with a customary weight for one's own",
        "not_converged": "the search stopped before its end; the numbers are its best",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit(Generic[P]):
    """Parameters, and how far to trust them: log_likelihood without any prior, flags from `FLAGS`."""

    params: P
    log_likelihood: float
    converged: bool
    flags: tuple[str, ...]
    n_customers: int
    n_repeat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Equal histories counted once; x as floats, because every formula wants them so."""

    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    weight: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """A normal on the logarithm of each parameter: its centre (given as a parameter) and its standard deviation."""

    centre: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The parameters that are looked at; a result within a factor ten of them has run to the edge."""

    lowest: tuple[float, ...]
    highest: tuple[float, ...]

    def reached(self, point: FloatArray) -> bool:
        """Whether any parameter ran to the edge."""
        return bool(np.any((point < 10 * np.array(self.lowest)) | (point > np.array(self.highest) / 10)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """The best point found; converged when the slope there is flat."""

    point: FloatArray
    converged: bool


def compress(x: IntArray, t_x: FloatArray, T: FloatArray) -> Rows:  # noqa: N803 - the papers' name
    """The distinct histories and how many customers have each."""
    order = np.lexsort((T, t_x, x))
    x, t_x, T = x[order], t_x[order], T[order]  # noqa: N806 - the papers' name
    new = np.ones(len(x), dtype=np.bool_)
    new[1:] = (np.diff(x) != 0) | (np.diff(t_x) != 0) | (np.diff(T) != 0)
    starts = np.flatnonzero(new)
    weight = np.diff(np.append(starts, len(x))).astype(np.float64)
    return Rows(x=x[starts].astype(np.float64), t_x=t_x[starts], T=T[starts], weight=weight)


def time_scale(history: History) -> float:
    """The mean age in the history's unit; a fit divides times by it, so that no parameter is far from 1."""
    mean = float(history.T.mean())
    return mean if mean > 0 else 1.0


def scarcity(history: History) -> tuple[str, ...]:
    """What the log is too small for. Raises ScoreError for an empty one."""
    if not len(history):
        raise ScoreError("nobody has bought anything yet, so there is nothing to score")
    n_repeat = int((history.frequency > 0).sum())
    if not n_repeat:
        return ("no_repeaters",)
    if n_repeat < ENOUGH_REPEATERS:
        return ("few_repeaters",)
    return ("few_customers",) if len(history) < ENOUGH_CUSTOMERS else ()


def maximise(
    objective: Objective, starts: Sequence[Sequence[float]], *, bounds: Bounds, size: float, prior: Prior | None = None
) -> Optimum:
    """The parameters, all positive, with the largest objective (plus the logarithm of the prior): L-BFGS-B on logs.

    objective: value and gradient by the parameters; starts: where to begin, the best end wins; size: number of
    observations, which makes the slope at which the search may stop the same for every log.
    """

    def downhill(logs: FloatArray) -> tuple[float, FloatArray]:
        point = np.exp(logs)
        value, gradient = objective(point)
        slope = gradient * point
        if prior is not None:
            away = (logs - np.log(prior.centre)) / prior.deviation
            value, slope = value - 0.5 * float(away @ away), slope - away / prior.deviation
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return 1e100, np.zeros_like(slope)
        return -value / size, -slope / size

    low, high = np.log(bounds.lowest), np.log(bounds.highest)
    ends = [
        minimize(
            downhill,
            np.clip(np.log(start), low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low, high, strict=True)),
            options={"ftol": 1e-13, "gtol": 1e-9, "maxiter": 300},
        )
        for start in starts
    ]
    best = min(ends, key=lambda end: float(end.fun))
    inward = np.clip(best.x - best.jac, low, high) - best.x  # the slope, less what only pushes against the bounds
    return Optimum(point=np.exp(best.x), converged=bool(best.fun < 1e100 and np.abs(inward).max() < 1e-5))


def settle(
    objective: Objective,
    starts: Sequence[Sequence[float]],
    *,
    bounds: Bounds,
    size: float,
    prior: Prior,
    scarce: tuple[str, ...],
) -> tuple[Optimum, tuple[str, ...]]:
    """Maximum likelihood; with the prior when the log is scarce or the likelihood runs to an edge. Says which."""
    flags = scarce
    optimum = None if scarce else maximise(objective, starts, bounds=bounds, size=size)
    if optimum is None or bounds.reached(optimum.point):
        optimum = maximise(objective, starts, bounds=bounds, size=size, prior=prior)
        flags = (*(scarce or ("boundary",)), "pooled_prior")
    return optimum, flags if optimum.converged else (*flags, "not_converged")


def refuse_impossible(log_likelihood: float, ceiling: float = np.inf) -> None:
    """Raise ScoreError unless the value is finite and not above what any parameters can reach."""
    if not np.isfinite(log_likelihood) or log_likelihood > ceiling + 1e-6 * (1 + abs(ceiling)):
        raise ScoreError(
            f"the fit ended at an impossible likelihood ({log_likelihood:.6g}); no score is better than a wrong one "
            "(hint: look for dates or amounts that are far off)"
        )
