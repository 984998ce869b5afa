"""What is due gets its content, frozen once and for all; what can never be sent is refused here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.actions import TOO_LATE, State
from engine.core.calendar import local_date
from engine.core.keys import canonical_json, sha256
from engine.dispatch.freeze import Moment, body
from engine.dispatch.office import Office, Summary, plainly
from engine.dispatch.port import Message
from engine.dispatch.stage.restored import set_aside
from engine.dispatch.waiting import opens
from engine.errors import DeliveryError, RuleError
from engine.store import actions, customers, scores, transactions
from engine.store.actions import Action
from engine.store.customers import Known
from engine.store.session import Store

BATCH = 200
UNREADABLE = "T001"
Worth = tuple[str, datetime | None]
"""A customer's tier, and when they first bought."""


def prepare(
    store: Store, office: Office, summary: Summary, *, now: datetime, stopping: Callable[[], bool] = lambda: False
) -> None:
    """Write the content of what is due, and of what a person wants to see first; refuse what can never be sent.

    Raises RuleError for a template that cannot be read: that is the workspace's fault, and no action's end.
    """
    while not stopping():
        with store.write() as connection:
            batch = actions.to_freeze(connection, now, BATCH)
            if not batch:
                return
            people = customers.load(connection, {action.customer_id for action in batch})
            worth = _worth(connection, people)
            contents = [
                content
                for action in batch
                if (
                    content := _content(
                        connection, office, action, people[action.customer_id], worth[action.customer_id], now, summary
                    )
                )
            ]
            actions.freeze(connection, contents)
            held = set_aside(connection, office, batch, contents, now)
        held += sum(content["state"] == State.HELD for content in contents)
        summary.frozen, summary.held = summary.frozen + len(contents), summary.held + held


def _worth(connection: Connection, people: Mapping[int, Known]) -> dict[int, Worth]:
    known, since = scores.load(connection, people), transactions.first_of(connection, people)
    return {
        customer: (score.facts.tier if (score := known.get(customer)) else "", since.get(customer))
        for customer in people
    }


def _content(
    connection: Connection,
    office: Office,
    action: Action,
    known: Known,
    worth: Worth,
    now: datetime,
    summary: Summary,
) -> dict[str, Any] | None:
    """What is to be frozen; None for what ends here, or has to wait."""
    if action.valid_until is not None and action.valid_until < now:
        summary.count(State.EXPIRED, actions.end(connection, action.id, State.EXPIRED, TOO_LATE, now))
        return None
    tz = known.facts.time_zone or office.sender.time_zone
    free = opens(action.channel, action.plan.window, office.quiet_around(action, known.facts), now, tz)
    if action.due_at <= now < free and action.valid_until is not None:
        actions.schedule(connection, action.id, free, action.valid_until, now)  # late, and now is no time to ring
        return None
    # What a person is to see first is written early, as of the instant at which it is due.
    moment = _moment(action, known, worth, tz, max(now, action.due_at))
    try:
        name, content = _write(office, action, moment)
    except Exception as error:
        if isinstance(error, RuleError) and any(fault.code == UNREADABLE for fault in error.faults):
            raise
        actions.end(connection, action.id, State.REJECTED, plainly(error), now)  # it must not hold up all others
        summary.count(State.REJECTED)
        return None
    state, written = State.HELD if action.plan.approve else State.READY, canonical_json(content)
    return {
        "id": action.id,
        "state": state.value,
        "adapter": name,
        "payload": written,
        "payload_sha256": sha256(written),
    }


def _moment(action: Action, known: Known, worth: Worth, tz: str, now: datetime) -> Moment:
    tier, first = worth
    return Moment(
        public_id=action.public_id,
        dedupe_key=action.dedupe_key,
        purpose=action.purpose,
        channel=action.channel,
        plan=action.plan,
        facts=action.facts,
        customer=known.facts,
        tier=tier,
        since=local_date(first, tz) if first else None,
        now=now,
        until=action.valid_until,
    )


def _write(office: Office, action: Action, moment: Moment) -> tuple[str, dict[str, Any]]:
    """The adapter that serves the action's channel, and the content that it does not refuse."""
    name = office.channels.get(action.channel, "")
    if name not in office.adapters:
        raise DeliveryError(f"no adapter serves the channel {action.channel}", permanent=True)
    content = body(moment, office.sender, office.templates).to_json()
    message = Message(action=action.public_id, key=action.dedupe_key, customer=moment.customer.ref, body=content)
    office.adapters[name].check(message)
    return name, content
