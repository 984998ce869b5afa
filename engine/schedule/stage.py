"""Stage 4: what was decided gets its date, inside windows and caps; what can no longer be kept in time is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.calendar import Duration, add
from engine.schedule.caps import CAPPED_CHANNELS, first_allowed
from engine.schedule.plan import Dated, date_action
from engine.store import actions, customers, decisions
from engine.store.session import Store

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the shop says about dates: the cap, the zone of customers without one, and each channel's lead days."""

    messages: int
    within: Duration
    time_zone: str
    lead_days: Mapping[str, int]


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
            zones = {
                key: known.facts.time_zone or policy.time_zone
                for key, known in customers.load(connection, {action.customer_id for action in batch}).items()
            }
            for action in batch:
                _date(connection, action, policy, zones[action.customer_id], now, summary)
        if not batch:
            break
    with store.write() as connection:
        summary.expired += actions.expire(connection, now)
        summary.finished_journeys = decisions.finish_journeys(connection, now)
    return summary


def _date(
    connection: Connection, action: actions.Action, policy: Policy, tz: str, now: datetime, summary: Summary
) -> None:
    lead_days = policy.lead_days.get(action.channel, 0)
    dated = date_action(action.plan, not_before=action.not_before, now=now, tz=tz, lead_days=lead_days)
    if action.purpose != "transactional" and action.channel in CAPPED_CHANNELS:
        allowed = _capped(connection, action, dated, policy, tz)
        if allowed > dated.valid_until:
            reason = f"the customer would hear from us more than {policy.messages} times within {policy.within}"
            actions.end(connection, action.id, State.CANCELLED, reason, now)
            summary.dropped += 1
            return
        summary.deferred += allowed > dated.due_at
        dated = Dated(due_at=allowed, valid_until=dated.valid_until)
    actions.schedule(connection, action.id, dated.due_at, dated.valid_until, now)
    summary.scheduled += 1


def _capped(connection: Connection, action: actions.Action, dated: Dated, policy: Policy, tz: str) -> datetime:
    within = policy.within
    back = Duration(months=-within.months, days=-within.days, seconds=-within.seconds)
    touches = actions.touches(connection, action.customer_id, add(dated.due_at, back, tz))
    return first_allowed(
        dated.due_at,
        touches=touches,
        messages=policy.messages,
        within=within,
        window=action.plan.window,
        tz=tz,
    )
