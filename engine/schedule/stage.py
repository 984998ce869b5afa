"""Stage 4: what was decided gets its date, inside windows and caps; what can no longer be kept in time is dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.calendar import Duration, add
from engine.core.facts import Customer
from engine.core.quiet import Quiet, QuietPolicy
from engine.schedule.caps import CAPPED_CHANNELS, first_allowed
from engine.schedule.plan import date_action
from engine.store import actions, customers, decisions
from engine.store.session import Store

BATCH = 500
NEVER = "its window lies wholly in the quiet hours or on holidays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the shop says about dates: cap, zone of customers without one, each channel's lead days, and the quiet."""

    messages: int
    within: Duration
    time_zone: str
    lead_days: Mapping[str, int]
    quiet: QuietPolicy = field(default_factory=QuietPolicy)


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of the planned actions."""

    scheduled: int = 0
    deferred: int = 0
    dropped: int = 0
    expired: int = 0
    finished_journeys: int = 0


def schedule(store: Store, policy: Policy, *, now: datetime) -> Summary:
    """Date every planned action that has no date yet; expire what is late; finish journeys that have nothing left."""
    summary = Summary()
    while True:
        with store.write() as connection:
            batch = actions.unscheduled(connection, BATCH)
            people = customers.load(connection, {action.customer_id for action in batch})
            for action in batch:
                _date(connection, action, policy, people[action.customer_id].facts, now, summary)
        if not batch:
            break
    with store.write() as connection:
        summary.expired += actions.expire(connection, now)
        summary.finished_journeys = decisions.finish_journeys(connection, now)
    return summary


def _date(
    connection: Connection, action: actions.Action, policy: Policy, customer: Customer, now: datetime, summary: Summary
) -> None:
    """Date one action; what would go out too late ends here, and takes nobody's place under the cap."""
    tz = customer.time_zone or policy.time_zone
    quiet = policy.quiet.around(channel=action.channel, purpose=action.purpose, address=customer.address)
    lead_days = policy.lead_days.get(action.channel, 0)
    dated = date_action(action.plan, not_before=action.not_before, now=now, tz=tz, lead_days=lead_days, quiet=quiet)
    free = due = dated.due_at if dated else None
    if due and action.purpose != "transactional" and action.channel in CAPPED_CHANNELS:
        free, due = _under_cap(connection, action, max(due, now), policy, quiet, tz)
    if dated is None or free is None or due is None:
        actions.end(connection, action.id, State.CANCELLED, NEVER, now)
        summary.dropped += 1
    elif max(free, now) > dated.valid_until:
        actions.end(connection, action.id, State.EXPIRED, actions.TOO_LATE, now)
        summary.expired += 1
    elif due > dated.valid_until:
        reason = f"the customer would hear from us more than {policy.messages} times within {policy.within}"
        actions.end(connection, action.id, State.CANCELLED, reason, now)
        summary.dropped += 1
    else:
        actions.schedule(connection, action.id, due, dated.valid_until, now)
        summary.scheduled += 1
        summary.deferred += due > free


def _under_cap(
    connection: Connection, action: actions.Action, due: datetime, policy: Policy, quiet: Quiet, tz: str
) -> tuple[datetime | None, datetime | None]:
    """When it goes out if nobody else wrote, and as it is; None: never. Window and quiet are about when the customer
    has it: paper counts when it arrives."""
    travels, within = policy.lead_days.get(action.channel, 0), policy.within
    back = Duration(months=-within.months, days=-within.days, seconds=-within.seconds)
    touches = actions.touches(connection, action.customer_id, add(due, back, tz))

    def goes_out(touches: Sequence[datetime]) -> datetime | None:
        arrives = first_allowed(
            add(due, Duration(days=travels), tz),
            touches=[add(touch, Duration(days=travels), tz) for touch in touches],
            messages=policy.messages,
            within=within,
            window=action.plan.window,
            quiet=quiet,
            tz=tz,
        )
        return arrives and max(due, add(arrives, Duration(days=-travels), tz))

    return goes_out(()), goes_out(touches)
