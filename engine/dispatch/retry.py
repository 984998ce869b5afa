"""What a failed attempt leads to: a pure policy over what the adapter said and how often it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.actions import State
from engine.core.keys import fraction
from engine.errors import DeliveryError

MAX_ATTEMPTS = 20
"""With the waits below about three days: a provider that is away over a weekend costs nothing that is still valid."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
LONGEST_ASKED = timedelta(days=1)
"""However long a provider asks us to wait, we look again after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The state that an action goes to after a failed attempt, and when it is due again if it is to be retried."""

    state: State
    outcome: str  # the attempt row's word
    due_at: datetime | None = None


def after_failure(
    error: DeliveryError, *, action: str, attempt: int, now: datetime, replayable: bool = False, doubted: bool = False
) -> Outcome:
    """Retry what was surely not sent, later and later; give up on what cannot work; doubt what may have gone out.

    The wait doubles from a minute to six hours and is spread by up to half by a lot drawn from the action's id, so that
    a crowd that failed together does not come back together. replayable: the adapter can be given the same bytes again,
    so that a doubt is cleared by another attempt, as late as a retry and as bounded. doubted: of an attempt before this
    one nobody knows what became, so that it is still in doubt when this one surely was not sent.
    """
    asked = timedelta(seconds=min(max(0.0, error.retry_after or 0.0), LONGEST_ASKED.total_seconds()))
    due_at = None if attempt >= MAX_ATTEMPTS else now + max(wait(action, attempt), asked)
    if error.ambiguous or doubted:
        outcome = "unknown" if error.ambiguous else "rejected" if error.permanent else "retry"
        again = replayable and (error.ambiguous or not error.permanent)
        return Outcome(state=State.UNKNOWN, outcome=outcome, due_at=due_at if again else None)
    if error.permanent or due_at is None:
        return Outcome(state=State.REJECTED, outcome="rejected")
    return Outcome(state=State.RETRY_AT, outcome="retry", due_at=due_at)


def wait(action: str, attempt: int) -> timedelta:
    """How long an action waits after so many attempts."""
    longer = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
    return longer * (1 + fraction("retry", action, str(attempt)) / 2)
