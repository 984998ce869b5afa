"""Names for the arrays of this room: one value per customer, row or level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.signedinteger[Any]]
"""Of 64 bits, but for millions of customers and days, which may have 32: half the memory to touch."""
BoolArray = NDArray[np.bool_]
