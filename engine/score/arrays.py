"""Names for the arrays of this room, one value per customer, row or level, and how to go through many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.signedinteger[Any]]
"""Of 64 bits, but for millions of customers and days, which may have 32: half the memory to touch."""
BoolArray = NDArray[np.bool_]


def pieces(length: int, size: int) -> Iterator[slice]:
    """Slices that cover so many elements. Fresh memory for millions costs more than the sums; a piece is kept warm."""
    return (slice(start, min(start + size, length)) for start in range(0, length, size))
