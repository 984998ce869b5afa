"""When customers are left in peace: quiet hours and public holidays, as a pure policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from engine.core.calendar import Window, at_local, openings, zone
from engine.core.facts import Address
from engine.core.permission import INTERNAL_CHANNELS, SILENT_CHANNELS

Holidays = Callable[[str, str, int], frozenset[date]]
"""The public holidays of a country (ISO 3166-1 alpha-2), or of a region of it, in a year."""
_SEARCH_DAYS = 70  # a window of one day a week, and Kosovo had the same weekday off five weeks in a row
_DAY = timedelta(days=1)


def _never(_day: date) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Clock times from `start` up to `end`, and days, on which nothing goes out; both in the customer's zone.

    Where `end` is not later than `start` it is that of the next day; the same clock time twice means no hours at all.
    """

    start: time = time(0)
    end: time = time(0)
    closed: Callable[[date], bool] = _never


NO_QUIET = Quiet()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietPolicy:
    """What the shop says: the hours, whether public holidays are kept (None: no), and its own country."""

    start: time = time(0)
    end: time = time(0)
    holidays: Holidays | None = None
    country: str = ""

    def around(self, *, channel: str, purpose: str, address: Address) -> Quiet:
        """What holds for a message to somebody at that address."""
        if channel in SILENT_CHANNELS | INTERNAL_CHANNELS:
            return NO_QUIET  # it rings at nobody's door
        # A night is over in a few hours, and rings the same whatever it is about. Holidays and a weekend may be four
        # days, and what a customer is owed (a reply, an honest word that it will be late) is worth most at once.
        known = self.holidays
        if known is None or purpose == "transactional":
            return Quiet(start=self.start, end=self.end)
        country = address.country or self.country
        region = address.region
        return Quiet(start=self.start, end=self.end, closed=lambda day: day in known(country, region, day.year))


def next_permitted(window: Window, quiet: Quiet, instant: datetime, tz: str) -> datetime | None:
    """The first instant at or after `instant` that lies in `window` and outside `quiet` on the clocks of `tz`.

    None where there is none for weeks: the window lies in the quiet hours.
    """
    for day, opens, closes in openings(window, instant, tz, days=_SEARCH_DAYS):
        if not quiet.closed(day) and (found := _awake(quiet, day, opens, tz)) <= closes:
            return found
    return None


def _awake(quiet: Quiet, day: date, instant: datetime, tz: str) -> datetime:
    """`instant`, on that day, or the end of the quiet hours that it lies in."""
    if quiet.start == quiet.end:
        return instant
    over = _DAY if quiet.end < quiet.start else timedelta()
    for begins in (day - _DAY, day):
        if at_local(begins, quiet.start, tz) <= instant:
            instant = max(instant, _last(begins + over, quiet.end, tz))
    return instant


def _last(day: date, clock: time, tz: str) -> datetime:
    """Like `at_local`, but of two such times the later: an hour that comes twice is quiet twice."""
    late = datetime.combine(day, clock.replace(fold=1)).replace(tzinfo=zone(tz)).astimezone(UTC)
    return max(late, at_local(day, clock, tz))  # in a gap fold=1 gives what is before the jump
