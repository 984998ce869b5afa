"""What is asked of a file: its columns, the model, the days, the terms; and what may be to be known of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from engine.core.money import exponent
from engine.errors import UsageError
from engine.score.fitting import AUTO, Plan
from engine.score.models import BUYING
from engine.score.terms import Terms
from engine.score.units import TimeUnit

TIERS: Mapping[str, float] = MappingProxyType({"gold": 0.9, "silver": 0.6, "bronze": 0.0})
"""The tiers of a file that belongs to no workspace: those that `premura init` proposes."""

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "no_amounts": "the file has no amounts, so purchases are counted and nobody has a value",
        "ranked_by_purchases": "nobody has a value, so percentiles and tiers go by the purchases that are expected",
        "unmatched_refunds": "money was given back for purchases that are not in the file",
        "holdout_past_log": "the holdout ends after the file's last day; the days between count as without purchases",
    }
)
"""What is to be known of a file, besides what its models say of themselves (`engine.score.flags`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for: the file, its columns ("" to guess), the model and the terms.

    calibration_end: score as of that day, and judge by what came after it up to holdout_end (the last day of the file
    by default). Without it everything is scored as of the last day, and the log's last part is the judge.
    """

    path: Path
    customer_column: str = ""
    date_column: str = ""
    amount_column: str = ""
    model: str = "auto"
    time_unit: TimeUnit = "week"
    calibration_end: date | None = None
    holdout_end: date | None = None
    terms: Terms = field(default_factory=Terms)
    currency: str = "EUR"
    cohorts: Literal["", "year", "quarter"] = ""
    seasonal: bool = True


def plan_of(request: Request) -> Plan:
    """How the file is to be modelled. Raises UsageError for names that there are not."""
    if request.model not in (AUTO, *BUYING):
        raise UsageError(f"--model: '{request.model}' is none of {AUTO}, {', '.join(BUYING)}")
    if not re.fullmatch("[A-Z]{3}", request.currency):
        raise UsageError(f"--currency: '{request.currency}' is not a code such as EUR (ISO 4217)")
    return Plan(
        model=request.model,
        time_unit=request.time_unit,
        exponent=exponent(request.currency),
        seasonal=request.seasonal,
        cohorts=request.cohorts,
    )


def days_of(request: Request, first: int, last: int) -> tuple[int, int]:
    """The day as of which is scored, and the last one that is looked at."""
    end = request.holdout_end.toordinal() if request.holdout_end else last
    if request.calibration_end is None:
        if request.holdout_end is not None:
            raise UsageError("--holdout-end goes with --calibration-end")
        return last, last
    split = request.calibration_end.toordinal()
    if not first <= split < end:
        shown = f"{date.fromordinal(first)} to {date.fromordinal(last)}"
        raise UsageError(
            f"--calibration-end {request.calibration_end} must lie in the log ({shown}) and before --holdout-end"
        )
    return split, end
