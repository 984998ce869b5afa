"""From a SQLite store to written scores: python -m bench.store --customers 100000 --dirty 10000. See bench/README.md.

Two things, kept apart: `premura score` as a whole, in a process of its own, and the store's part alone (reading
purchases, writing made-up scores and their history), which no model can get below.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from bench.runs import Unavailable, measured
from bench.shop import log_of
from engine.core.facts import Transaction
from engine.store import customers, score_history, scores, transactions
from engine.store.session import Store, open_store

NOW = datetime(2025, 12, 31, 12, tzinfo=UTC)
ZONE, CURRENCY, SLICE = "Europe/Rome", "EUR", 50_000
ROOT = Path(__file__).parent.parent
RUN: dict[str, Any] = {
    "model": "bg_nbd",
    "params": {},
    "log_likelihood": 0.0,
    "spend_params": {},
    "spend_log_likelihood": 0.0,
    "customers": 0,
    "repeaters": 0,
    "time_unit": "day",
    "horizon": "P1Y",
    "as_of": NOW,
    "validation": {},
    "flags": [],
    "kind": "full",
    "quantiles": [],
    "covariance": {},
    "season": {},
    "cohorts": {},
    "fitted_at": NOW,
}
"""A fit that says nothing: the scores here are made up."""


def main() -> int:
    """Seed a workspace once, score a copy of it, print seconds."""
    parser = argparse.ArgumentParser(prog="python -m bench.store", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000, help="in the store (100000)")
    parser.add_argument("--dirty", type=int, default=10_000, help="with one new sale each (10000)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", help="for the workspace (.bench)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    seeded = asked.cache.resolve() / "stores" / str(asked.customers)
    if not (seeded / "whole").exists():
        _say(f"seeding a store with {asked.customers:,} customers")
        _seed(seeded, asked.customers)
    folder = seeded.with_name("scored")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(seeded, folder)
    found: dict[str, Any] = {"customers": asked.customers, "dirty": asked.dirty}
    found["command"] = {turn: _command(folder) for turn in ("first scores", "scored again")}
    store = open_store(f"sqlite:///{folder / 'premura.db'}")
    found["store alone"] = {**_everybody(store), **_dirty(store, asked.dirty)}
    store.close()
    shutil.rmtree(folder)
    print(json.dumps(found, indent=1) if asked.json else _lines(found))
    return 0


def _seed(folder: Path, count: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    words = [str(Path(sys.executable).with_name("premura")), "init", str(folder), "--json"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    log = log_of(count)
    store = open_store(f"sqlite:///{folder / 'premura.db'}")
    with store.write() as connection:
        for start in range(1, count + 1, SLICE):
            customers.add_unknown(connection, _refs(start, min(start + SLICE, count + 1)), NOW)
        ids = customers.ids_of(connection, _refs(1, count + 1))
    for start in range(0, len(log), SLICE):
        rows = [(ids[sale.customer], sale) for sale in _sales(log.slice(start, SLICE), start)]
        with store.write() as connection:
            transactions.add(connection, "bench", rows, NOW, ZONE)
    store.close()
    (folder / "whole").touch()


def _refs(start: int, end: int) -> list[str]:
    return [f"C{number}" for number in range(start, end)]


def _sales(log: pl.DataFrame, start: int) -> Iterator[Transaction]:
    minor = (log["amount"] * 100).round(0).cast(pl.Int64)
    noon = log["date"].cast(pl.Datetime("us", "UTC")).dt.offset_by("11h")
    for row, (number, at, amount) in enumerate(zip(log["customer_id"], noon, minor, strict=True), start):
        yield Transaction(
            customer=f"C{number}", ext_key=f"S{row}", occurred_at=at, amount_minor=amount, currency=CURRENCY
        )


def _command(folder: Path) -> dict[str, Any]:
    """`premura score` in a process of its own: wall seconds, or why not."""
    words = [Path(sys.executable).with_name("premura"), "score", "-w", folder, "--as-of", NOW.isoformat(), "--json"]
    try:
        return {"wall": measured(words).wall}
    except Unavailable as reason:
        return {"left out": str(reason)}


def _everybody(store: Store) -> dict[str, float]:
    """Read all purchases, write a score for each customer and keep it in the history."""
    seconds: dict[str, float] = {}
    with store.read() as connection, _timed(seconds, "read all"):
        who = {row[0] for rows in transactions.purchases(connection, CURRENCY, NOW.toordinal()) for row in rows}
    rows = [_made_up(customer) for customer in sorted(who)]
    with store.write() as connection, _timed(seconds, "write all"):
        run = scores.begin_run(connection, RUN)
        scores.save(connection, run, rows, NOW, baseline=True)
        score_history.append(connection, run, [np.array(column) for column in zip(*rows, strict=True)], NOW)
        scores.clean(connection, NOW, seen=transactions.newest(connection))
    return seconds


def _dirty(store: Store, count: int) -> dict[str, float]:
    """The same for the customers of new sales; storing those sales is not counted."""
    later, seconds = NOW + timedelta(hours=1), dict[str, float]()
    with store.write() as connection:
        ids = customers.ids_of(connection, _refs(1, count + 1))
        facts = [
            Transaction(customer=ref, ext_key=f"N{ref}", occurred_at=NOW, amount_minor=2_500, currency=CURRENCY)
            for ref in ids
        ]
        transactions.add(connection, "bench", [(ids[fact.customer], fact) for fact in facts], later, ZONE)
    with store.read() as connection, _timed(seconds, "read dirty"):
        dirty = scores.dirty_customers(connection, later)
        found = transactions.purchases(connection, CURRENCY, later.toordinal(), dirty)
        who = {row[0] for rows in found for row in rows}
    rows = [_made_up(customer) for customer in sorted(who)]
    with store.write() as connection, _timed(seconds, "write dirty"):
        run = scores.begin_run(connection, {**RUN, "kind": "dirty"})
        scores.save(connection, run, rows, later, baseline=False, among=dirty)
        score_history.append(connection, run, [np.array(column) for column in zip(*rows, strict=True)], later)
        scores.clean(connection, later, dirty, seen=transactions.newest(connection))
    return seconds


def _made_up(customer: int) -> tuple[Any, ...]:
    """A row as `scores.COLUMNS` names it, different for each customer."""
    part = customer % 997 / 997
    clv = 100 + customer % 90_000
    return (customer, 4, 200.5, 600.0, 2_500, part, 5 * part, 2_600, clv, clv // 2, 2 * clv, part, "silver", 40)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[name] = perf_counter() - start


def _lines(found: dict[str, Any]) -> str:
    lines = [f"{found['customers']:,} customers in the store, {found['dirty']:,} of them with a new sale"]
    for turn, figures in found["command"].items():
        plain = f"{figures['wall']:.2f} s wall to wall" if "wall" in figures else f"left out: {figures['left out']}"
        lines.append(f"premura score, {turn}: {plain}")
    alone = ", ".join(f"{name} {seconds:.3f}" for name, seconds in found["store alone"].items())
    return "\n".join([*lines, f"the store alone, without models, seconds: {alone}"])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
