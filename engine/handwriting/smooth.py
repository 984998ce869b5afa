"""Rounds the corners of pen strokes, as a hand in motion does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.handwriting.fonts import Stroke

STEP = 16.0  # font units between the points of a finished stroke
_TICK = 60.0  # shorter strokes are dots, which are not rounded
_KERNEL = np.exp(-0.5 * (np.arange(-5, 6) / 1.65) ** 2)  # a Gaussian of 26 font units
_KERNEL /= _KERNEL.sum()
_PAD = len(_KERNEL) // 2


def rounded(strokes: Sequence[Stroke]) -> tuple[Stroke, NDArray[np.int_]]:
    """All strokes at even distances of about STEP and with round corners; ends stay where they are.

    Returns the points of all strokes one after the other, shape (n, 2), and how many points each stroke has. A Gaussian
    runs along each stroke, which is mirrored in its end points; all strokes go through it in one pass.
    """
    raw = np.concatenate(strokes)
    last = np.cumsum([len(stroke) for stroke in strokes]) - 1
    first = np.append(0, last[:-1] + 1)
    way = np.hypot(*np.diff(raw, axis=0, prepend=raw[:1]).T)
    way[first] = 1.0
    way = np.cumsum(way)
    length = way[last] - way[first]
    sizes = np.maximum(2, np.rint(length / STEP).astype(int) + 1)

    padded = sizes + 2 * _PAD
    of = np.repeat(np.arange(len(sizes)), padded)  # the stroke that a sample belongs to
    index = np.arange(len(of)) - (np.cumsum(padded) - padded)[of] - _PAD
    place = index * (length / (sizes - 1))[of]
    before, beyond = index < 0, index >= sizes[of]
    place = np.where(before, -place, np.where(beyond, 2 * length[of] - place, place))
    place = way[first][of] + np.clip(place, 0.0, length[of])
    samples = np.column_stack((np.interp(place, way, raw[:, 0]), np.interp(place, way, raw[:, 1])))
    for outside, end in ((before, first), (beyond, last)):
        samples[outside] = 2 * raw[end[of[outside]]] - samples[outside]
    smooth = np.column_stack([np.convolve(samples[:, axis], _KERNEL, "same") for axis in (0, 1)])
    smooth[length[of] < _TICK] = samples[length[of] < _TICK]
    return smooth[~(before | beyond)], sizes


def resampled(stroke: Stroke, step: float) -> Stroke:
    """Points at even distances of about `step` along one stroke, corners and ends kept."""
    way = np.concatenate(((0.0,), np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))))
    at = np.linspace(0, way[-1], max(2, round(way[-1] / step) + 1))
    return np.column_stack((np.interp(at, way, stroke[:, 0]), np.interp(at, way, stroke[:, 1])))
