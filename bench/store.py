"""From a SQLite store to written scores: python -m bench.store --customers 100000 --dirty 10000. See bench/README.md.

`premura score` in a process of its own, beside what Python's sqlite3 alone needs to read and write the same
(bench/store_side.py), and then what `premura run` does when some customers have bought.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl

from bench.runs import Ended, Unavailable, measured
from bench.shop import log_of
from engine.app import open_app
from engine.core.facts import Transaction
from engine.store import customers, transactions
from engine.store.session import open_store

NOW = datetime(2025, 12, 31, 12, tzinfo=UTC)
ZONE, CURRENCY, SLICE = "Europe/Rome", "EUR", 50_000
ROOT = Path(__file__).parent.parent


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
    found["command"] = {turn: _turn(folder) for turn in ("first scores", "scored again")}
    found["daemon"] = [_here(folder) for _ in range(2)]
    found["rescore"] = [_dirty(folder, asked.dirty, turn) for turn in range(3)]
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


def _turn(folder: Path) -> dict[str, Any]:
    """`premura score` in a process of its own, and the driver alone on a copy of the store as it was before.

    A run on another copy comes before and is not counted: whoever comes first waits for memory that nobody had yet.
    """
    unheeded, before = folder.with_name("unheeded"), folder.with_name("before.db")
    shutil.copytree(folder, unheeded)
    shutil.copy(folder / "premura.db", before)  # nobody has it open: all is in this file
    try:
        _score(unheeded)
        ours = _score(folder)
    except Unavailable as reason:
        return {"left out": str(reason)}
    finally:
        shutil.rmtree(unheeded)
    os.sync()
    alone = measured([sys.executable, "-m", "bench.store_side", before, folder / "premura.db"]).said
    before.unlink()
    return {"wall": ours.wall, "cpu": ours.cpu, "alone": alone, "over": ours.wall / (alone["read"] + alone["write"])}


def _score(folder: Path) -> Ended:
    os.sync()  # what was left to be written would be waited for by whoever writes next
    command = Path(sys.executable).with_name("premura")
    return measured([command, "score", "-w", folder, "--as-of", NOW.isoformat(), "--json"])


def _here(folder: Path) -> float:
    """Seconds from the store to written scores in a process that runs already, as `premura run` does it at night."""
    import engine.score.stage  # noqa: F401 - a daemon has long loaded what it scores with

    os.sync()
    start = perf_counter()
    app = open_app(folder, clock=lambda: NOW)
    app.score()
    app.close()
    return perf_counter() - start


def _dirty(folder: Path, count: int, turn: int) -> float:
    """Seconds in which `premura run` scores customers at once who have bought; storing their sales is not counted."""
    later = NOW + timedelta(hours=1 + turn)
    app = open_app(folder, clock=lambda: later)
    with app.store.write() as connection:
        ids = customers.ids_of(connection, _refs(1, count + 1))
        facts = [
            Transaction(customer=ref, ext_key=f"N{turn}/{ref}", occurred_at=NOW, amount_minor=2_500, currency=CURRENCY)
            for ref in ids
        ]
        transactions.add(connection, "bench", [(ids[fact.customer], fact) for fact in facts], later, ZONE)
    import engine.score.stage  # noqa: F401 - a daemon has long loaded what it scores with

    start = perf_counter()
    if app.rescore() != count:
        raise RuntimeError("not all who bought were scored")
    seconds = perf_counter() - start
    app.close()
    return seconds


def _lines(found: dict[str, Any]) -> str:
    lines = [f"{found['customers']:,} customers in the store, {found['dirty']:,} of them with a new sale"]
    for turn, figures in found["command"].items():
        lines.append(f"premura score, {turn}: {_plain(figures)}")
    night = ", ".join(f"{seconds:.2f}" for seconds in found["daemon"])
    lines.append(f"everybody again in a process that runs, as the daemon does it, twice: {night} s")
    rescored = ", ".join(f"{seconds:.3f}" for seconds in found["rescore"])
    return "\n".join([*lines, f"those who bought, scored at once, three times: {rescored} s"])


def _plain(figures: dict[str, Any]) -> str:
    if "left out" in figures:
        return f"left out: {figures['left out']}"
    alone = figures["alone"]
    ours = f"{figures['wall']:.2f} s wall to wall, {figures['cpu']:.2f} s CPU"
    theirs = f"{alone['read']:.2f} s to read, {alone['write']:.2f} s to write, {alone['cpu']:.2f} s CPU"
    return f"{ours}; sqlite3 alone: {theirs}; ours over it: {figures['over']:.2f}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
