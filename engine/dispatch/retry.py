"""What a failed attempt leads to: a pure policy over what the adapter said and how often it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.actions import State
from engine.core.keys import fraction
from engine.errors import DeliveryError

MAX_ATTEMPTS = 8
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The state that an action goes to after a failed attempt, and when it is due again if it is to be retried."""

    state: State
    outcome: str  # the attempt row's word
    due_at: datetime | None = None


def after_failure(error: DeliveryError, *, action: str, attempt: int, now: datetime) -> Outcome:
    """Retry what was surely not sent, later and later; give up on what cannot work; doubt what may have gone out.

    The wait doubles from a minute to six hours and is spread by up to half by a lot drawn from the action's id, so that
    a crowd that failed together does not come back together.
    """
    if error.ambiguous:
        return Outcome(state=State.UNKNOWN, outcome="unknown")
    if error.permanent or attempt >= MAX_ATTEMPTS:
        return Outcome(state=State.REJECTED, outcome="rejected")
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1))
    wait *= 1 + fraction("retry", action, str(attempt)) / 2
    if error.retry_after is not None:
        wait = max(wait, timedelta(seconds=error.retry_after))
    return Outcome(state=State.RETRY_AT, outcome="retry", due_at=now + wait)
