"""What became of the steps that a rule decided in the past, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class End(StrEnum):
    """What became of a step, or of an occasion on which the rule did nothing."""

    SENT = "sent"
    COMING = "coming"  # due after the period
    WAITING = "waiting"  # what it waits for may still come after the period
    STOPPED = "stopped"  # by an event, or because its date moved
    IN_VAIN = "in_vain"  # what it waited for did not come in time, or its condition was false of it
    PERMISSION = "permission"  # no consent, a suppression, an open complaint, no address
    CAP = "cap"  # of the customer or the household
    BUDGET = "budget"
    LATE = "late"  # past its time, or its window never opens
    HOLDOUT = "holdout"
    AGAIN = "again_after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One step and what became of it; without a step, an occasion on which nothing was done.

    at: when it went out, or would have; deferred: later than it would have been without caps and
    budgets. cost_micro: of what went out, in millionths of a unit of the currency.
    """

    customer: int
    decided_at: datetime
    occurrence: str
    end: End
    at: datetime
    step: str = ""
    channel: str = ""
    reason: str = ""
    deferred: bool = False
    cost_micro: int = 0
