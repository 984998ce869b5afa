"""How often a customer may hear from us: a pure policy over when they did and will."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime

from engine.core.calendar import Duration, Window, add
from engine.core.quiet import NO_QUIET, Quiet, next_permitted

CAPPED_CHANNELS = frozenset(("email", "note"))


def first_allowed(
    due: datetime,
    *,
    touches: Sequence[datetime],
    messages: int,
    within: Duration,
    window: Window,
    tz: str,
    quiet: Quiet = NO_QUIET,
) -> datetime | None:
    """The first instant at or after `due`, inside the window and not quiet, at which one more word keeps to the cap.

    touches: when the customer heard from us and when they will. No stretch of `within` that holds the new word may hold
    more than `messages` (at least 1). A place becomes free only when a touch is `within` old: no other instants are
    tried. None when the window lies wholly in the quiet hours.
    """
    taken = sorted(touches)
    candidates = [due, *(moved for touch in taken if (moved := add(touch, within, tz)) > due)]
    for candidate in sorted(candidates):
        instant = next_permitted(window, quiet, candidate, tz)
        if instant is None or not _too_many(taken, instant, messages, within, tz):
            return instant
    return next_permitted(window, quiet, max(candidates), tz)


def _too_many(taken: Sequence[datetime], instant: datetime, messages: int, within: Duration, tz: str) -> bool:
    """Whether `instant` would be one of more than `messages` words in a stretch; `taken` is in order."""
    place = bisect_left(taken, instant)
    times = [*taken[:place], instant, *taken[place:]]
    stretches = zip(times[max(0, place - messages) : place + 1], times[max(messages, place) :], strict=False)
    return any(last < add(first, within, tz) for first, last in stretches)
