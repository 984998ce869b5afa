"""A peer does nothing so often, in its quickest documented way. Runs in the peer's environment.

Usage: python outbox_side.py PEER NUMBER PLACE; prints one JSON document. PLACE is a folder, or the address of an empty
PostgreSQL database. The tasks are in the queue before the clock starts. The packages are imported by name: each
environment has only its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from time import perf_counter
from typing import Any

LIMIT = 600.0


def huey(number: int, place: str) -> float:
    """Its SQLite storage, written through; four threads."""
    queue = import_module("huey").SqliteHuey(filename=f"{place}/huey.db", fsync=True)
    done, told = _counter(number)
    task = queue.task()(told)
    for _ in range(number):
        task()
    consumer = queue.create_consumer(workers=4, initial_delay=0.001, max_delay=0.01)
    start = perf_counter()
    consumer.start()
    done.wait(LIMIT)
    seconds = perf_counter() - start
    consumer.stop()
    return seconds


def apscheduler(number: int, place: str) -> float:
    """Its SQLAlchemy job store on SQLite; jobs that are due, run by ten threads."""
    schedulers = import_module("apscheduler.schedulers.background")
    stores = import_module("apscheduler.jobstores.sqlalchemy")
    store = stores.SQLAlchemyJobStore(url=f"sqlite:///{place}/jobs.db")
    terms = {"misfire_grace_time": None, "max_instances": number}
    scheduler = schedulers.BackgroundScheduler(jobstores={"default": store}, job_defaults=terms, timezone=UTC)
    global _told
    done, _told = _counter(number)
    scheduler.start(paused=True)
    for _ in range(number):
        scheduler.add_job(f"{__name__}:told", "date", run_date=datetime.now(UTC) - timedelta(seconds=1))  # noqa: TID251 - its own clock
    start = perf_counter()
    scheduler.resume()
    done.wait(LIMIT)
    seconds = perf_counter() - start
    scheduler.shutdown()
    return seconds


def procrastinate(number: int, place: str) -> float:
    """PostgreSQL; one worker with twenty tasks at once, until the queue is empty."""
    return asyncio.run(_procrastinate(number, place))


async def _procrastinate(number: int, place: str) -> float:
    found = import_module("procrastinate")
    app = found.App(connector=found.PsycopgConnector(conninfo=place))
    done, told = _counter(number)

    @app.task(name="nothing")  # type: ignore[untyped-decorator] # the package is not in our environment
    async def nothing() -> None:
        told()

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await nothing.batch_defer_async(*({} for _ in range(number)))
        start = perf_counter()
        await app.run_worker_async(concurrency=20, wait=False, install_signal_handlers=False)
        seconds = perf_counter() - start
    if not done.is_set():
        raise SystemExit("not all were run")
    return seconds


def _counter(number: int) -> tuple[threading.Event, Callable[[], None]]:
    done, numbers = threading.Event(), count(1)

    def told() -> None:
        if next(numbers) == number:
            done.set()

    return done, told


def _told() -> None:
    """Nobody counts yet."""


def told() -> None:
    """One was run."""
    _told()


PEERS: dict[str, Callable[[int, str], float]] = {
    "huey": huey,
    "apscheduler": apscheduler,
    "procrastinate": procrastinate,
}


def main(words: list[str]) -> Any:
    """Run one peer."""
    peer, number, place = words
    return {"actions": int(number), "seconds": PEERS[peer](int(number), place)}


if __name__ == "__main__":
    sys.modules["outbox_side"] = sys.modules["__main__"]
    __name__ = "outbox_side"
    print(json.dumps(main(sys.argv[1:])))
