"""The daemon: APScheduler ticks, one for each stage; due times live in the outbox, never in the scheduler.

SIGTERM and SIGINT finish the action in hand, hand the rest back and release the right to dispatch. A second daemon on
the same store is told who has that right and does not start.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from engine.app import App
from engine.core.calendar import local_date, zone
from engine.errors import EngineError, IngestError, LeaseError
from engine.store import scores
from engine.workspace import INBOX

SETTLED = timedelta(seconds=2)
"""A file in the inbox is read when it has not changed for so long, so that a copy under way is left alone."""

Log = structlog.typing.FilteringBoundLogger


def once(app: App) -> dict[str, Any]:
    """Run every stage once, in order; returns what each did."""
    with app.dispatching():
        return {
            "ingest": take_inbox(app),
            "score": score_if_due(app),
            "decide": asdict(app.decide()),
            "schedule": asdict(app.schedule()),
            "dispatch": asdict(app.dispatch()),
        }


def serve(app: App, *, log: TextIO) -> None:
    """Run until SIGTERM or SIGINT. Raises LeaseError when another process dispatches on this store."""
    app.take_dispatch_lease()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logger = _logger(log)
    scheduler = _scheduler(app, stop, logger)
    scheduler.start()
    logger.info("daemon.started", workspace=app.folder.name, every=app.settings.daemon.every)
    try:
        stop.wait()
        logger.info("daemon.stopping")
    finally:
        scheduler.shutdown(wait=True)
        app.release_dispatch_lease()
        logger.info("daemon.stopped")


def _scheduler(app: App, stop: threading.Event, log: Log) -> BackgroundScheduler:
    """Ticks for all stages on one thread, so that they never wait for each other's locks; the lease on its own."""
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1), "lease": ThreadPoolExecutor(1)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        timezone=zone("UTC"),
    )
    stages: dict[str, Callable[[], Any]] = {
        "ingest": lambda: {"files": take_inbox(app)},
        "score": lambda: score_if_due(app),
        "decide": lambda: asdict(app.decide()),
        "schedule": lambda: asdict(app.schedule()),
        "dispatch": lambda: asdict(app.dispatch(stopping=stop.is_set)),
    }
    every = app.settings.daemon.every
    for number, (name, stage) in enumerate(stages.items()):
        first = app.clock() + timedelta(milliseconds=10 * number)
        job = _tick(name, stage, stop, log)
        scheduler.add_job(job, "interval", seconds=every, id=name, next_run_time=first)
    renew = _tick("lease", app.take_dispatch_lease, stop, log)
    scheduler.add_job(renew, "interval", seconds=app.settings.daemon.lease / 3, id="lease", executor="lease")
    return scheduler


def _tick(name: str, stage: Callable[[], Any], stop: threading.Event, log: Log) -> Callable[[], None]:
    """One run of a stage: its result is logged when it did something, its error always; a lost lease stops all."""

    def run() -> None:
        if stop.is_set():
            return
        try:
            done = stage()
        except LeaseError as error:
            log.warning("lease.lost", error=str(error))
            stop.set()
        except EngineError as error:
            log.warning(f"{name}.failed", error=str(error))
        except Exception as error:  # noqa: BLE001 - the daemon outlives a fault in one tick, and says so
            log.warning(f"{name}.failed", error=f"{type(error).__name__}: {error}")
        else:
            if isinstance(done, dict) and any(done.values()):
                log.info(f"{name}.done", **done)

    return run


def take_inbox(app: App) -> list[dict[str, Any]]:
    """Read the files that lie in the inbox; they move to done/, or to failed/ with the reason beside them."""
    inbox = app.folder / INBOX
    taken: list[dict[str, Any]] = []
    for path in sorted(inbox.glob("*")) if inbox.is_dir() else ():
        changed = path.stat().st_mtime
        if (
            not path.is_file()
            or path.name.startswith(".")
            or app.clock().timestamp() - changed < SETTLED.total_seconds()
        ):
            continue
        try:
            summary = app.ingest(path)
        except IngestError as error:
            _move(path, inbox / "failed")
            (inbox / "failed" / f"{path.name}.error.txt").write_text(f"{error}\n", encoding="utf-8")
            taken.append({"file": path.name, "error": str(error)})
        else:
            _move(path, inbox / "done")
            taken.append({"file": path.name, "new": summary.new, "known": summary.known, "rejected": summary.rejected})
    return taken


def _move(path: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    path.rename(target)


def score_if_due(app: App) -> dict[str, Any] | None:
    """Score when histories changed, or when a new local day's hour has come: waiting alone changes P(alive)."""
    now, tz = app.clock(), app.settings.shop.time_zone
    with app.store.read() as connection:
        changed = scores.dirty(connection)
        last = scores.last_run(connection)
    if last is None and not changed:
        return None
    hour_has_come = now.astimezone(zone(tz)).hour >= app.settings.daemon.score_hour
    new_day = last is not None and local_date(last["as_of"], tz) < local_date(now, tz) and hour_has_come
    if not changed and not new_day:
        return None
    done = app.score()
    return {"customers": done.customers, "model": done.model, "flags": list(done.flags)}


def _logger(stream: TextIO) -> Log:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    logger: Log = structlog.get_logger()
    return logger
