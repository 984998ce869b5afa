"""When something that is due must wait all the same: a pure policy over its window, quiet hours and the shop's cap.

Schedule has dated it inside all of them; but after a standstill, an outage of the provider or a late approval, the hour
is another, and things that were dated days apart are due at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from engine.core.calendar import Duration, Window, add
from engine.core.quiet import Quiet, next_permitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """How many words a customer, and a household (None: any number), may hear in any stretch of `within`.

    Transactional ones do not count.
    """

    messages: int
    within: Duration
    household: int | None = None

    def since(self, now: datetime, tz: str) -> datetime:
        """The beginning of the stretch that ends now."""
        within = self.within
        return add(now, Duration(months=-within.months, days=-within.days, seconds=-within.seconds), tz)

    def allows_from(self, heard: Sequence[datetime], now: datetime, tz: str) -> datetime:
        """The first instant from now on at which one more word keeps to the cap.

        heard: when the customer heard from us in the stretch that ends now, oldest first.
        """
        return self._from(self.messages, heard, now, tz)

    def home_allows_from(self, heard: Sequence[datetime], now: datetime, tz: str) -> datetime:
        """The same for the household. heard: when any of those who live together heard from us."""
        return now if self.household is None else self._from(self.household, heard, now, tz)

    def _from(self, most: int, heard: Sequence[datetime], now: datetime, tz: str) -> datetime:
        if len(heard) < most:
            return now
        return max(now, add(heard[-most], self.within, tz))


@lru_cache(maxsize=4096)  # a batch asks the same of many customers
def opens(channel: str, window: Window, quiet: Quiet, instant: datetime, tz: str) -> datetime:
    """The first instant from one on at which it may go out. Only a mail arrives when it is sent; paper goes by post."""
    if channel != "email":
        return instant
    # Never, since the shop has other quiet hours than when it was dated: asked again every day until it expires.
    return next_permitted(window, quiet, instant, tz) or instant + timedelta(days=1)
