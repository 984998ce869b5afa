"""When each stage runs, and what the log is told of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from engine.app import App
from engine.core.calendar import zone
from engine.daemon.life import Life, Stopped
from engine.errors import EngineError, LeaseError

Stage = Callable[[], Any]


def scheduled(app: App, life: Life, stages: Mapping[str, Stage], claim: Callable[[], None]) -> BackgroundScheduler:
    """Ticks for all stages on one thread, so that they never wait for each other's locks; the lease on its own."""
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1), "lease": ThreadPoolExecutor(1)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        timezone=zone("UTC"),
    )
    every = app.settings.daemon.every
    for number, (name, stage) in enumerate(stages.items()):
        first = app.clock() + timedelta(milliseconds=10 * number)
        job = _in_turn(name, tick(name, stage, life, every=every), life)
        scheduler.add_job(job, "interval", seconds=every, id=name, next_run_time=first)
    every = app.settings.daemon.lease / 3
    renew = tick("lease", claim, life, every=every, line="lease")
    scheduler.add_job(renew, "interval", seconds=every, id="lease", executor="lease")
    return scheduler


def keeping_time(app: App, scheduler: BackgroundScheduler) -> Callable[[], None]:
    """What lets the ticks go on when the clock was put back; the scheduler would wait until it has caught up."""
    last = app.clock()

    def look() -> None:
        nonlocal last
        now = app.clock()
        if now < last:
            for number, job in enumerate(scheduler.get_jobs()):  # in the order of their times
                job.modify(next_run_time=now + timedelta(milliseconds=10 * number))
        last = now

    return look


def _in_turn(name: str, tick: Callable[[], None], life: Life) -> Callable[[], None]:
    """A stage's tick, unless the daemon is about to end."""

    def run() -> None:
        with life.turn:
            if not life.stop.is_set():
                life.at_work, life.so_far = name, 0
                tick()
                life.at_work = ""

    return run


def tick(name: str, stage: Stage, life: Life, *, every: float = 0.0, line: str = "stages") -> Callable[[], None]:
    """One run of a stage: its result is logged when it did something, its trouble when it is news.

    every: seconds between two runs. line: the thread that it runs on, with others.
    """
    known = ""
    life.status.expect(name, line=line, every=every, now=monotonic())

    def run() -> None:
        nonlocal known
        done, trouble = None, ""
        life.status.begin(name, monotonic())
        try:
            done = stage()
        except Stopped:
            if life.so_far:
                life.log.info(f"{name}.stopped", so_far=life.so_far)
            return
        except LeaseError as error:
            life.lost = error
            life.stop.set()
            trouble = str(error)
        except EngineError as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001 - the daemon outlives a fault in one tick, and says so
            trouble = _unforeseen(error)
        life.status.end(name, monotonic(), failed=bool(trouble))
        if trouble and trouble != known:
            life.log.error(f"{name}.failed", error=trouble)
        elif known and not trouble:
            life.log.info(f"{name}.works_again")
        known = trouble
        if isinstance(done, dict) and any(done.values()):
            life.log.info(f"{name}.done", **done)

    return run


def _unforeseen(error: Exception) -> str:
    """What and where. Its words may hold a customer's, so that they stay out of the log."""
    engine = str(Path(__file__).parent.parent)
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if engine in frame.filename]
    return f"{type(error).__name__} in {Path(ours[-1].filename).stem}.{ours[-1].name}, line {ours[-1].lineno}"
