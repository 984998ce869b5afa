"""When to leave a failing provider alone, and when to try it again: a pure policy over an adapter's failures in a row.

While it is open nothing of that adapter is claimed: actions keep their attempts and stay ready.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from engine.core.breaker import Breaker
from engine.errors import DeliveryError

FAILURES = 5
"""So many in a row are no accident any more."""
FIRST_OPEN = timedelta(seconds=30)
LONGEST_OPEN = timedelta(minutes=10)
PROBE = timedelta(minutes=1)
"""If nothing was heard of a probe after that, another one may go: its worker may be gone."""


def after(breaker: Breaker, error: DeliveryError | None, now: datetime) -> Breaker:
    """The breaker after one answer: None for a success.

    Who refuses one message for good is there and works: that counts as a success. Open, it stays open as long as it
    was to, whatever comes of what was under way before; after a failed probe twice as long as the last time, and as
    long as the provider asked for, up to `LONGEST_OPEN`.
    """
    if error is None or (error.permanent and not error.ambiguous):
        return Breaker()
    failed = replace(breaker, failures=breaker.failures + 1, reason=str(error))
    if breaker.open_until is not None and not breaker.probing:
        return failed
    if breaker.open_until is None and failed.failures < FAILURES:
        return failed
    return replace(failed, open_until=now + _length(breaker.trips, error), trips=breaker.trips + 1, probing=False)


def allows(breaker: Breaker, now: datetime) -> int | None:
    """How many messages may be sent now: None any number, 0 none, 1 to see whether the provider is back."""
    if breaker.open_until is None:
        return None
    return 0 if now < breaker.open_until <= now + LONGEST_OPEN else 1  # later: the clock was set back


def probe(breaker: Breaker, now: datetime) -> Breaker:
    """The breaker with a probe under way, so that no other worker sends one; to be saved before it is sent."""
    return replace(breaker, open_until=now + PROBE, probing=True)


def _length(trips: int, error: DeliveryError) -> timedelta:
    asked = min(max(0.0, error.retry_after or 0.0), LONGEST_OPEN.total_seconds())
    return max(min(LONGEST_OPEN, FIRST_OPEN * 2.0 ** min(trips, 30)), timedelta(seconds=asked))
