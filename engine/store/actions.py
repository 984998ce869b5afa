"""Actions before they go out: written by decide, dated by schedule, frozen by dispatch, looked at by people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select, text, union_all, update

from engine.core.actions import OPEN, TOO_LATE, UNFINISHED, Plan, State, sources
from engine.core.keys import action_id
from engine.store import rows, tables
from engine.store.listed import among

_ACTION = tables.table(tables.Action)
_HISTORY = tables.table(tables.ActionHistory)
_DELIVERY = tables.table(tables.Delivery)
_CUSTOMER = tables.table(tables.Customer)
_JOURNEY = tables.table(tables.Journey)
_TOUCHPOINT = tables.table(tables.Touchpoint)
_SCORE = tables.table(tables.Score)
ALL = union_all(select(_ACTION), select(_HISTORY)).subquery("every_action")
"""Every action, wherever its row is: what people ask about. What is still to happen is in `action` alone."""
STATE = _ACTION.c.state + ""
"""The state, where rows are to be found by something else: SQLite would take its index, and read all in that state."""
_UNDATED = text("action.state = 'planned' AND action.scheduled_at IS NULL")  # both word for word, so that the
_TO_SHOW = text("action.state = 'planned' AND action.approve = true")  # partial indexes serve them
_SURE = (_ACTION.c.attempts == 0) | ~exists().where(  # no attempt stands of which nobody knows what became
    _DELIVERY.c.action_id == _ACTION.c.id, _DELIVERY.c.outcome == "unknown", _DELIVERY.c.settled == ""
)
_COSTS = frozenset(State) - {State.REJECTED, State.SUPPRESSED, State.EXPIRED, State.CANCELLED}
_MAY_EXPIRE = OPEN - {State.WAITING}  # which decide gives up
_BEYOND = {State.SUBMITTING, State.ACCEPTED}  # only what the provider says moves these


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A decided step as stored."""

    id: int
    public_id: str
    dedupe_key: str
    journey_id: int
    rule_id: str
    rule_hash: str
    customer_id: int
    event_id: int | None
    step: str
    purpose: str
    channel: str
    adapter: str
    plan: Plan
    facts: Mapping[str, Any]
    payload: Mapping[str, Any] | None
    payload_sha256: str
    state: State
    reason: str
    awaits: str
    not_before: datetime
    due_at: datetime
    scheduled_at: datetime | None
    valid_until: datetime | None
    attempts: int
    provider_ref: str
    unit_cost_micro: int
    created_at: datetime
    finished_at: datetime | None


def plan(connection: Connection, steps: rows.Told, now: datetime) -> int:
    """Add the decided steps of journeys that have just begun, in state planned; says how many.

    None of them can be there already, nor in the history: the journey is told by what makes the dedupe key, and the
    database takes it once, for good. A step that its journey has raises IntegrityError.
    """
    if not steps:
        return 0
    said: Mapping[str, Any] = rows.columns(steps)
    new: dict[str, Sequence[Any]] = {
        "public_id": list(map(action_id, said["dedupe_key"], said["not_before"])),
        "due_at": said["not_before"],
        "approve": [plan["approve"] for plan in said["plan"]],
        **said,
    }
    common = {"created_at": now, "state": State.PLANNED.value}
    return rows.add_columns(connection, _ACTION, new, common, leave_known=False)


def waiting(connection: Connection) -> list[dict[str, Any]]:
    """What tells who goes first of all planned actions that have no date yet.

    As id, channel, purpose, worth_micro, not_before and clv_minor, the last of the customer, None without a score.
    """
    names = ("id", "channel", "purpose", "worth_micro", "not_before")
    with_score = _ACTION.outerjoin(_SCORE, _SCORE.c.customer_id == _ACTION.c.customer_id)
    query = select(*(_ACTION.c[name] for name in names), _SCORE.c.clv_minor).select_from(with_score)
    return [row._asdict() for row in connection.execute(query.where(_UNDATED))]


def undated(connection: Connection, ids: Collection[int]) -> dict[int, Action]:
    """Those of these actions, by key, that are planned and have no date yet."""
    still = (STATE == State.PLANNED, _ACTION.c.scheduled_at.is_(None))
    query = select(_ACTION).where(*still, among(connection, _ACTION.c.id, ids))
    return {action.id: action for action in _actions(connection, query)}


def schedule(connection: Connection, action: int, due_at: datetime, valid_until: datetime, now: datetime) -> None:
    """Give an action its date."""
    connection.execute(
        update(_ACTION)
        .where(_ACTION.c.id == action, _ACTION.c.state == State.PLANNED)
        .values(due_at=due_at, valid_until=valid_until, scheduled_at=now)
    )


def give_dates(connection: Connection, dates: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Give planned actions their dates: mappings of id, due_at, valid_until, unit_cost_micro and reason."""
    among_these = among(connection, _ACTION.c.id, [one["id"] for one in dates])
    undated_still = (STATE == State.PLANNED, _ACTION.c.scheduled_at.is_(None))  # found by their keys, however many wait
    found = select(_ACTION.c.id).where(among_these, *undated_still).with_for_update()
    still = frozenset(connection.execute(found).scalars())
    rows.change(connection, _ACTION, [{**one, "scheduled_at": now} for one in dates if one["id"] in still])


def spent(connection: Connection, since: datetime, until: datetime) -> dict[tuple[str, str], int]:
    """What the actions cost that are due from one instant up to another, by channel and rule, in millionths of a unit.

    Those that are dated, under way or sent; not those that never went out.
    """
    found = Counter[tuple[str, str]]()
    for one in (_ACTION, _HISTORY):
        columns = (one.c.channel, one.c.rule_id)
        query = select(*columns, func.sum(one.c.unit_cost_micro)).where(
            one.c.state.in_(_COSTS),
            one.c.due_at >= since,
            one.c.due_at < until,
            one.c.scheduled_at.is_not(None),
            one.c.unit_cost_micro > 0,
        )
        for channel, rule, cost in connection.execute(query.group_by(*columns)):
            found[channel, rule] += int(cost)
    return dict(found)


def to_freeze(connection: Connection, now: datetime, limit: int) -> list[Action]:
    """Dated actions whose content must be written now: they are due, or a person wants to see them first.

    Nobody else has them until the transaction ends.
    """
    due = select(_ACTION).where(_ACTION.c.state == State.PLANNED, _ACTION.c.due_at <= now)
    early = select(_ACTION).where(_TO_SHOW, _ACTION.c.due_at > now)  # two questions, each served by an index
    found = list[Action]()
    for query in (due, early):
        dated = query.where(_ACTION.c.scheduled_at.is_not(None)).order_by(_ACTION.c.due_at, _ACTION.c.id)
        locked = dated.limit(limit - len(found)).with_for_update(skip_locked=True)  # SQLite has one writer, and says
        found += _actions(connection, locked)  # nothing of it
    return found


def freeze(connection: Connection, contents: Sequence[Mapping[str, Any]]) -> None:
    """Set the contents of actions that `to_freeze` gave, once and for all; each becomes ready, or is held for approval.

    contents: mappings of id, state, adapter, payload (canonical JSON) and payload_sha256.
    """
    rows.change(connection, _ACTION, contents)


def cancel_open(connection: Connection, journeys: Collection[int], reason: str, now: datetime) -> int:
    """Cancel what of these journeys has not gone out; says how many actions that were.

    What a worker is just taking, or what is to be sent again and may have gone out, is left to dispatch, which asks
    again what stops a step: nobody waits for nobody, and no doubt is called cancelled.
    """
    meant = (among(connection, _ACTION.c.journey_id, journeys), STATE.in_(OPEN), _SURE)
    steps = select(_ACTION.c.id).where(*meant)
    cancelled = update(_ACTION).where(_ACTION.c.id.in_(steps.with_for_update(skip_locked=True)))
    values = {"state": State.CANCELLED, "reason": reason, "finished_at": now, "lease_owner": None, "lease_until": None}
    return connection.execute(cancelled.values(**values)).rowcount


def end(connection: Connection, action: int, state: State, reason: str, now: datetime) -> bool:
    """Stop an action that is not under way; False when it is, when it has ended, or when there is no such move."""
    ended = (
        update(_ACTION)
        .where(_ACTION.c.id == action, _ACTION.c.state.in_(sources(state) - _BEYOND))
        .values(state=state, reason=reason, finished_at=now, lease_owner=None, lease_until=None)
    )
    return bool(connection.execute(ended).rowcount)


def take_back(connection: Connection, action: int, reason: str, now: datetime) -> bool:
    """The provider gave back what it had accepted; False when it is not accepted any more."""
    values = {"state": State.CANCELLED, "reason": reason, "finished_at": now}
    backs = (update(one).where(one.c.id == action, one.c.state == State.ACCEPTED) for one in (_ACTION, _HISTORY))
    return any(connection.execute(back.values(**values)).rowcount for back in backs)


def expire(connection: Connection, now: datetime) -> int:
    """Actions that are past their `valid_until` are not sent any more; says how many.

    What may have gone out is left to dispatch, as a doubt.
    """
    late = update(_ACTION).where(
        _ACTION.c.state.in_(_MAY_EXPIRE),
        _ACTION.c.due_at < now,  # by which it is found; what is not due yet need not expire yet
        _ACTION.c.valid_until < now,
        _SURE,
    )
    return connection.execute(late.values(state=State.EXPIRED, reason=TOO_LATE, finished_at=now)).rowcount


def approve(connection: Connection, action: int, by: str) -> bool:
    """A person has seen the content of a held action and lets it go."""
    allowed = update(_ACTION).where(_ACTION.c.id == action, _ACTION.c.state == State.HELD)
    return bool(connection.execute(allowed.values(state=State.READY, approved_by=by)).rowcount)


def touches(connection: Connection, customers: Collection[int], since: datetime) -> dict[int, list[datetime]]:
    """When each of these customers heard from us, or will by what is dated already, from an instant on.

    Transactional words do not count.
    """
    heard = select(_TOUCHPOINT.c.customer_id, _TOUCHPOINT.c.at).where(
        among(connection, _TOUCHPOINT.c.customer_id, customers),
        _TOUCHPOINT.c.at >= since,
        _TOUCHPOINT.c.purpose != "transactional",
    )
    dated = select(_ACTION.c.customer_id, _ACTION.c.due_at).where(
        among(connection, _ACTION.c.customer_id, customers),
        STATE.in_(UNFINISHED),
        _ACTION.c.scheduled_at.is_not(None),
        _ACTION.c.due_at >= since,
        _ACTION.c.purpose != "transactional",
        _ACTION.c.channel.in_(("email", "note")),
    )
    found: dict[int, list[datetime]] = {customer: [] for customer in customers}
    for customer, at in [*connection.execute(heard), *connection.execute(dated)]:
        found[customer].append(at)
    return {customer: sorted(times) for customer, times in found.items()}


def find(connection: Connection, public_id: str) -> list[Action]:
    """The actions whose public id is, or ends in, these signs."""
    hot, moved = (one.c.public_id.endswith(public_id, autoescape=True) for one in (_ACTION, _HISTORY))
    named = select(_HISTORY.c.public_id).where(moved).limit(5)  # the ids first: their index is small, and the rows are
    here = _actions(connection, select(_ACTION).where(hot).limit(5))  # not; the outbox has none, and is small
    there = _actions(connection, select(_HISTORY).where(_HISTORY.c.public_id.in_(named)))
    return list({one.id: one for one in (*here, *there)}.values())[:5]  # one that moves meanwhile is one


def of_journeys(connection: Connection, journeys: Collection[int]) -> list[Action]:
    """The actions of these journeys in the order of their dates."""
    query = select(ALL).where(among(connection, ALL.c.journey_id, journeys))
    return _actions(connection, query.order_by(ALL.c.due_at, ALL.c.id))


def listing(connection: Connection, state: State | None = None, limit: int = 1000) -> Sequence[Mapping[str, Any]]:
    """Actions with their customers' references and names, the newest dates last."""
    found = list[Mapping[str, Any]]()
    for one in (_ACTION, _HISTORY):
        query = (
            select(one, _CUSTOMER.c.ref, _CUSTOMER.c.given_name, _CUSTOMER.c.family_name, _CUSTOMER.c.company)
            .join(_CUSTOMER, _CUSTOMER.c.id == one.c.customer_id)
            .order_by(one.c.due_at, one.c.id)
            .limit(limit)
        )
        if state is not None:
            query = query.where(one.c.state == state)
        found += [row._asdict() for row in connection.execute(query)]
    return sorted(found, key=lambda row: (row["due_at"], row["id"]))[:limit]


def counts(connection: Connection) -> list[tuple[str, str, str, int]]:
    """How many actions stand where: (rule, channel, state, number)."""
    found = Counter[tuple[str, str, str]]()
    for one in (_ACTION, _HISTORY):
        columns = (one.c.rule_id, one.c.channel, one.c.state)
        for rule, channel, state, number in connection.execute(select(*columns, func.count()).group_by(*columns)):
            found[rule, channel, state] += number
    return sorted((*place, number) for place, number in found.items())


def _actions(connection: Connection, query: Any) -> list[Action]:
    return [from_row(row) for row in connection.execute(query)]


def from_row(row: Row[Any]) -> Action:
    """An action from a row of its table."""
    values = {name: getattr(row, name) for name in Action.__slots__ if name not in ("plan", "state", "payload")}
    payload = json.loads(row.payload) if row.payload else None
    return Action(plan=Plan.from_json(row.plan), state=State(row.state), payload=payload, **values)
