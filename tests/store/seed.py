"""What tests put into a store, by the store's own functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from engine.core.actions import Plan, State
from engine.core.answers import record, short
from engine.core.facts import Event, Score, Transaction
from engine.core.keys import sha256
from engine.store import (
    actions,
    customers,
    decisions,
    events,
    outbox,
    purchases,
    score_history,
    scores,
    transactions,
)
from engine.store.actions import Action
from engine.store.outbox import Result

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HASH = "f" * 64
ROME = "Europe/Rome"


def customer(connection: Connection, ref: str = "C1", **facts: Any) -> int:
    """A customer's key; the customer is made when there is none."""
    customers.save(connection, [(ref, facts)], NOON)
    return customers.ids_of(connection, [ref])[ref]


def sale(
    connection: Connection, ref: str = "C1", amount: int = 1000, at: datetime = NOON, key: str = "", **more: Any
) -> int:
    """A sale's key; with a negative amount a refund's."""
    fact = Transaction(
        customer=ref, ext_key=key or f"{ref}/{at}/{amount}", occurred_at=at, amount_minor=amount, currency="EUR", **more
    )
    transactions.add(connection, "till", [(customer(connection, ref), fact)], NOON, ROME)
    return transactions.by_keys(connection, "till", [fact.ext_key])[fact.ext_key].id


def happened(connection: Connection, kind: str, ref: str = "C1", at: datetime = NOON, **payload: Any) -> None:
    """Something happens to a customer."""
    fact = Event(customer=ref, kind=kind, ext_key=f"{kind}/{ref}/{at}", occurred_at=at, payload=payload)
    events.add(connection, "shop", [(customer(connection, ref), fact)], NOON)


def digest(rule: str) -> str:
    """The hash of the one version that a rule has here."""
    return HASH if rule == "thanks" else sha256(rule)


def decision(
    connection: Connection, ref: str = "C1", *, rule: str = "thanks", occurrence: str = "1", outcome: str = "act",
    values: Mapping[str, Any] | None = None, **more: Any
) -> None:  # fmt: skip
    """A rule's answer about a customer; its condition was false if the answer is no."""
    version = digest(rule)
    decisions.keep_version(connection, rule, version, f'id = "{rule}"', NOON, [["when", "p < 0.2", ["p"]]])
    held = "0" if outcome == "no" else "1"
    no = {short(version): held} if outcome == "no" else {}
    said = [] if no else [[short(version), outcome, "treated", held, {}]]
    row = {
        "rule_id": rule,
        "customer_id": customer(connection, ref),
        "occurrence": occurrence,
        "event_id": None,
        "answers": json.loads(record(json.dumps(values or {"p": 0.1}), json.dumps(no), map(json.dumps, said))),
    }
    at = more.get("decided_at", NOON)
    decisions.add_decisions(connection, [row | more], at)
    decisions.count_answers(connection, {(version, outcome): 1}, at)


def finish(connection: Connection, now: datetime) -> int:
    """Journeys that have nothing left to do end; says how many."""
    return decisions.finish_journeys(
        connection, [key for _, key in decisions.under_way(connection, ("", 0), 1000)], now
    )


def journey(
    connection: Connection, ref: str = "C1", *, rule: str = "thanks", occurrence: str = "1", **more: Any
) -> int:
    """A journey's key."""
    decisions.keep_version(connection, rule, digest(rule), f'id = "{rule}"', NOON)
    values = {
        "rule_id": rule,
        "rule_hash": digest(rule),
        "customer_id": customer(connection, ref),
        "occurrence": occurrence,
        "state": "active",
        "anchor_at": NOON,
        "stop_on": [],
        "started_at": NOON,
    }
    (key,) = decisions.begin_journeys(connection, [values | more])
    return key


def values(
    connection: Connection, passage: int, ref: str = "C1", *, plan: Plan | None = None, **more: Any
) -> dict[str, Any]:
    """The columns with which decide plans a step."""
    decided = {
        "dedupe_key": f"thanks:{ref}:{passage}:mail",
        "journey_id": passage,
        "rule_id": "thanks",
        "rule_hash": HASH,
        "customer_id": customer(connection, ref),
        "event_id": None,
        "step": "mail",
        "purpose": "relationship",
        "channel": "email",
        "plan": (plan or Plan()).to_json(),
        "facts": {},
        "not_before": NOON,
    }
    return decided | more


def planned(connection: Connection, ref: str = "C1", *, occurrence: str = "1", **more: Any) -> Action:
    """A planned step of a new journey."""
    passage = journey(connection, ref, occurrence=occurrence)
    assert actions.plan(connection, [values(connection, passage, ref, **more)], NOON)
    (made,) = actions.of_journeys(connection, [passage])
    return made


def ready(
    connection: Connection,
    ref: str = "C1",
    *,
    occurrence: str = "1",
    state: State = State.READY,
    due_at: datetime = NOON,
    valid_until: datetime = NOON + 7 * DAY,
    adapter: str = "files",
    **more: Any,
) -> Action:
    """A step whose content is frozen."""
    made = planned(connection, ref, occurrence=occurrence, **more)
    actions.schedule(connection, made.id, due_at, valid_until, NOON)
    content = {"adapter": adapter, "payload": '{"a":1}', "payload_sha256": "0" * 64}
    actions.freeze(connection, [{"id": made.id, "state": state.value, **content}])
    return again(connection, made)


def again(connection: Connection, action: Action) -> Action:
    """The action as it stands now."""
    (found,) = actions.find(connection, action.public_id)
    return found


def under_way(
    connection: Connection,
    owner: str = "A",
    now: datetime = NOON,
    limit: int = 50,
    *,
    parcel: str = "",
    adapter: str = "files",
) -> list[Result]:
    """What a worker has under way: the attempts, as if the provider had taken them."""
    found = outbox.due(connection, adapter, now, limit)
    keys = outbox.begin(
        connection, [(one, parcel) for one in found], owner=owner, now=now, until=now + timedelta(minutes=5)
    )
    return [
        Result(due=one, delivery=key, state=State.ACCEPTED, outcome="accepted")
        for one, key in zip(found, keys, strict=True)
    ]


def in_state(connection: Connection, state: State, **more: Any) -> Action:
    """An action that has come to that state by moves that there are."""
    if state is State.PLANNED:
        return planned(connection, **more)
    if state is State.WAITING:
        return planned(connection, state=state, awaits="review.received", **more)
    if state in (State.HELD, State.READY):
        return ready(connection, state=state, **more)
    made = ready(connection, **more)
    if state in (State.EXPIRED, State.CANCELLED, State.SUPPRESSED):
        actions.end(connection, made.id, state, "", NOON)
        return made
    (one,) = under_way(connection, adapter=made.adapter)
    if state is not State.SUBMITTING:
        outcome = "unknown" if state is State.UNKNOWN else ""
        outbox.close(connection, [one._replace(state=state, outcome=outcome)], "A", NOON)
    return made


STATES = [state for state in State if state not in (State.BOUNCED, State.COMPLAINED)]  # nothing leads there yet


def score(p_alive: float = 0.5, tier: str = "gold", clv: int = 1000, percentile: float = 0.9) -> Score:
    """What a customer is worth."""
    return Score(
        customer="",
        frequency=3,
        recency=10.5,
        T=20.5,
        monetary_minor=5000,
        p_alive=p_alive,
        expected_purchases=1.5,
        expected_spend_minor=7500,
        clv_minor=clv,
        percentile=percentile,
        tier=tier,
        days_since_purchase=70,
    )


def columns(facts: Mapping[int, Score]) -> list[Any]:
    """Scores of customers by key, as columns."""
    made = list[Any]()
    rows = ((customer, *(getattr(one, name) for name in scores.COLUMNS[1:])) for customer, one in facts.items())
    for column in zip(*rows, strict=True):
        missing = [value is None for value in column]
        values = np.array([value or 0 for value in column]) if any(missing) else np.array(column)
        made.append(np.ma.masked_array(values, missing) if any(missing) else values)
    return made


def begun(connection: Connection, now: datetime = NOON, **more: Any) -> int:
    """The key of a run."""
    values = {
        "model": "bg_nbd",
        "params": {"r": 0.24},
        "log_likelihood": -9582.4,
        "spend_params": {},
        "spend_log_likelihood": None,
        "customers": 2,
        "repeaters": 0,
        "time_unit": "week",
        "horizon": "P365D",
        "as_of": now,
        "validation": {},
        "flags": [],
        "fitted_at": now,
    }
    return scores.begin_run(connection, values | more)


def scored(connection: Connection, facts: Mapping[str, Score], now: datetime = NOON, *, baseline: bool = False) -> int:
    """A run that scored these customers; returns its key."""
    run = begun(connection, now)
    found = {customer(connection, ref): one for ref, one in facts.items()}
    scores.save(connection, run, columns(found), now, baseline=baseline)
    score_history.append(connection, run, score_history.pack(columns(found)), now)
    return run


def refs(connection: Connection, keys: Iterable[int]) -> list[str]:
    """The references of customers by key."""
    known = customers.load(connection, list(keys))
    return [known[key].facts.ref for key in known]


TODAY = date(2026, 3, 2).toordinal()
"""The day of NOON."""


def fact(key: str, amount: int = 1000, days: int = 0, **more: str) -> Transaction:
    return Transaction(
        customer="", ext_key=key, occurred_at=NOON + days * DAY, amount_minor=amount, currency="EUR", **more  # type: ignore[arg-type] # texts
    )  # fmt: skip


def add(connection: Connection, ref: str, *facts: Transaction, source: str = "till") -> int:
    key = customer(connection, ref)
    return transactions.add(connection, source, [(key, one) for one in facts], NOON, ROME)


def read(connection: Connection, through: int = 99, refs: list[str] | None = None) -> list[tuple[str, int, int, int]]:
    """What score reads, sorted: customer, day and the day of the sale that a refund names, counted from today, and
    amount."""
    names = {customer(connection, ref): ref for ref in ("C1", "C2", "C3")}
    keys = [key for key, ref in names.items() if refs is None or ref in refs]
    found = purchases.of_customers(connection, "EUR", TODAY + through, keys, transactions.newest(connection))
    sold = [0] * len(found) if found.sale_day is None else found.sale_day.tolist()
    rows = zip(found.customer_id.tolist(), found.day.tolist(), found.amount_minor.tolist(), sold, strict=True)
    return sorted((names[who], day - TODAY, amount, sold and sold - TODAY) for who, day, amount, sold in rows)
