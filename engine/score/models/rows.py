"""Histories as a likelihood reads them: equal ones counted once, and each column by its few distinct values.

A shop with a million customers has some hundred purchase counts and some hundred ages in days, so that what depends on
one column alone (a logarithm, a gamma function) is computed once for each distinct value and spread over the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.score.arrays import FloatArray, IntArray
from engine.score.history import History
from engine.score.units import DAYS_PER_UNIT

_MOST_LEVELS = 200_000
_MOST_KEYS = 2**62
_MOST_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """One column of many rows: its distinct values, which row has which, and the weight of all rows that have it."""

    values: FloatArray
    index: IntArray
    weight: FloatArray

    def spread(self, at_levels: FloatArray) -> FloatArray:
        """What was computed for each distinct value, for each row."""
        return at_levels[self.index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Distinct histories; x as floats, because every formula wants them so. weight: how many customers have each."""

    x: Levels
    t_x: Levels
    T: Levels
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.weight)


def rows_of(history: History, scale: float = 1.0) -> Rows:
    """The distinct histories, their times in units of `scale` (which is in the history's own unit)."""
    days = DAYS_PER_UNIT[history.time_unit]
    columns = (
        _levels(history.frequency.astype(np.float64), 1.0),
        _levels(history.recency, days),
        _levels(history.T, days),
    )
    indices, weight = _distinct(*columns)
    x, t_x, age = (
        _weighed(values / divisor, index, weight)
        for (values, _), divisor, index in zip(columns, (1.0, scale, scale), indices, strict=True)
    )
    return Rows(x=x, t_x=t_x, T=age, weight=weight)


def _weighed(values: FloatArray, index: IntArray, weight: FloatArray) -> Levels:
    at_levels = np.bincount(index, weights=weight, minlength=len(values)).astype(np.float64)
    return Levels(values=values, index=index, weight=at_levels)


def _levels(column: FloatArray, per_unit: float) -> tuple[FloatArray, IntArray]:
    """Distinct values and the place of each row's among them; whole days (or counts) are their own place."""
    whole = np.rint(column * per_unit)
    most = whole.max(initial=0)
    if most < _MOST_LEVELS and (np.abs(whole - column * per_unit) < 1e-6).all():
        return np.arange(most + 1) / per_unit, whole.astype(np.int64)
    values, index = np.unique(column, return_inverse=True)
    return values, index


def _distinct(*columns: tuple[FloatArray, IntArray]) -> tuple[list[IntArray], FloatArray]:
    """For each distinct combination its place in every column, and how often it occurs."""
    sizes = [len(values) for values, _ in columns]
    indices = [index for _, index in columns]
    if float(np.prod(np.array(sizes, dtype=np.float64))) >= _MOST_KEYS:  # cannot be one number; rows stay as they are
        return indices, np.ones(len(indices[0]))
    key = indices[0]
    for size, index in zip(sizes[1:], indices[1:], strict=True):
        key = key * size + index
    keys, counts = np.unique(key, return_counts=True)
    found = []
    for size in reversed(sizes):
        keys, place = np.divmod(keys, size)
        found.append(place)
    return found[::-1], counts.astype(np.float64)


def pairs(history: History) -> tuple[FloatArray, FloatArray, IntArray]:
    """The distinct pairs of x and T, and which of them each customer has: what one expects of those who stay."""
    x, of_x = _levels(history.frequency.astype(np.float64), 1.0)
    age, of_age = _levels(history.T, DAYS_PER_UNIT[history.time_unit])
    keys, index = ticked_off(of_x * len(age) + of_age, len(x) * len(age))
    return x[keys // len(age)], age[keys % len(age)], index


def ticked_off(places: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """`np.unique` with its inverse of places below a size: faster than sorting where there are few enough cells."""
    if size > _MOST_CELLS:
        found, index = np.unique(places, return_inverse=True)
        return found, index
    there = np.zeros(size, dtype=np.bool_)
    there[places] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[places]
