"""How often a customer, or a household, may hear from us: a pure policy over when they did and will."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core.calendar import Duration, Window, add
from engine.core.quiet import NO_QUIET, Quiet, next_permitted

CAPPED_CHANNELS = frozenset(("email", "note"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """No stretch may hold more than `messages` (at least 1) words to `who`.

    touches: when they heard from us and when they will.
    """

    touches: Sequence[datetime]
    messages: int
    who: str = "customer"  # or household


def first_allowed(
    due: datetime, *, limits: Sequence[Limit], within: Duration, window: Window, tz: str, quiet: Quiet = NO_QUIET
) -> datetime | None:
    """The first instant at or after `due`, inside the window and not quiet, at which one more word keeps every limit.

    No stretch of `within` that holds the new word may hold more than a limit says. A place becomes free only when a
    touch is `within` old: no other instants are tried. None when the window lies wholly in the quiet hours.
    """
    taken = [(sorted(limit.touches), limit.messages) for limit in limits]
    freed = {add(touch, within, tz) for touches, _ in taken for touch in touches}
    candidates = sorted({due, *(moved for moved in freed if moved > due)})
    for candidate in candidates:
        instant = next_permitted(window, quiet, candidate, tz)
        if instant is None or not any(_too_many(touches, instant, most, within, tz) for touches, most in taken):
            return instant
    return next_permitted(window, quiet, candidates[-1], tz)


def _too_many(taken: Sequence[datetime], instant: datetime, messages: int, within: Duration, tz: str) -> bool:
    """Whether `instant` would be one of more than `messages` words in a stretch; `taken` is in order."""
    place = bisect_left(taken, instant)
    times = [*taken[:place], instant, *taken[place:]]
    stretches = zip(times[max(0, place - messages) : place + 1], times[max(messages, place) :], strict=False)
    return any(last < add(first, within, tz) for first, last in stretches)
