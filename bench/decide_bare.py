"""The yardstick of the bench of decide: its protocol by the driver alone, with no more than what it cannot do without.

A thousand events a transaction: those that are not decided on yet are read, and what is known of their customers; each
rule of their kind is a function that is asked; every answer becomes a row with its reasons, written into a text that
was made once for each rule; a yes becomes a journey and an action, unless they are there (ON CONFLICT DO NOTHING); the
events are marked. SQLite with synchronous=FULL. There are no holdouts, permissions, re-entry or stop events, no caps,
no versions and nothing that could tell what was decided: whoever decides for a shop does more.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from uuid_utils import uuid7

from bench.decide_shop import KINDS, happenings, least, share, worth

BATCH = 1000
_NOW, _DUE = "2026-03-02 12:00:00.000000", "2026-03-03 12:00:00.000000"
_HASH = "0" * 64
_TABLES = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE customer (id INTEGER PRIMARY KEY, ref TEXT UNIQUE, email TEXT);
CREATE TABLE score (customer_id INTEGER PRIMARY KEY, p_alive REAL, tier TEXT);
CREATE TABLE event (id INTEGER PRIMARY KEY, customer_id INT, kind TEXT, key TEXT UNIQUE, payload TEXT,
 processed_at TEXT);
CREATE INDEX event_new ON event (id) WHERE processed_at IS NULL;
CREATE TABLE decision (id INTEGER PRIMARY KEY, customer_id INT, event_id INT, rule TEXT, outcome TEXT, reasons TEXT);
CREATE TABLE journey (id INTEGER PRIMARY KEY, rule TEXT, rule_hash TEXT, customer_id INT, occurrence TEXT, state TEXT,
 at TEXT, UNIQUE (rule, customer_id, occurrence));
CREATE TABLE action (id INTEGER PRIMARY KEY, public_id TEXT UNIQUE, dedupe_key TEXT UNIQUE, rule TEXT, rule_hash TEXT,
 customer_id INT, event_id INT, adapter TEXT, state INT, facts TEXT, due_at TEXT, priority INT, attempts INT,
 lease_owner TEXT, lease_until TEXT, created_at TEXT);
CREATE INDEX action_due ON action (adapter, due_at, id) WHERE state = 0;
CREATE INDEX action_lease ON action (lease_until) WHERE state = 1;
"""
_NEXT = "SELECT id, customer_id, kind, key, payload FROM event WHERE processed_at IS NULL ORDER BY id LIMIT ?"
_KNOWN = """SELECT c.id, c.ref, c.email, s.p_alive, s.tier FROM customer c JOIN score s ON s.customer_id = c.id
 WHERE c.id IN (SELECT value FROM json_each(?))"""
_DECISION = "INSERT INTO decision (customer_id, event_id, rule, outcome, reasons) VALUES (?, ?, ?, ?, ?)"
_JOURNEY = "INSERT INTO journey (rule, rule_hash, customer_id, occurrence, state, at) VALUES (?, ?, ?, ?, 'active', ?)"
_ACTION = """INSERT INTO action (public_id, dedupe_key, rule, rule_hash, customer_id, event_id, adapter, state, facts,
 due_at, priority, attempts, created_at) VALUES (?, ?, ?, ?, ?, ?, 'email', 0, ?, ?, 0, 0, ?)"""
_LEFT = " ON CONFLICT DO NOTHING"
_DONE = "UPDATE event SET processed_at = ? WHERE id IN (SELECT value FROM json_each(?))"
_Rule = tuple[str, Callable[[dict[str, Any]], bool], str]


def seed(file: Path, people: int, happened: int) -> None:
    """The same customers and events as `decide_shop.seed`."""
    chance = np.random.default_rng(7)
    keys, *columns = worth(people, chance)
    connection = sqlite3.connect(file)
    connection.executescript(_TABLES)
    scores = zip(keys.tolist(), columns[4].tolist(), columns[11].tolist(), strict=True)
    connection.executemany("INSERT INTO score VALUES (?, ?, ?)", scores)
    who = ((key, f"C{key}", f"C{key}@example.com") for key in keys.tolist())
    connection.executemany("INSERT INTO customer VALUES (?, ?, ?)", who)
    events = ((who, it.kind, it.ext_key, json.dumps(it.payload)) for who, it in happenings(people, happened, chance))
    connection.executemany("INSERT INTO event (customer_id, kind, key, payload) VALUES (?, ?, ?, ?)", events)
    connection.commit()
    connection.close()


def decide(file: Path, number: int) -> dict[str, int]:
    """Decide on all events by so many rules; how many events, decisions and actions that were."""
    rules: dict[str, list[_Rule]] = {kind: [] for kind in KINDS}
    for one in range(number):
        rules[KINDS[one % 5]].append((f"r{one}", _holds(least(one), share(one)), _reasons(one)))
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    count = {"events": 0, "decisions": 0, "actions": 0}
    while _batch(connection, rules, count):
        pass
    connection.close()
    return count


def _holds(amount: float, alive: float) -> Callable[[dict[str, Any]], bool]:
    return lambda it: bool(
        it["event.amount"] > amount
        and it["score.p_alive"] > alive
        and it["score.tier"] in ("gold", "silver")
        and it["customer.email"]
    )


def _reasons(one: int) -> str:
    """About 400 bytes, with a place for each value."""
    read = [
        (f"event.amount > {least(one)}", '"event.amount": %(event.amount)r'),
        (f"score.p_alive > {share(one)}", '"score.p_alive": %(score.p_alive)r'),
        ("score.tier in ['gold', 'silver']", '"score.tier": "%(score.tier)s"'),
        ("customer.has_email", '"customer.email": "%(customer.email)s"'),
    ]
    parts = (f'{{"code": "when", "clause": "{clause}", "values": {{{values}}}}}' for clause, values in read)
    return f'{{"rule": "r{one}", "holds": %(holds)d, "reasons": [{", ".join(parts)}]}}'


def _batch(connection: sqlite3.Connection, rules: dict[str, list[_Rule]], count: dict[str, int]) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    events = connection.execute(_NEXT, (BATCH,)).fetchall()
    known = {row[0]: row[1:] for row in connection.execute(_KNOWN, (json.dumps([one[1] for one in events]),))}
    decisions: list[Sequence[Any]] = []
    journeys: list[Sequence[Any]] = []
    actions: list[Sequence[Any]] = []
    for key, who, kind, own, payload in events:
        ref, email, p_alive, tier = known[who]
        it = {"event.kind": kind, "score.p_alive": p_alive, "score.tier": tier, "customer.email": email}
        it |= {f"event.{name}": value for name, value in json.loads(payload).items()}
        for rule, holds, reasons in rules[kind]:
            it["holds"] = yes = holds(it)
            decisions.append((who, key, rule, "act" if yes else "no", reasons % it))
            if yes:
                journeys.append((rule, _HASH, who, own, _NOW))
                name = f"{rule}:{ref}:{own}:mail"
                actions.append((str(uuid7()), name, rule, _HASH, who, key, payload, _DUE, _NOW))
    connection.executemany(_DECISION, decisions)
    connection.executemany(_JOURNEY + _LEFT, journeys)
    connection.executemany(_ACTION + _LEFT, actions)
    connection.execute(_DONE, (_NOW, json.dumps([one[0] for one in events])))
    connection.execute("COMMIT")
    for name, rows in (("events", events), ("decisions", decisions), ("actions", actions)):
        count[name] += len(rows)
    return bool(events)
