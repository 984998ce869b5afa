"""Stage 4: what was decided gets its date, inside windows and caps; what can no longer be kept in time is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.facts import Customer
from engine.schedule.dating import Policy, Step, fate
from engine.store import actions, customers, decisions
from engine.store.session import Store

BATCH = 500


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
    """Date one action, or end it."""
    step = Step(
        plan=action.plan,
        purpose=action.purpose,
        channel=action.channel,
        not_before=action.not_before,
        address=customer.address,
        tz=customer.time_zone or policy.time_zone,
    )

    def touches(since: datetime) -> Sequence[datetime]:
        return actions.touches(connection, action.customer_id, since)

    found = fate(step, policy, now=now, touches=touches)
    if found.due_at is None or found.valid_until is None:
        actions.end(connection, action.id, found.state, found.reason, now)
        summary.expired += found.state is State.EXPIRED
        summary.dropped += found.state is State.CANCELLED
    else:
        actions.schedule(connection, action.id, found.due_at, found.valid_until, now)
        summary.scheduled += 1
        summary.deferred += found.deferred
