"""Rule versions, decisions and journeys: written by decide, read by schedule, dispatch and explain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select, update

from engine.core.actions import OPEN, Ending, State
from engine.core.reasons import Clause, told
from engine.store import rows, tables
from engine.store.session import among, insert_into, paired

_VERSION = tables.table(tables.RuleVersion)
_DECISION = tables.table(tables.Decision)
_JOURNEY = tables.table(tables.Journey)
_ACTION = tables.table(tables.Action)
_DROPPED = (State.REJECTED, State.SUPPRESSED, State.EXPIRED, State.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A customer's passage through a rule, as stored."""

    id: int
    rule_id: str
    customer_id: int
    occurrence: str
    state: str
    started_at: datetime
    ending: Ending


def keep_version(
    connection: Connection, rule: str, digest: str, text: str, now: datetime, clauses: Sequence[Any] = ()
) -> None:
    """Keep the text of a rule under its hash, with the clauses that its decisions answer to (`Clause.to_json`)."""
    row = {"hash": digest, "rule_id": rule, "text": text, "clauses": list(clauses), "first_used_at": now}
    connection.execute(insert_into(connection, _VERSION).on_conflict_do_nothing(), [row])


def add_decisions(connection: Connection, decided: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Keep decisions, but for those that a rule has already given for that customer and occurrence; says how many."""
    return rows.add(connection, _DECISION, decided, {"decided_at": now})


def decided(connection: Connection, asked: Iterable[tuple[int, str]]) -> set[tuple[str, int, str]]:
    """Which rules have answered for these customers and occurrences: (rule, customer, occurrence)."""
    pairs = paired(connection, asked)
    same = (_DECISION.c.customer_id == pairs.c.number) & (_DECISION.c.occurrence == pairs.c.text)
    query = select(_DECISION.c.rule_id, _DECISION.c.customer_id, _DECISION.c.occurrence)
    return {(rule, who, what) for rule, who, what in connection.execute(query.select_from(pairs).join(_DECISION, same))}


def begin_journeys(connection: Connection, begun: Sequence[Mapping[str, Any]]) -> list[int]:
    """Start journeys and return their keys in the same order."""
    keys = rows.next_keys(connection, _JOURNEY, len(begun)) if begun else []
    rows.add(
        connection, _JOURNEY, [{"id": key, **one} for key, one in zip(keys, begun, strict=True)], leave_known=False
    )
    return keys


def last_started(connection: Connection, customers: Collection[int]) -> dict[tuple[str, int], datetime]:
    """When these customers last entered each rule: (rule, customer) -> instant."""
    last = func.max(_JOURNEY.c.started_at)
    query = select(_JOURNEY.c.rule_id, _JOURNEY.c.customer_id, last).group_by(
        _JOURNEY.c.rule_id, _JOURNEY.c.customer_id
    )
    rows = connection.execute(query.where(among(connection, _JOURNEY.c.customer_id, customers)))
    return {(rule, customer): started for rule, customer, started in rows}


def active_journeys(connection: Connection, customers: Collection[int]) -> list[Journey]:
    """The journeys of these customers that are under way, the oldest first."""
    query = select(_JOURNEY).where(_JOURNEY.c.state == "active").order_by(_JOURNEY.c.id)
    return [
        Journey(
            id=row.id,
            rule_id=row.rule_id,
            customer_id=row.customer_id,
            occurrence=row.occurrence,
            state=row.state,
            started_at=row.started_at,
            ending=Ending(
                stop_on=tuple(row.stop_on), anchor_at=min(row.anchor_at, row.started_at), reference=row.reference
            ),
        )
        for row in connection.execute(query.where(among(connection, _JOURNEY.c.customer_id, customers)))
    ]


def stop_journey(connection: Connection, journey: int, reason: str, now: datetime) -> int:
    """End a journey and cancel what of it has not gone out; says how many actions that were."""
    return stop_journeys(connection, [journey], reason, now)


def stop_journeys(connection: Connection, journeys: Collection[int], reason: str, now: datetime) -> int:
    """The same of any number of journeys that end for one reason."""
    ended = update(_JOURNEY).where(among(connection, _JOURNEY.c.id, journeys), _JOURNEY.c.state == "active")
    connection.execute(ended.values(state="stopped", ended_at=now, exit_reason=reason))
    cancelled = update(_ACTION).where(among(connection, _ACTION.c.journey_id, journeys), _ACTION.c.state.in_(OPEN))
    values = {"state": State.CANCELLED, "reason": reason, "finished_at": now, "lease_owner": None, "lease_until": None}
    return connection.execute(cancelled.values(**values)).rowcount


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A journey of a rule that is under way, and the version of the rule that it is pinned to."""

    id: int
    customer_id: int
    occurrence: str
    rule_hash: str


def pending(connection: Connection, rule: str, customers: Collection[int] | None = None) -> list[Pending]:
    """The journeys of a rule that are under way, of these customers or of all."""
    names = ("id", "customer_id", "occurrence", "rule_hash")
    query = select(*(_JOURNEY.c[name] for name in names)).where(_JOURNEY.c.rule_id == rule)
    if customers is not None:
        query = query.where(among(connection, _JOURNEY.c.customer_id, customers))
    found = connection.execute(query.where(_JOURNEY.c.state == "active").order_by(_JOURNEY.c.id))
    return [Pending(**row._asdict()) for row in found]


def finish_journeys(connection: Connection, now: datetime) -> int:
    """Journeys with nothing left to do are finished; says how many.

    Their exit reason is what became of the last step that did not go out, or that all did.
    """
    going = [*OPEN, State.SUBMITTING, State.UNKNOWN]
    rest = exists().where(_ACTION.c.journey_id == _JOURNEY.c.id, _ACTION.c.state.in_(going))
    dropped = (
        select(_ACTION.c.step + ": " + _ACTION.c.reason)
        .where(_ACTION.c.journey_id == _JOURNEY.c.id, _ACTION.c.state.in_(_DROPPED))
        .order_by(_ACTION.c.finished_at.desc(), _ACTION.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    done = update(_JOURNEY).where(_JOURNEY.c.state == "active", ~rest)
    reason = func.coalesce(dropped, "all steps done")
    return connection.execute(done.values(state="finished", ended_at=now, exit_reason=reason)).rowcount


def of_customer(connection: Connection, customer: int, rule: str | None = None) -> Sequence[Mapping[str, Any]]:
    """A customer's decisions, oldest first, as rows of the table: reasons in full, the journey's end beside them."""
    joined = _DECISION.join(_VERSION, _VERSION.c.hash == _DECISION.c.rule_hash).outerjoin(
        _JOURNEY,
        (_JOURNEY.c.rule_id == _DECISION.c.rule_id)
        & (_JOURNEY.c.customer_id == _DECISION.c.customer_id)
        & (_JOURNEY.c.occurrence == _DECISION.c.occurrence),
    )
    query = (
        select(
            _DECISION,
            _VERSION.c.clauses,
            _JOURNEY.c.id.label("journey_id"),
            _JOURNEY.c.state.label("journey"),
            _JOURNEY.c.exit_reason,
        )
        .select_from(joined)
        .where(_DECISION.c.customer_id == customer)
        .order_by(_DECISION.c.decided_at, _DECISION.c.id)
    )
    if rule:
        query = query.where(_DECISION.c.rule_id == rule)
    found = [dict(row) for row in connection.execute(query).mappings()]
    for row in found:
        row["reasons"] = list(told([Clause.from_json(one) for one in row.pop("clauses")], row["reasons"]))
    return found


def counts(connection: Connection) -> list[tuple[str, str, int]]:
    """How often each rule answered what: (rule, outcome, number)."""
    query = (
        select(_DECISION.c.rule_id, _DECISION.c.outcome, func.count())
        .group_by(_DECISION.c.rule_id, _DECISION.c.outcome)
        .order_by(_DECISION.c.rule_id, _DECISION.c.outcome)
    )
    return list(connection.execute(query))
