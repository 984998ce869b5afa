"""Columns that are written plainly throughout: read at once, with the answers that `values` gives cell by cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from engine.core.calendar import at_locals
from engine.ingest.values import YEARS

_CLOCKS = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?\n)+")
_POINTS = re.compile(r"(?:-?[0-9]{1,15}(?:\.[0-9]{2})?\n)+")


def instants(said: Sequence[Any], tz: str) -> list[datetime] | None:
    """Of 2026-12-31 18:30, by the clock of `tz`; None when one of them is anything else."""
    if set(map(type, said)) != {str} or not _CLOCKS.fullmatch(text := "\n".join((*said, ""))):
        return None
    try:
        walls = list(map(datetime.fromisoformat, text.replace("\n", "+00:00\n").splitlines()))
    except ValueError:
        return None
    known = (
        len(walls) == len(said) and min(walls).year in YEARS and max(walls).year in YEARS
    )  # no line end inside of one
    return at_locals(walls, tz) if known else None


def numbers(said: Sequence[Any], decimal: str) -> list[float] | None:
    """Of 12.50 and 12, and of numbers that are ones already; None when one of them is anything else."""
    if set(map(type, said)) == {float}:
        return list(said) if all(map(isfinite, said)) else None
    if decimal not in ("", ".") or not _all(_POINTS, said):
        return None
    try:
        return list(map(float, said))
    except ValueError:  # a line end inside of one
        return None


def _all(form: re.Pattern[str], said: Sequence[Any]) -> bool:
    """Whether each is a text of that form; it ends with a line end."""
    return set(map(type, said)) == {str} and form.fullmatch("\n".join((*said, ""))) is not None
