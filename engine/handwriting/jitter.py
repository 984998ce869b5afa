"""Seeded chance for the hand: the same seed writes the same card, another seed another one.

Sizes of the noise are standard deviations in font units (1000 to the em) for a text; an address is written with more
care.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.handwriting.fonts import Stroke


@dataclass(frozen=True, slots=True, kw_only=True)
class Wobble:
    """How far the hand strays. Per word: baseline, scale, slant; per letter: shift, size, turn; along the pen: warp."""

    word_baseline: float = 13.0
    word_scale: float = 0.018
    word_slant: float = 0.018
    word_slope: float = 0.008
    gap: float = 25.0
    shift: float = 7.0
    size: float = 0.030
    turn: float = 0.020
    advance: float = 9.0
    mark: float = 11.0
    warp: float = 8.0
    warp_length: float = 190.0
    lift: float = 0.05  # chance that the pen is lifted where it might have gone on

    def calmer(self, factor: float) -> Wobble:
        """The same hand with every noise times `factor`."""
        keep = {"warp_length": self.warp_length}
        return Wobble(**{name: keep.get(name, getattr(self, name) * factor) for name in self.__slots__})


def generator(seed: str, *parts: str) -> np.random.Generator:
    """A source of chance that only depends on the seed and the name of the piece that is drawn."""
    digest = hashlib.sha256("\0".join((seed, *parts)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def drift(rng: np.random.Generator, at: NDArray[np.float64], wave: float, columns: int = 1) -> NDArray[np.float64]:
    """Smooth noise (n, columns) of standard deviation about 1 at n increasing places, changing over about `wave`."""
    span = at[-1] - at[0]
    knots = rng.standard_normal((int(span / wave) + 2, columns)) * 1.2
    place = (at - at[0]) / wave
    left = np.minimum(place.astype(int), len(knots) - 2)
    part = (place - left)[:, None]
    part = part * part * (3 - 2 * part)
    return np.asarray(knots[left] * (1 - part) + knots[left + 1] * part)


def warp(rng: np.random.Generator, stroke: Stroke, size: float, wave: float) -> Stroke:
    """The stroke bent by a slow two-dimensional noise along its way, so that no two letters are the same."""
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    way = np.concatenate(((0.0,), np.cumsum(steps)))
    return np.asarray(stroke + drift(rng, way, wave, 2) * size)
