"""How good a model is, judged on purchases that it has not seen, and always beside what needs no model.

No single figure is enough: predicting zero for everybody has a small MAE, and plain past frequency ranks well. Equal
predictions are never ordered by luck: wherever order matters, customers with the same prediction share what they did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.history import History
from engine.score.units import TimeUnit
from engine.score.window import ValidationWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Errors per customer, and how the ranking fares; None where the window says nothing (nobody bought).

    bias_pct: total predicted over total actual, less 100 %. norm_gini: 1 is the best possible ranking, 0 is chance.
    top_decile_share: of all that was bought, the share of the tenth predicted to buy most. deciles: mean predicted and
    mean actual per tenth of the customers, the best predicted first.
    """

    mae: float
    rmse: float
    bias_pct: float | None
    norm_gini: float | None
    top_decile_share: float | None
    deciles: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A model's figures on a validation window, `length` time units long, beside those of the baselines."""

    model: Figures
    baselines: Mapping[str, Figures]
    length: float
    time_unit: TimeUnit
    n_customers: int


def validate(predicted: FloatArray, history: History, window: ValidationWindow) -> Validation:
    """Judge predictions of the window's purchases, one per customer of the history.

    Baselines: ``rate``, everybody goes on at his own x / T; ``frequency``, at x over the mean T. Raises ScoreError when
    nobody is there to be judged, or units differ.
    """
    if history.time_unit != window.time_unit:
        raise ScoreError(f"the history counts {history.time_unit}s, the validation window {window.time_unit}s")
    x, age = history.frequency, history.T
    rate = np.divide(x, age, out=np.zeros_like(age), where=age > 0)
    frequency = x / max(float(age.mean()), 1e-9) if len(x) else age
    return Validation(
        model=figures(predicted, window.purchases),
        baselines={
            "rate": figures(rate * window.length, window.purchases),
            "frequency": figures(frequency * window.length, window.purchases),
        },
        length=window.length,
        time_unit=window.time_unit,
        n_customers=len(history),
    )


def figures(predicted: FloatArray, actual: FloatArray | IntArray) -> Figures:
    """All figures at once. Raises ScoreError for an empty or unequal pair, or a prediction that is no number."""
    if not len(predicted) or len(predicted) != len(actual) or not np.isfinite(predicted).all():
        raise ScoreError("validation needs one finite prediction for each customer, and at least one customer")
    error = predicted - actual
    total = float(actual.sum())
    return Figures(
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        bias_pct=100 * (float(predicted.sum()) / total - 1) if total else None,
        norm_gini=norm_gini(predicted, actual),
        top_decile_share=float(_gathered(predicted, actual, 0.1)) / total if total else None,
        deciles=_deciles(predicted, actual),
    )


def norm_gini(predicted: FloatArray, actual: FloatArray | IntArray) -> float | None:
    """The Gini of what was bought in the predicted order over that in the best order; None when all bought the same."""
    best = _gini(np.asarray(actual, dtype=np.float64), actual)
    return _gini(predicted, actual) / best if best > 1e-12 else None


def _gini(predicted: FloatArray, actual: FloatArray | IntArray) -> float:
    """Twice the area between the curve of what the first customers bought and the straight line."""
    shares = _curve(predicted, actual)
    return float((shares[1:] + shares[:-1]).mean() / shares[-1] - 1) if shares[-1] else 0.0


def _curve(predicted: FloatArray, actual: FloatArray | IntArray) -> FloatArray:
    """What the first 0, 1, ... n customers bought, the best predicted first; equal ones share it evenly."""
    scale = float(np.abs(predicted).max()) or 1.0
    _, tied = np.unique(np.round(predicted / scale, 12), return_inverse=True)
    shared = (np.bincount(tied, weights=actual) / np.bincount(tied))[tied]
    return np.append(0.0, np.cumsum(shared[np.argsort(-tied)]))


def _gathered(predicted: FloatArray, actual: FloatArray | IntArray, share: float | FloatArray) -> FloatArray:
    """What the best predicted share of the customers bought; a customer on the edge counts in part."""
    curve = _curve(predicted, actual)
    return np.asarray(np.interp(np.asarray(share) * len(predicted), np.arange(len(curve)), curve))


def _deciles(predicted: FloatArray, actual: FloatArray | IntArray) -> tuple[tuple[float, float], ...]:
    edges, size = np.linspace(0, 1, 11), len(predicted) / 10
    expected = np.diff(_gathered(predicted, predicted, edges)) / size
    found = np.diff(_gathered(predicted, actual, edges)) / size
    return tuple(zip(expected.tolist(), found.tolist(), strict=True))
