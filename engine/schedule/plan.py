"""When an action is due: its earliest instant, moved into its window and out of quiet hours, less the lead days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.core.actions import Plan
from engine.core.calendar import Duration, add
from engine.core.quiet import NO_QUIET, Quiet, next_permitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """When an action goes out, and until when it still makes sense."""

    due_at: datetime
    valid_until: datetime


def date_action(
    plan: Plan, *, not_before: datetime, now: datetime, tz: str, quiet: Quiet = NO_QUIET, lead_days: int = 0
) -> Dated | None:
    """The due instant of a step; None when its window lies wholly in the quiet hours.

    not_before: the moment that triggered it plus the step's `after`; the customer is to have it at the first instant of
    the window from then on that is not quiet. lead_days: how long the adapter's paper travels; it is handed over that
    much earlier, at whatever hour, but not before `now`. Validity counts from when the customer was to have it, not
    from `now`, so that an outage or a restored backup cannot send what is long past.
    """
    arrives = next_permitted(plan.window, quiet, not_before, tz)
    if arrives is None:
        return None
    due = max(now, add(arrives, Duration(days=-lead_days), tz)) if lead_days else arrives
    return Dated(due_at=due, valid_until=add(arrives, plan.valid_for, tz))
