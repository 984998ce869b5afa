"""The days that are replayed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from engine.core.calendar import at_local


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days that are replayed, from the first instant of the one to the last of the other, on the shop's clock."""

    since: date
    until: date
    time_zone: str

    @property
    def begins(self) -> datetime:
        """The first instant."""
        return at_local(self.since, time(0), self.time_zone)

    @property
    def ends(self) -> datetime:
        """The last instant."""
        return at_local(self.until + timedelta(days=1), time(0), self.time_zone) - timedelta(microseconds=1)
