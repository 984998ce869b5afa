"""The outbox: take what is due, commit the attempt before any I/O, close it with what came of it (design §5-6).

Taking and the attempt are one transaction, so that nothing is ever taken that was not begun. Completion is fenced by
the lease's owner: a worker that lost its lease can no longer change the action.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, bindparam, cast, select, text, update

from engine.core.actions import Ending, Plan, State
from engine.core.facts import Address
from engine.store import rows, tables
from engine.store.actions import STATE
from engine.store.listed import among, listed, one_of
from engine.store.written import Values

_ACTION = tables.table(tables.Action)
_DELIVERY = tables.table(tables.Delivery)
_JOURNEY = tables.table(tables.Journey)
_CUSTOMER = tables.table(tables.Customer)
_NAMES = (
    "id",
    "public_id",
    "dedupe_key",
    "journey_id",
    "rule_id",
    "rule_hash",
    "customer_id",
    "event_id",
    "purpose",
    "channel",
    "adapter",
    "payload",
    "payload_sha256",
    "provider_ref",
    "due_at",
    "valid_until",
    "attempts",
)
_REACH = ("ref", "email", "time_zone", "household", "country", "region")
_WAITS = text("action.state IN ('ready', 'retry_at')")  # word for word, so that the partial index serves it
_ASKED = (
    select(*(_ACTION.c[name] for name in _NAMES))
    .add_columns(cast(_ACTION.c.plan, Text), cast(_JOURNEY.c.stop_on, Text))  # few different ones: each is read once
    .add_columns(_JOURNEY.c.anchor_at, _JOURNEY.c.started_at, _JOURNEY.c.reference)
    .add_columns(*(_CUSTOMER.c[name] for name in _REACH))
    .join_from(_ACTION, _JOURNEY, _JOURNEY.c.id == _ACTION.c.journey_id)
    .join(_CUSTOMER, _CUSTOMER.c.id == _ACTION.c.customer_id)
)
_FIRST = (
    _ASKED.where(_WAITS, _ACTION.c.adapter == bindparam("adapter"), _ACTION.c.due_at <= bindparam("now"))
    .order_by(_ACTION.c.due_at, _ACTION.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=_ACTION)  # SQLite has one writer, and says nothing of this
)
_TAKEN = (
    update(_ACTION)
    .prefix_with("OR FAIL", dialect="sqlite")  # the whole transaction fails with it: no page need be copied before
    .where(one_of(_ACTION.c.id))
    .values(
        state=State.SUBMITTING,
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        attempts=_ACTION.c.attempts + 1,
    )
)
_HELD = (
    select(_ACTION.c.id, _ACTION.c.attempts)
    .where(one_of(_ACTION.c.id), STATE == State.SUBMITTING, _ACTION.c.lease_owner == bindparam("owner"))
    .with_for_update()
)
NOT_SENT = "not sent"
"""The word for an attempt that was begun and given back before it went: it counts for nothing."""
_OPEN = (State.RETRY_AT, State.UNKNOWN)  # where a result leaves an action that is not at its end


class Due(NamedTuple):
    """A frozen action that is due, with what must be asked again before it goes out: a row as the store gives it.

    A tuple, as there are thousands a second: a frozen dataclass of so many fields takes ten times as long to make.
    """

    id: int
    public_id: str
    dedupe_key: str
    journey_id: int
    rule_id: str
    rule_hash: str
    customer_id: int
    event_id: int | None
    purpose: str
    channel: str
    adapter: str
    payload: str  # canonical JSON, to the byte
    payload_sha256: str
    provider_ref: str
    due_at: datetime
    valid_until: datetime | None
    attempts: int  # before this one
    written_plan: str  # as JSON, as are the kinds: few actions ever ask for more than whether it is another's
    written_kinds: str  # of the events that end its journey
    anchor_at: datetime  # of the journey
    started_at: datetime
    reference: str
    customer: str  # the shop's own reference
    email: str
    time_zone: str
    household: str
    country: str
    region: str

    @property
    def plan(self) -> Plan:
        """What the rule asks of the step."""
        return _plan(self.written_plan)

    @property
    def stop_on(self) -> tuple[str, ...]:
        """The kinds of events that end its journey."""
        return _kinds(self.written_kinds)

    @property
    def ending(self) -> Ending:
        """What ends its journey."""
        return Ending(stop_on=self.stop_on, anchor_at=min(self.anchor_at, self.started_at), reference=self.reference)

    @property
    def address(self) -> Address:
        """Of where the customer lives, country and region."""
        return Address(country=self.country, region=self.region)


class Result(NamedTuple):
    """What came of an attempt: the state that the action goes to, and the attempt row's word for it."""

    due: Due
    delivery: int  # the attempt's key
    state: State
    outcome: str  # accepted | retry | rejected | unknown | not sent
    provider_ref: str = ""
    detail: str = ""
    due_at: datetime | None = None  # when it is due again


class Closed(NamedTuple):
    """Actions, by their keys: whose attempts are closed now, and whose were, just so, before: a COMMIT went through of
    which nobody heard."""

    now: set[int]
    before: set[int]


def due(connection: Connection, adapter: str, now: datetime, limit: int) -> list[Due]:
    """What is due for an adapter, the oldest first. Nobody else has it until the transaction ends."""
    first = connection.execute(_FIRST, {"adapter": adapter, "now": now, "most": limit})
    return list(map(Due._make, first.all()))


def due_among(connection: Connection, ids: Collection[int]) -> list[Due]:
    """Those of these actions that wait for their turn, in no order."""
    waits = STATE.in_((State.READY, State.RETRY_AT))  # by their keys, however many others wait
    query = _ASKED.where(waits, among(connection, _ACTION.c.id, ids)).with_for_update(of=_ACTION)
    return list(map(Due._make, connection.execute(query).all()))


def in_doubt(connection: Connection, ids: Collection[int]) -> list[Due]:
    """Those of these actions of which nobody knows whether they went out, in no order."""
    query = _ASKED.where(among(connection, _ACTION.c.id, ids), _ACTION.c.state == State.UNKNOWN)
    return list(map(Due._make, connection.execute(query.with_for_update(of=_ACTION)).all()))


@lru_cache(maxsize=4096)
def _plan(written: str) -> Plan:
    return Plan.from_json(json.loads(written))


@lru_cache(maxsize=4096)
def _kinds(written: str) -> tuple[str, ...]:
    return tuple(json.loads(written))


def begin(
    connection: Connection, actions: Sequence[tuple[Due, str]], *, owner: str, now: datetime, until: datetime
) -> list[int]:  # fmt: skip
    """Write, to be committed before any I/O, that an attempt of each is under way; returns the attempts' keys.

    actions: each with its parcel, the key of the call that carries it with others, or "" when it goes alone.
    """
    mine = listed(connection, [action.id for action, _ in actions])
    connection.execute(_TAKEN, {"keys": mine, "owner": owner, "until": until})
    keys = rows.next_keys(connection, _DELIVERY, len(actions))
    attempts: dict[str, Values] = {
        "id": keys,
        "action_id": [action.id for action, _ in actions],
        "attempt": [action.attempts + 1 for action, _ in actions],
        "parcel": [parcel for _, parcel in actions],
        "adapter": [action.adapter for action, _ in actions],
    }
    rows.add_columns(connection, _DELIVERY, attempts, {"owner": owner, "started_at": now}, leave_known=False)
    return keys


def close(connection: Connection, results: Sequence[Result], owner: str, now: datetime) -> Closed:
    """Write what came of attempts; says of which actions, still ours, and of which it was written already.

    An action whose lease was lost is left to whoever settles it, and its attempt stays closed as it was; what the late
    answer said is added to the attempt's detail. An attempt that never went does not count.
    """
    ours = _ours(connection, results, owner)
    kept = [one for one in results if one.due.id in ours] if len(ours) < len(results) else results
    alike: dict[tuple[bool, bool], list[Result]] = defaultdict(list)
    for one in kept:
        alike[one.state in _OPEN, one.due_at is not None].append(one)
    for (is_open, is_dated), some in alike.items():
        ends: dict[str, Values] = {
            "id": [one.due.id for one in some],
            "state": [one.state.value for one in some],
            "reason": [one.detail for one in some],
            "provider_ref": [one.provider_ref or one.due.provider_ref for one in some],
        }
        if is_dated:  # a date that stays is not named, else its indexes would be written too
            ends["due_at"] = [one.due_at for one in some]
        end = {"finished_at": None if is_open else now, "lease_owner": None, "lease_until": None}
        rows.change_columns(connection, _ACTION, ends, end)
    attempts: dict[str, Values] = {
        "id": [one.delivery for one in kept],
        "outcome": [one.outcome for one in kept],
        "provider_ref": [one.provider_ref for one in kept],
        "detail": [one.detail for one in kept],
    }
    rows.change_columns(connection, _DELIVERY, attempts, {"finished_at": now})
    if unsent := [one for one in kept if one.outcome == NOT_SENT]:
        counted: dict[str, Values] = {
            "id": [one.due.id for one in unsent],
            "attempts": [one.due.attempts for one in unsent],
        }
        rows.change_columns(connection, _ACTION, counted)
        rows.change_columns(connection, _DELIVERY, {"id": [one.delivery for one in unsent]}, {"attempt": None})
    others = [one for one in results if one.due.id not in ours] if len(kept) < len(results) else []
    before = _written(connection, others, owner)
    for one in others:
        if one.due.id not in before:
            _too_late(connection, one, owner)
    return Closed(ours, before)


def _ours(connection: Connection, results: Sequence[Result], owner: str) -> set[int]:
    tried = {one.due.id: one.due.attempts + 1 for one in results}
    found = connection.execute(_HELD, {"keys": listed(connection, tried), "owner": owner}).all()
    return {action for action, attempts in found if attempts == tried[action]}


def _written(connection: Connection, results: Sequence[Result], owner: str) -> set[int]:
    """The actions of those that are written already as they are."""
    names = ("id", "action_id", "outcome", "provider_ref", "detail")
    query = select(*(_DELIVERY.c[name] for name in names)).where(_DELIVERY.c.owner == owner)
    keys = [one.delivery for one in results]
    known = set(map(tuple, connection.execute(query.where(among(connection, _DELIVERY.c.id, keys))))) if keys else set()
    return {
        one.due.id for one in results if (one.delivery, one.due.id, one.outcome, one.provider_ref, one.detail) in known
    }


def _too_late(connection: Connection, result: Result, owner: str) -> None:
    said = " ".join(part for part in (result.outcome, result.provider_ref, result.detail) if part)
    mine = (_DELIVERY.c.action_id == result.due.id, _DELIVERY.c.owner == owner)  # else the key is another's by now
    late = update(_DELIVERY).where(_DELIVERY.c.id == result.delivery, *mine)
    connection.execute(late.values(detail=_DELIVERY.c.detail + f"; its answer came too late: {said}"))


def postpone(connection: Connection, action: int, due_at: datetime) -> None:
    """What may not go before another instant waits for it."""
    connection.execute(update(_ACTION).where(_ACTION.c.id == action, _WAITS).values(due_at=due_at))


def parcels(connection: Connection, actions: Collection[int]) -> dict[int, str]:
    """The parcels in which these actions may have gone out, the last one of each."""
    sent = select(_DELIVERY.c.action_id, _DELIVERY.c.parcel).order_by(_DELIVERY.c.id)
    doubtful = (_DELIVERY.c.parcel != "", _DELIVERY.c.outcome == "unknown", _DELIVERY.c.settled == "")
    return dict(connection.execute(sent.where(among(connection, _DELIVERY.c.action_id, actions), *doubtful)).all())


def members(connection: Connection, parcel: str) -> list[int]:
    """The actions that a parcel carried, in its order, each once."""
    query = select(_DELIVERY.c.action_id).where(_DELIVERY.c.parcel == parcel).order_by(_DELIVERY.c.id)
    return list(dict.fromkeys(connection.execute(query).scalars()))


def attempts(connection: Connection, actions: Collection[int]) -> dict[int, list[Mapping[str, Any]]]:
    """All attempts of these actions, the oldest first, by action."""
    query = select(_DELIVERY).where(among(connection, _DELIVERY.c.action_id, actions))
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in connection.execute(query.order_by(_DELIVERY.c.action_id, _DELIVERY.c.id)):
        found.setdefault(row.action_id, []).append(row._asdict())
    return found


def attempts_of(connection: Connection, action: int) -> Sequence[Mapping[str, Any]]:
    """The attempts of one action, the oldest first."""
    return attempts(connection, [action]).get(action, [])
