"""What is asked every few seconds is served by an index that fits it, however many actions wait for next year."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from engine.core.actions import Plan, State
from engine.store import actions, decisions, doubts, gauges, outbox, retention, touchpoints, waits
from engine.store.session import Store
from tests.store.seed import DAY, HASH, NOON, customer

MANY = 2000
Question = Callable[[Connection], Any]

QUESTIONS: dict[str, tuple[set[str], Question]] = {
    "without a date": ({"action_undated"}, actions.waiting),
    "to be dated": ({"action by key"}, lambda c: actions.undated(c, [1, 2])),
    "due, to be written": ({"action_state: due_at", "action_to_show: due_at"}, lambda c: actions.to_freeze(c, NOON, 9)),
    "too late": ({"action_state: due_at"}, lambda c: actions.expire(c, NOON)),
    "heard lately": ({"action_customer: due_at"}, lambda c: actions.touches(c, [1, 2], NOON)),
    "heard, or perhaps": ({"action_customer"}, lambda c: touchpoints.heard(c, [1, 2], NOON)),
    "spent in a month": ({"action_state: due_at"}, lambda c: actions.spent(c, NOON, NOON + DAY)),
    "due at an adapter": ({"action_due: due_at"}, lambda c: outbox.due(c, "files", NOON, 9)),
    "some that are due": ({"action by key"}, lambda c: outbox.due_among(c, [1, 2])),
    "under way": ({"action_state", "action by key"}, lambda c: doubts.release_lost(c, "A", NOON)),
    "awaited": ({"action_waiting"}, lambda c: waits.come(c, [1, 2], NOON)),
    "awaited in vain": ({"action_state: due_at"}, lambda c: waits.give_up(c, NOON)),
    "to be stopped": (
        {"action_journey", "action by key"},
        lambda c: decisions.stop_journeys(c, [1, 2], "", NOON),
    ),
    "how many wait": ({"action_state"}, lambda c: gauges.queue(c, NOON)),
    "old": ({"action_state: due_at"}, lambda c: retention.old(c, State.ACCEPTED, NOON, 9)),
}


@pytest.fixture
def full(store: Store) -> Store:
    """A store with much that is due in a year, and little else."""
    with store.write() as connection:
        who = [customer(connection, f"C{number}") for number in range(30)]
        decisions.keep_version(connection, "thanks", HASH, "", NOON)
        shared: dict[str, Any] = {"rule_id": "thanks", "rule_hash": HASH}
        begun = {"state": "active", "anchor_at": NOON, "stop_on": [], "started_at": NOON}
        journeys = [
            {**shared, **begun, "customer_id": who[number % 30], "occurrence": str(number)} for number in range(MANY)
        ]
        step: dict[str, Any] = {
            "event_id": None,
            "step": "mail",
            "purpose": "marketing",
            "channel": "email",
            "facts": {},
        }
        steps = [
            {**shared, **step, "journey_id": key, "dedupe_key": str(key), "customer_id": one["customer_id"],
             "plan": Plan().to_json(), "not_before": NOON + 365 * DAY}
            for key, one in zip(decisions.begin_journeys(connection, journeys), journeys, strict=True)
        ]  # fmt: skip
        assert actions.plan(connection, steps, NOON) == MANY
        dates = {"valid_until": NOON + 372 * DAY, "unit_cost_micro": 1, "reason": ""}
        keys = [row["id"] for row in actions.waiting(connection)]
        actions.give_dates(connection, [{"id": key, "due_at": NOON + 365 * DAY, **dates} for key in keys[1:]], NOON)
        if not store.is_sqlite:
            connection.execute(text("ANALYZE"))
    return store


@contextmanager
def listening(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """What is said to the database, with its values."""
    said: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        said.append((statement, values))

    event.listen(connection, "before_cursor_execute", hear)
    yield said
    event.remove(connection, "before_cursor_execute", hear)


def plans(connection: Connection, question: Question, table: str = "action") -> list[str]:
    """How the database goes about every statement of a question that reads a table."""
    with listening(connection) as said:
        question(connection)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return [
        "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, values))
        for statement, values in said
        if re.search(rf"(FROM|JOIN|UPDATE) {table}\b", statement)
    ]


def served(plan: str) -> Iterator[str]:
    """The indexes of `action` that a plan of SQLite uses, with the range on the due date; and scans as such."""
    for line in plan.splitlines():
        if re.search(r"\baction\b", line):
            if line.startswith("SCAN") and "INDEX action_waiting" not in line:  # that of what waits, and no more
                yield line
            elif "INTEGER PRIMARY KEY" in line:
                yield "action by key"
            else:
                name = re.findall(r"INDEX (\w+)", line)[0]
                yield name + (": due_at" if "due_at" in line else "")


def test_an_index_serves_every_question(full: Store) -> None:
    for name, (indexes, question) in QUESTIONS.items():
        with full.read() as connection:
            found = plans(connection, question)
        assert found, name
        if full.is_sqlite:
            assert {index for plan in found for index in served(plan)} == indexes, (name, found)
        elif name != "how many wait":  # all of them, so that PostgreSQL rightly goes through all
            assert not any(re.search(r"Seq Scan on action\b", plan) for plan in found), (name, found)


def test_dates_are_given_by_key_however_many_have_none(full: Store) -> None:
    with full.write() as connection:
        (one,) = actions.waiting(connection)
        date = {"due_at": NOON, "valid_until": NOON + DAY, "unit_cost_micro": 1, "reason": ""}
        found = plans(connection, lambda c: actions.give_dates(c, [{"id": one["id"], **date}], NOON))
    assert len(found) == 2
    for plan in found:
        assert re.search(r"INTEGER PRIMARY KEY|action_pkey", plan)
        assert "action_undated" not in plan


JOURNEYS: dict[str, tuple[str, Question]] = {
    "of some customers": ("sqlite_autoindex_journey_1", lambda c: decisions.active_journeys(c, [1, 2])),
    "that an event may stop": ("sqlite_autoindex_journey_1", lambda c: decisions.active_journeys(c, [1, 2], ["a.b"])),
    "of some whose date moved": ("sqlite_autoindex_journey_1", lambda c: decisions.pending(c, "thanks", [1, 2])),
    "of a rule": ("journey_active", lambda c: decisions.pending(c, "thanks")),
    "under way": ("journey_active", lambda c: decisions.under_way(c, ("", 0), 9)),
}


def test_journeys_are_found_by_their_customers_or_among_those_under_way(full: Store) -> None:
    for name, (index, question) in JOURNEYS.items():
        with full.write() as connection:
            (plan, *_) = plans(connection, question, "journey")
        if full.is_sqlite:
            (line,) = re.findall(r"(?:SEARCH|SCAN) journey.*", plan)
            assert index in line, (name, plan)
