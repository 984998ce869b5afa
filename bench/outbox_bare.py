"""The limit of bench/outbox.py: the bare protocol, by the driver alone, on the least tables that can hold it.

Usage: python outbox_bare.py NUMBER FOLDER order|scattered; prints one JSON document. In batches of 100, each of three
transactions: claim; attempts before the call; receipts, fenced by the owner, and touchpoints. Nothing is asked again
about a customer, no adapter is called, no content is checked.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np

BATCH = 100
NOW = "2026-03-02 12:00:00.000000"
TABLES = """
CREATE TABLE action(id INTEGER PRIMARY KEY, public_id TEXT UNIQUE, dedupe_key TEXT NOT NULL UNIQUE, rule_id TEXT,
 customer_id INTEGER, adapter TEXT, payload TEXT, state INTEGER, due_at TEXT, attempts INTEGER, lease_owner TEXT,
 lease_until TEXT, provider_ref TEXT, finished_at TEXT);
CREATE INDEX action_due ON action(due_at) WHERE state = 0;
CREATE INDEX action_lease ON action(lease_until) WHERE state = 1;
CREATE TABLE delivery(id INTEGER PRIMARY KEY, action_id INTEGER, attempt INTEGER, started_at TEXT, finished_at TEXT,
 outcome TEXT, provider_ref TEXT);
CREATE TABLE touchpoint(id INTEGER PRIMARY KEY, action_id INTEGER UNIQUE, customer_id INTEGER, channel TEXT, at TEXT);
CREATE INDEX touchpoint_customer ON touchpoint(customer_id, at);
"""


def fill(store: sqlite3.Connection, number: int, *, scattered: bool) -> None:
    """So many actions that are due."""
    store.executescript(TABLES)
    minutes = np.arange(number) * 600 // number
    if scattered:
        minutes = np.random.default_rng(7).permutation(minutes)
    content = "Grazie di cuore. " * 20
    rows = (
        (one, f"{one:036}", f"thanks:{one}", "thanks", one // 2, "nothing", content, 0, _due(minute), 0)
        for one, minute in enumerate(minutes.tolist(), 1)
    )
    names = "id, public_id, dedupe_key, rule_id, customer_id, adapter, payload, state, due_at, attempts"
    with transaction(store):
        store.executemany(f"INSERT INTO action({names}) VALUES (?,?,?,?,?,?,?,?,?,?)", rows)  # noqa: S608 - names


def _due(minute: int) -> str:
    return f"2026-03-02 {1 + minute // 60:02}:{minute % 60:02}:00.000000"


def send(store: sqlite3.Connection) -> int:
    """All that is due; says how many."""
    done = 0
    while True:
        with transaction(store):
            ids = store.execute(
                "UPDATE action SET state = 1, lease_owner = 'me', lease_until = ?, attempts = attempts + 1 WHERE id IN"
                " (SELECT id FROM action WHERE state = 0 AND due_at <= ? ORDER BY due_at LIMIT ?)"
                " RETURNING id, customer_id, payload, attempts",
                (NOW, NOW, BATCH),
            ).fetchall()
        if not ids:
            return done
        with transaction(store):
            last = store.execute("SELECT coalesce(max(id), 0) FROM delivery").fetchone()[0]
            store.executemany(
                "INSERT INTO delivery VALUES (?, ?, ?, ?, NULL, 'submitting', '')",
                [(last + place, key, tried, NOW) for place, (key, _, _, tried) in enumerate(ids, 1)],
            )
            store.executemany("UPDATE action SET state = 3 WHERE id = ?", [(key,) for key, *_ in ids])
        with transaction(store):
            store.executemany(
                "UPDATE action SET state = 2, provider_ref = ?, finished_at = ? WHERE id = ? AND lease_owner = 'me'",
                [(str(key), NOW, key) for key, *_ in ids],
            )
            store.executemany(
                "UPDATE delivery SET outcome = 'accepted', finished_at = ? WHERE id = ?",
                [(NOW, last + place) for place in range(1, len(ids) + 1)],
            )
            store.executemany(
                "INSERT INTO touchpoint(action_id, customer_id, channel, at) VALUES (?, ?, 'email', ?)",
                [(key, customer, NOW) for key, customer, *_ in ids],
            )
        done += len(ids)


@contextmanager
def transaction(store: sqlite3.Connection) -> Iterator[None]:
    """One that is committed."""
    store.execute("BEGIN IMMEDIATE")
    yield
    store.execute("COMMIT")


def main(number: str, folder: str, order: str) -> dict[str, float]:
    """Fill a store, take the time."""
    store = sqlite3.connect(f"{folder}/bare.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-64000"):
        store.execute(f"PRAGMA {pragma}")
    fill(store, int(number), scattered=order == "scattered")
    start = perf_counter()
    done = send(store)
    return {"actions": done, "seconds": perf_counter() - start}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
