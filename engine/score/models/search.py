"""The lowest point of a smooth function of a few logarithms, its slope known. Pure numbers; what they mean is in `fit`.

A big log is searched on a sample first. From the sample's optimum and curvature, a few Newton steps on the whole arrive
where the whole search would have, because the sample's curvature is nearly that of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.score.arrays import FloatArray

Downhill = Callable[[FloatArray], tuple[float, FloatArray]]
"""Value and slope at some logarithms; both per customer, so that one tolerance serves every log."""

NOWHERE = 1e100
"""The value where the function is no number: so high that no search stays there."""
_FLAT, _NEARLY_FLAT, _MOST_STEPS = 1e-9, 1e-7, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """The best point found, as logarithms; converged when the slope there is flat."""

    logs: FloatArray
    value: float
    converged: bool

    @property
    def point(self) -> FloatArray:
        """The parameters themselves."""
        found: FloatArray = np.exp(self.logs)
        return found


def lowest(downhill: Downhill, starts: Sequence[FloatArray], low: FloatArray, high: FloatArray) -> Optimum:
    """The best end of L-BFGS-B from several starts, inside a box."""
    # a third of a second to import, and who scores by the last fit needs it not
    from scipy.optimize import minimize  # type: ignore[import-untyped]  # scipy ships no types

    ends = [
        minimize(
            downhill,
            np.clip(start, low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low, high, strict=True)),
            options={"ftol": 1e-13, "gtol": _FLAT, "maxiter": 300},
        )
        for start in starts
    ]
    best = min(ends, key=lambda end: float(end.fun))
    inward = np.clip(best.x - best.jac, low, high) - best.x  # the slope, less what only pushes against the box
    converged = bool(best.fun < NOWHERE and np.abs(inward).max() < 1e-5)
    return Optimum(logs=best.x, value=float(best.fun), converged=converged)


def refine(downhill: Downhill, near: FloatArray, curvature: FloatArray, low: FloatArray, high: FloatArray) -> Optimum:
    """Newton steps with a curvature that is nearly right, from a point that is nearly lowest.

    Not converged when a step leads up or out of the box: then only a whole search can tell.
    """
    logs = near
    value, slope = downhill(logs)
    for _ in range(_MOST_STEPS):
        if np.abs(slope).max() < _NEARLY_FLAT:
            break
        step = logs - np.linalg.solve(curvature, slope)
        then, slope = downhill(np.clip(step, low, high))
        if then > value + 1e-12 or not ((step > low) & (step < high)).all():
            return Optimum(logs=logs, value=value, converged=False)
        logs, value = step, then
    return Optimum(logs=logs, value=value, converged=bool(np.abs(slope).max() < 1e-6))


def curvature(downhill: Downhill, logs: FloatArray) -> FloatArray:
    """The matrix of second derivatives, by central differences of the slope."""
    rows = []
    for axis in range(len(logs)):
        step = np.zeros(len(logs))
        step[axis] = 1e-4
        rows.append((downhill(logs + step)[1] - downhill(logs - step)[1]) / 2e-4)
    found = np.array(rows)
    both: FloatArray = (found + found.T) / 2
    return both


def spread(curved: FloatArray, size: float, most: float = 4.0) -> FloatArray:
    """The covariance of the logarithms that a curvature per customer implies; no direction varies by more than `most`.

    Where the likelihood is flat nothing is known, and a bound says so better than a huge number.
    """
    values, axes = np.linalg.eigh(curved * size)
    found: FloatArray = (axes / np.maximum(values, 1 / most)) @ axes.T
    return found
