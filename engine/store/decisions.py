"""Rule versions, decisions and journeys: written by decide, read by schedule, dispatch and explain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Text,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)

from engine.core.actions import UNFINISHED, Ending, State
from engine.core.answers import Answer, answers, short
from engine.core.reasons import Clause, told
from engine.store import actions, rows, tables
from engine.store.listed import among, listed, one_of, paired, pairs
from engine.store.session import insert_into

_VERSION = tables.table(tables.RuleVersion)
_DECISION = tables.table(tables.Decision)
_TALLY = tables.table(tables.Tally)
_JOURNEY = tables.table(tables.Journey)
_ACTIVE = text("journey.state = 'active'")  # word for word, so that the partial index serves it
_STILL = _JOURNEY.c.state + "" == "active"  # where the customer finds them: SQLite would go through all active ones
_WHICH = (_JOURNEY.c.rule_id, _JOURNEY.c.customer_id)
_LAST = select(*_WHICH, func.max(_JOURNEY.c.started_at)).where(one_of(_WHICH[1], "customers")).group_by(*_WHICH)
_LAST_OF = _LAST.where(one_of(_JOURNEY.c.rule_id, "rules"))
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


def add_decisions(connection: Connection, decided: rows.Told, now: datetime) -> None:
    """Keep decisions about occurrences that have none yet, or an IntegrityError."""
    rows.add(connection, _DECISION, decided, {"decided_at": now}, leave_known=False)


def count_answers(connection: Connection, counted: Mapping[tuple[str, str], int], now: datetime) -> None:
    """So many more answers of each version (its hash) and outcome.

    All workers count in the same few rows: so this comes last in a transaction, and in one order.
    """
    number = [
        {"rule_hash": digest, "outcome": outcome, "number": number, "last_at": now}
        for (digest, outcome), number in sorted(counted.items())
    ]
    more = insert_into(connection, _TALLY)
    more = more.on_conflict_do_update(
        index_elements=["rule_hash", "outcome"],
        set_={"number": _TALLY.c.number + more.excluded.number, "last_at": more.excluded.last_at},
    )
    if number:
        connection.execute(more, number)


def decided(connection: Connection, asked: Iterable[tuple[int, str]]) -> set[tuple[str, int, str]]:
    """What is decided of these customers and occurrences: (rule, customer, occurrence), the rule as in the table."""
    said = connection.execute(_decided(connection.dialect.name), pairs(connection, asked))
    return {(rule, who, what) for rule, who, what in said}


@lru_cache(maxsize=2)
def _decided(dialect: str) -> Select[Any]:
    asked = paired(dialect)
    same = (_DECISION.c.customer_id == asked.c.number) & (_DECISION.c.occurrence == asked.c.text)
    query = select(_DECISION.c.rule_id, _DECISION.c.customer_id, _DECISION.c.occurrence)
    if dialect == "sqlite":
        return query.select_from(asked).join(_DECISION, same)
    each = query.where(same).offset(0).lateral()  # else PostgreSQL goes through a hundred thousand answers every time
    return select(each).select_from(asked.join(each, true()))


def begin_journeys(connection: Connection, begun: rows.Told) -> list[int]:
    """Start journeys and return their keys in the same order."""
    if not begun:
        return []
    said = rows.columns(begun)
    keys = rows.next_keys(connection, _JOURNEY, len(said["rule_id"]))
    rows.add_columns(connection, _JOURNEY, {"id": keys, **said}, leave_known=False)
    return keys


def last_started(
    connection: Connection, customers: Collection[int], rules: Collection[str] | None = None
) -> dict[tuple[str, int], datetime]:
    """When these customers last entered each rule, or each of these: (rule, customer) -> instant."""
    if rules is not None and not rules:
        return {}
    wanted = {"customers": listed(connection, customers)}
    if rules is None:
        found = connection.execute(_LAST, wanted)
    else:
        found = connection.execute(_LAST_OF, {**wanted, "rules": listed(connection, rules)})
    return {(rule, customer): started for rule, customer, started in found}


def active_journeys(
    connection: Connection, customers: Collection[int], kinds: Collection[str] | None = None
) -> list[Journey]:
    """The journeys of these customers that are under way, or those that events of these kinds may end; oldest first."""
    query = _active(None if kinds is None else frozenset(kinds))
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
        for row in connection.execute(query, {"keys": listed(connection, customers)})
    ]


@lru_cache(maxsize=64)
def _active(kinds: frozenset[str] | None) -> Select[Any]:
    query = select(_JOURNEY).where(one_of(_JOURNEY.c.customer_id), _STILL).order_by(_JOURNEY.c.id)
    if kinds is None:
        return query
    named = (cast(_JOURNEY.c.stop_on, Text).contains(f'"{kind}"', autoescape=True) for kind in sorted(kinds))
    return query.where(or_(false(), *named))


def stop_journey(connection: Connection, journey: int, reason: str, now: datetime) -> int:
    """End a journey and cancel what of it has not gone out; says how many actions that were."""
    return stop_journeys(connection, [journey], reason, now)


def stop_journeys(connection: Connection, journeys: Collection[int], reason: str, now: datetime) -> int:
    """The same of any number of journeys that end for one reason."""
    ended = update(_JOURNEY).where(among(connection, _JOURNEY.c.id, journeys), _JOURNEY.c.state == "active")
    connection.execute(ended.values(state="stopped", ended_at=now, exit_reason=reason))
    return actions.cancel_open(connection, journeys, reason, now)


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
    if customers is None:
        query = query.where(_ACTIVE)
    else:
        query = query.where(among(connection, _JOURNEY.c.customer_id, customers), _STILL)
    found = connection.execute(query.order_by(_JOURNEY.c.id))
    return [Pending(**row._asdict()) for row in found]


def under_way(connection: Connection, after: Sequence[Any], limit: int) -> list[tuple[str, int]]:
    """The next active journeys in the order of (rule, key), at most so many. after: the last one before them."""
    place = (_JOURNEY.c.rule_id, _JOURNEY.c.id)
    query = select(*place).where(_ACTIVE, tuple_(*place) > tuple_(*map(literal, after))).order_by(*place).limit(limit)
    return [(rule, key) for rule, key in connection.execute(query)]


def finish_journeys(connection: Connection, journeys: Collection[int], now: datetime) -> int:
    """Those of these journeys with nothing left to do are finished; says how many.

    Their exit reason is what became of the last step that did not go out, or that all did.
    """
    rest = exists().where(_ACTION.c.journey_id == _JOURNEY.c.id, _ACTION.c.state.in_(UNFINISHED))
    dropped = (
        select(_ACTION.c.step + ": " + _ACTION.c.reason)
        .where(_ACTION.c.journey_id == _JOURNEY.c.id, _ACTION.c.state.in_(_DROPPED))
        .order_by(_ACTION.c.finished_at.desc(), _ACTION.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    done = update(_JOURNEY).where(among(connection, _JOURNEY.c.id, journeys), _JOURNEY.c.state == "active", ~rest)
    reason = func.coalesce(dropped, "all steps done")
    return connection.execute(done.values(state="finished", ended_at=now, exit_reason=reason)).rowcount


def of_customer(connection: Connection, customer: int, rule: str | None = None) -> Sequence[Mapping[str, Any]]:
    """The answers about a customer, oldest first, with their reasons in full and the journey that each began.

    As rule_id, rule_hash, occurrence, event_id, outcome, arm, reasons, decided_at, journey_id, journey (its state) and
    exit_reason.
    """
    versions = {short(row.hash): row for row in connection.execute(select(_VERSION))}
    begun = {
        (row.rule_id, row.occurrence): row
        for row in connection.execute(select(_JOURNEY).where(_JOURNEY.c.customer_id == customer))
    }
    query = select(_DECISION).where(_DECISION.c.customer_id == customer)
    found: list[dict[str, Any]] = []
    for row in connection.execute(query.order_by(_DECISION.c.decided_at, _DECISION.c.id)):
        told_of = [(versions[answer.version], answer) for answer in answers(row.answers)]
        for version, answer in sorted(told_of, key=lambda each: each[0].rule_id):
            if rule in (None, version.rule_id):
                found.append(_answer(row, version, answer, begun.get((version.rule_id, row.occurrence))))
    return found


def _answer(row: Row[Any], version: Row[Any], answer: Answer, journey: Row[Any] | None) -> dict[str, Any]:
    return {
        "rule_id": version.rule_id,
        "rule_hash": version.hash,
        "customer_id": row.customer_id,
        "occurrence": row.occurrence,
        "event_id": row.event_id,
        "outcome": answer.outcome,
        "reasons": list(told([Clause.from_json(one) for one in version.clauses], answer.kept)),
        "arm": answer.arm,
        "decided_at": row.decided_at,
        "journey_id": journey.id if journey else None,
        "journey": journey.state if journey else None,
        "exit_reason": journey.exit_reason if journey else None,
    }


def counts(connection: Connection) -> list[tuple[str, str, int]]:
    """How often each rule answered what: (rule, outcome, number)."""
    query = (
        select(_VERSION.c.rule_id, _TALLY.c.outcome, func.sum(_TALLY.c.number))
        .join_from(_TALLY, _VERSION, _VERSION.c.hash == _TALLY.c.rule_hash)
        .group_by(_VERSION.c.rule_id, _TALLY.c.outcome)
        .order_by(_VERSION.c.rule_id, _TALLY.c.outcome)
    )
    return [(rule, outcome, int(number)) for rule, outcome, number in connection.execute(query)]
