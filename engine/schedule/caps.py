"""How often a customer may hear from us: a pure policy over when they did and will."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.core.calendar import Duration, Window, add, next_in

CAPPED_CHANNELS = frozenset(("email", "note"))


def first_allowed(
    due: datetime, *, touches: Sequence[datetime], messages: int, within: Duration, window: Window, tz: str
) -> datetime:
    """The first instant at or after `due`, inside the window, at which one more word keeps to the cap.

    touches: when the customer heard from us and when they will. No stretch of `within` may hold more than `messages`.
    """
    candidates = [due, *(moved for touch in touches if (moved := add(touch, within, tz)) > due)]
    for candidate in sorted(candidates):
        instant = next_in(window, candidate, tz)
        if not _too_many(sorted([*touches, instant]), messages, within, tz):
            return instant
    return next_in(window, max(candidates), tz)


def _too_many(times: Sequence[datetime], messages: int, within: Duration, tz: str) -> bool:
    crowded = zip(times, times[messages:], strict=False)
    return any(last < add(first, within, tz) for first, last in crowded)
