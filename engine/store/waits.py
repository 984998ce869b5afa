"""Actions that wait for an event: found once it has come, settled once, given up once it is too late."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, String, bindparam, literal, literal_column, select, update

from engine.core.actions import Plan, State, concerns
from engine.core.facts import Event
from engine.core.waits import Settled, Waiting
from engine.store import bought, tables
from engine.store.listed import among

_ACTION = tables.table(tables.Action)
_EVENT = tables.table(tables.Event)
_JOURNEY = tables.table(tables.Journey)
_ANY = _ACTION.c.awaits != literal_column("''", String)
_IS_WAITING = _ACTION.c.state == State.WAITING
_ASKED = (
    *(_ACTION.c[name] for name in ("id", "customer_id", "purpose", "channel", "plan", "facts")),
    *(_JOURNEY.c[name] for name in ("anchor_at", "reference")),
)


def come(connection: Connection, customers: Collection[int], now: datetime) -> list[Waiting]:
    """The waiting actions of these customers whose event is there, each with the first that concerns its journey.

    Whether decide has gone through the event does not matter: it may have come before the one that began the journey.
    Sales are there as events of the kind `PURCHASE`.
    """
    if not any_are_there(connection):
        return []
    # Said so that the partial index is taken, and not the one on the state, by which all that waits would be read.
    waits = _ANY & (_ACTION.c.state + "" == State.WAITING)
    return _with_first(connection, waits & among(connection, _ACTION.c.customer_id, customers), now)


def any_are_there(connection: Connection) -> bool:
    """Whether the outbox has an action that waits, or waited."""
    return connection.execute(select(_ACTION.c.id).where(_ANY).limit(1)).first() is not None


def come_late(connection: Connection, now: datetime) -> list[Waiting]:
    """The same of everybody whose time is over: what two workers, each in its own transaction, both did not see."""
    return _with_first(connection, _IS_WAITING & (_ACTION.c.due_at < now), now)


def _with_first(connection: Connection, which: ColumnElement[bool], now: datetime) -> list[Waiting]:
    found: dict[int, Waiting] = {}
    rows = chain(_with_events(connection, which, now), bought.awaited(connection, _ASKED, which, now))
    for row, event in rows:
        if row.id in found or not concerns(event, anchor_at=row.anchor_at, reference=row.reference):
            continue
        wait = Plan.from_json(row.plan).wait
        if wait is not None:
            found[row.id] = Waiting(
                action=row.id,
                customer=row.customer_id,
                purpose=row.purpose,
                channel=row.channel,
                wait=wait,
                facts=row.facts,
                event=event,
            )
    return list(found.values())


def _with_events(
    connection: Connection, which: ColumnElement[bool], now: datetime
) -> Iterator[tuple[Row[Any], Event]]:  # fmt: skip
    in_time = (_EVENT.c.occurred_at >= _JOURNEY.c.anchor_at) & (_EVENT.c.occurred_at <= _ACTION.c.due_at)
    another = _ACTION.c.event_id.is_(None) | (_EVENT.c.id != _ACTION.c.event_id)  # not the one that began the journey
    same = (_EVENT.c.customer_id == _ACTION.c.customer_id) & (_EVENT.c.kind == _ACTION.c.awaits)
    query = (
        select(*_ASKED, *(_EVENT.c[name] for name in ("kind", "ext_key", "occurred_at", "payload")))
        .join(_JOURNEY, _JOURNEY.c.id == _ACTION.c.journey_id)
        .join(_EVENT, same & in_time & another)
        .where(which, _EVENT.c.occurred_at <= now)
        .order_by(_ACTION.c.id, _EVENT.c.occurred_at, _EVENT.c.id)
    )
    for row in connection.execute(query):
        said = {"kind": row.kind, "ext_key": row.ext_key, "occurred_at": row.occurred_at, "payload": row.payload}
        yield row, Event(customer="", **said)


def settle(connection: Connection, answers: Collection[Settled], now: datetime) -> int:
    """Write what came of waiting actions; says how many. What does not wait any more stays as it is."""
    one = update(_ACTION).where(_ACTION.c.id == bindparam("action"), _IS_WAITING)
    planned = [
        {"action": it.action, "state": it.state, "reason": it.reason, "not_before": it.not_before,
         "due_at": it.not_before, "facts": it.facts}
        for it in answers if it.state is State.PLANNED
    ]  # fmt: skip
    ended = [
        {"action": it.action, "state": it.state, "reason": it.reason, "finished_at": now}
        for it in answers
        if it.state is not State.PLANNED
    ]
    return sum(connection.execute(one, rows).rowcount for rows in (planned, ended) if rows)


def give_up(connection: Connection, now: datetime) -> int:
    """What has waited long enough does not wait any more; says how many actions that were."""
    within = _ACTION.c.plan[("await", "within")].as_string()
    reason = literal("no ") + _ACTION.c.awaits + literal(" came within ") + within
    late = update(_ACTION).where(_IS_WAITING, _ACTION.c.due_at < now)
    return connection.execute(late.values(state=State.EXPIRED, reason=reason, finished_at=now)).rowcount
