"""A shop's year, and the clock that takes it out of every model; `yearly` finds out whether there is one.

If customers buy i(d) times as often on day d of the year as on an average day, time measured by C(d), the integral of
i, runs faster in a busy season, and by that clock nobody's rate changes with the season any more. So a continuous-time
model (BG/NBD, MBG/NBD, Pareto/NBD) needs no change: t_x, T and horizons are measured by the clock (`summarise` and
`History.ahead` take it). Operational time: Feller, An Introduction to Probability Theory II, 1971, X.7. A model of
whole periods (BG/BB) cannot use it. Interest is paid by the calendar, so discounting stays in calendar days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import ScoreError
from engine.score.arrays import FloatArray

DAYS_PER_YEAR = 365.25
NEW_YEAR = 730_120
"""1 January 2000; years of 365.25 days from there stay within two days of the calendar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """How busy each of the equal parts of a year is, from 1 January; 1 is average. ScoreError unless positive, mean 1.

    A year has 365.25 days, so the parts drift by less than two days against the calendar.
    """

    index: tuple[float, ...]

    def __post_init__(self) -> None:
        index = np.array(self.index)
        if not (len(index) and np.isfinite(index).all() and (index > 0).all() and abs(index.mean() - 1) < 1e-6):
            raise ScoreError(f"a season needs positive numbers with mean 1, not {self.index}")

    def clock(self, days: ArrayLike) -> FloatArray:
        """Seasonal days at each day (an ordinal, or any instant between); only differences have a meaning.

        Any 365.25 days are 365.25 seasonal days; 365 or 366 days differ from that by a quarter (three quarters) of the
        index of the day in question, with December at three times the rest by less than 0.6 %.
        """
        days = np.asarray(days, dtype=np.float64)
        parts = len(self.index)
        gained = np.append(0.0, np.cumsum(np.array(self.index) - 1)) * DAYS_PER_YEAR / parts
        gained[-1] = 0.0
        years = (days - NEW_YEAR) / DAYS_PER_YEAR
        clocked: FloatArray = days + np.interp((years - np.floor(years)) * parts, np.arange(parts + 1), gained)
        return clocked

    def months(self) -> FloatArray:
        """The mean index of each twelfth of the year."""
        ends = self.clock(NEW_YEAR + np.arange(13) * DAYS_PER_YEAR / 12)
        found: FloatArray = np.diff(ends) * 12 / DAYS_PER_YEAR
        return found


IDENTITY = Season(index=(1.0,))
"""No season: its clock shows days."""
