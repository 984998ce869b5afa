"""Premura: what each customer is worth, and the right care at the right moment."""

import os

__version__ = "0.1.0"

# Before numpy is loaded by anybody: fits solve four by four systems, and OpenBLAS wakes threads for each of them, which
# makes a fit three to ten times slower on a busy machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
