"""log I(t) of `pareto_nbd` over all x and t of a log: a smooth sheet, computed at some points, read between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.chebyshev import chebpts1, chebvander
from scipy.sparse import csr_array  # type: ignore[import-untyped]  # scipy ships no types

from engine.score.arrays import FloatArray, IntArray
from engine.score.models.pareto_tail import leaving

Column = tuple[FloatArray, IntArray]
"""Distinct values, and which of them each row has."""
_MOST_CELLS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Distinct pairs of x and t, sorted; both by their place among the distinct values."""

    x: IntArray
    t: IntArray


def cells_of(x: Column, t: Column) -> tuple[Cells, IntArray]:
    """The distinct pairs of two columns, and which of them each row has."""
    key, most = x[1] * len(t[0]) + t[1], len(x[0]) * len(t[0])
    if most > _MOST_CELLS:
        pairs, index = np.unique(key, return_inverse=True)
    else:  # a table of all possible pairs is faster than sorting
        table = np.zeros(most, dtype=np.int64)
        table[key] = 1
        pairs = np.flatnonzero(table)
        table[pairs] = np.arange(len(pairs))
        index = table[key]
    place_x, place_t = np.divmod(pairs, len(t[0]))
    return Cells(x=place_x, t=place_t), index


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """log I over x and t: values and slopes at Chebyshev points of log(m+t), m the smaller of alpha and beta.

    logs: (x, points); slopes: (4, x, points); low, high: the ends, in log(m+t).
    """

    logs: FloatArray
    slopes: FloatArray
    m: float
    low: float
    high: float


def sheet_of(point: FloatArray, x: FloatArray, first: float, last: float) -> Sheet:
    """log I for these x and all t between two. In log(m+t) its nearest singularity is pi away from the real axis, so
    that eight points and four more for each unit of length find it to ten digits."""
    m = min(point[1], point[3])
    low, high = np.log(m + first), np.log(m + last)
    count = 8 + int(np.ceil(4 * (high - low)))
    at = low + (high - low) * (1 + chebpts1(count)) / 2
    t = np.clip(np.exp(at) - m, first, last)
    logs, slopes = leaving(point, np.repeat(x, count), np.tile(t, len(x)))
    return Sheet(logs=logs.reshape(len(x), count), slopes=slopes.reshape(4, len(x), count), m=m, low=low, high=high)


def basis_of(sheet: Sheet, t: FloatArray) -> FloatArray:
    """What each point of a sheet counts for at each t: (t, points)."""
    count, width = sheet.logs.shape[1], max(sheet.high - sheet.low, 1e-12)
    along = np.clip(2 * (np.log(sheet.m + t) - sheet.low) / width - 1, -1, 1)
    halved = np.where(np.arange(count) > 0, 2, 1) / count
    basis: FloatArray = chebvander(along, count - 1) * halved @ chebvander(chebpts1(count), count - 1).T
    return basis


def read(sheet: Sheet, cells: Cells, basis: FloatArray) -> FloatArray:
    """log I at each cell."""
    found = np.empty(len(cells.t))
    for start in range(0, len(found), 1024):
        some = slice(start, start + 1024)
        found[some] = np.einsum("ik,ik->i", sheet.logs[cells.x[some]], basis[cells.t[some]])
    return found


def trace(sheet: Sheet, cells: Cells, basis: FloatArray, weight: FloatArray) -> FloatArray:
    """The gradient of the sum over the cells of weight * log I."""
    kinds = len(sheet.logs)
    weights = csr_array((weight, cells.t, np.searchsorted(cells.x, np.arange(kinds + 1))), shape=(kinds, len(basis)))
    gradient: FloatArray = np.tensordot(sheet.slopes, weights @ basis, axes=2)
    return gradient
