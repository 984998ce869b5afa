"""Seeded chance: the same seed tells the same story, whatever the numpy.

Every draw comes from `Generator.random` over PCG64: the bit stream is fixed by numpy's policy (NEP 19), and so is the
step from 53 bits to a fraction; the cleverer distributions of `Generator` may change between versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p
from typing import TypeVar

import numpy as np

Chance = np.random.Generator
T = TypeVar("T")


def seeded(seed: int, *path: int) -> Chance:
    """A stream of its own for that place in the story, so that one customer's life does not depend on another's."""
    return np.random.Generator(np.random.PCG64([seed, *path]))


def happens(rng: Chance, probability: float) -> bool:
    """True that often."""
    return float(rng.random()) < probability


def between(rng: Chance, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int(rng.random() * (high - low + 1))


def pick(rng: Chance, items: Sequence[T]) -> T:
    """One of the items, all alike."""
    return items[int(rng.random() * len(items))]


def weighted(rng: Chance, items: Sequence[tuple[T, float]]) -> T:
    """One of the items, each as often as its weight says."""
    mark = float(rng.random()) * sum(weight for _, weight in items)
    for item, weight in items:
        mark -= weight
        if mark < 0:
            return item
    return items[-1][0]


def wait(rng: Chance, mean: float) -> float:
    """An exponential waiting time."""
    return -mean * log1p(-float(rng.random()))
