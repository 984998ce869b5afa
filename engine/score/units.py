"""Units of time, which travel with every number, and clocks by which time is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np

from engine.score.arrays import FloatArray, IntArray

TimeUnit = Literal["day", "week", "month"]
DAYS_PER_UNIT: Mapping[TimeUnit, float] = MappingProxyType({"day": 1.0, "week": 7.0, "month": 365.25 / 12})
Clock = Callable[[FloatArray | IntArray], FloatArray]
"""From calendar days (running numbers) to the days that a model counts; `engine.score.season` makes other ones."""


def calendar(days: FloatArray | IntArray) -> FloatArray:
    """The clock on which all days are equally long."""
    return np.asarray(days, dtype=np.float64)
