"""What a future purchase is worth today: how far to look, interest, margin; and the months in which it is counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.calendar import Duration
from engine.errors import ScoreError
from engine.score.arrays import FloatArray
from engine.score.units import DAYS_PER_UNIT

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a future purchase is worth: how far to look, a year's interest, and the share of a sale that is kept."""

    horizon_days: float = 365.0
    annual_rate: float = 0.10
    margin: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.horizon_days < np.inf and -1 < self.annual_rate < np.inf and 0 <= self.margin <= 1):
            raise ScoreError(
                f"horizon {self.horizon_days} days, rate {self.annual_rate}, margin {self.margin} cannot be used "
                "(hint: a positive horizon, a rate such as 0.10, a margin from 0 to 1)"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The horizon cut in pieces: where each ends, in days from now, and what one unit of money in it is worth today."""

    end_days: FloatArray
    factors: FloatArray


def days_of(duration: Duration) -> float:
    """A horizon in days, a month being a twelfth of a year."""
    return duration.days + duration.months * DAYS_PER_UNIT["month"] + duration.seconds / 86400


def monthly_steps(terms: Terms) -> Steps:
    """Months of a twelfth of a year, the last one cut at the horizon; factors from the middle of each."""
    month = DAYS_PER_UNIT["month"]
    whole = np.arange(1, int(np.ceil(terms.horizon_days / month - 1e-9)) + 1)
    ends = np.minimum(whole * month, terms.horizon_days)
    middles = (ends + np.append(0.0, ends[:-1])) / 2
    return Steps(end_days=ends, factors=(1 + terms.annual_rate) ** (-middles / DAYS_PER_YEAR))
