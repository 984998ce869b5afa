"""When an action is due: its earliest instant, moved into its window on the customer's clocks, less the lead days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.core.actions import Plan
from engine.core.calendar import Duration, add, next_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """When an action goes out, and until when it still makes sense."""

    due_at: datetime
    valid_until: datetime


def date_action(plan: Plan, *, not_before: datetime, now: datetime, tz: str, lead_days: int = 0) -> Dated:
    """The due instant of a step.

    not_before: the moment that triggered it plus the step's `after`; the customer is to have it at the first instant of
    the window from then on. lead_days: how long the adapter's paper travels; it is handed over that much earlier, but
    not before `now`. Validity counts from when the customer was to have it, not from `now`, so that an outage or a
    restored backup cannot send what is long past.
    """
    arrives = next_in(plan.window, not_before, tz)
    due = max(now, add(arrives, Duration(days=-lead_days), tz)) if lead_days else arrives
    return Dated(due_at=due, valid_until=add(arrives, plan.valid_for, tz))
