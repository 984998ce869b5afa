"""The daemon: APScheduler ticks, one for each stage; due times live in the outbox, never in the scheduler.

SIGTERM and SIGINT finish the action in hand, hand the rest back and release what this process had a right to; the
second of them ends the process at once. SIGHUP lets it look at its rules and templates at once.

On SQLite one daemon works on a store, and a second one is told who does and does not start. On a server there may be
any number: all of them send, and one leads, which means that it does what must be done once; when it is gone, another
one leads as soon as its lease has ended.
"""

from __future__ import annotations

import math
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Literal, TextIO

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.typing import FilteringBoundLogger

from engine import systemd
from engine.app import App
from engine.check import check
from engine.core.calendar import zone
from engine.errors import ConfigError, EngineError, LeaseError, StoreError
from engine.inbox import score_if_due, take_inbox
from engine.logs import logging_to, sends_to
from engine.reload import Watch
from engine.status import Status
from engine.tidy import tidy_if_due
from engine.web.server import serving

TURN = timedelta(seconds=30)
"""After so long dispatch (or tidying) gives way to the other stages: what they hear may stop what is to be sent."""

PULSE = 0.5
"""After so many seconds at most a signal is heard."""

Role = Literal["all", "dispatch", "web"]
ROLES: tuple[Role, ...] = ("all", "dispatch", "web")
"""What a daemon does: everything; only write and send what is due; only answer on the web."""

_ENDS = (signal.SIGTERM, signal.SIGINT)


def once(app: App) -> dict[str, Any]:
    """Run every stage once, in order; returns what each did, or who leads where another process does it for all."""
    app.ready()
    try:
        with app.dispatching():
            return {
                "ingest": take_inbox(app),
                "score": _led_by_us(app, lambda: score_if_due(app)),
                "decide": _led_by_us(app, lambda: asdict(app.decide())),
                "schedule": _led_by_us(app, lambda: asdict(app.schedule())),
                "dispatch": asdict(app.dispatch()),
                "tidy": _led_by_us(app, lambda: tidy_if_due(app)),
            }
    finally:
        _leave(app)


def _led_by_us(app: App, stage: Callable[[], Any]) -> Any:
    """What a stage did that one process does for all, with a lease that is new when it begins."""
    other = None if app.store.is_sqlite else app.right.take()
    return stage() if other is None else {"led_by": other}


def _leave(app: App) -> None:
    """Give back what we have a right to; it ends by itself where the store does not answer."""
    if app.right.until is not None:
        with suppress(StoreError):
            app.right.give_back()


def serve(app: App, *, log: TextIO, role: Role = "all", port: int | None = None) -> None:
    """Run until SIGTERM or SIGINT.

    port: where this one answers on the web, if not on that of the settings; one that only dispatches has no other.

    Raises ConfigError with everything that is wrong with the workspace, and LeaseError when another process dispatches
    on this store, now or because it took over later.
    """
    if faults := check(app.folder):
        raise ConfigError(faults)
    app.ready()
    with logging_to(log) as logger:
        life = _Life(log=logger, role=role, port=port, status=Status(patience=app.settings.daemon.patience))
        watch = Watch(app=app)
        before = {number: signal.signal(number, life.end) for number in _ENDS}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, _reload(watch))
        try:
            _live(app, life, watch)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if life.lost is not None:
        raise life.lost


def _reload(watch: Watch) -> Callable[..., None]:
    def hear(*_signal: object) -> None:
        systemd.reloading()
        watch.ask()

    return hear


def _live(app: App, life: _Life, watch: Watch) -> None:
    claim = _claim(app, life)
    claim()
    listens = life.role != "dispatch" or life.port is not None
    web = serving(app, life.status, port=life.port, needed=life.role == "web") if listens else nullcontext("")
    try:
        with web as address:
            _work(app, life, _scheduler(app, life, watch, claim), address)
    finally:
        _leave(app)
    life.log.info("daemon.stopped")


def _work(app: App, life: _Life, scheduler: BackgroundScheduler, address: str) -> None:
    watchdog, keep_time = systemd.watchdog(), _keeping_time(app, scheduler)
    scheduler.start()
    what = {"workspace": app.folder.resolve().name, "role": life.role, "every": app.settings.daemon.every}
    life.log.info("daemon.started", **what, web=address)
    systemd.ready(f"{len(app.rules)} rules in force")
    while not life.stop.wait(PULSE):  # a signal that the system gave to another thread does not wake this one,
        life.pat(watchdog)  # which alone can hear it
        keep_time()
    life.status.stopping = True
    systemd.stopping()
    life.log.info("daemon.stopping", finishing=life.at_work)
    while not life.turn.acquire(timeout=PULSE):  # the stage at work comes to its end; the lease is renewed meanwhile
        life.pat(watchdog)
    life.turn.release()
    scheduler.shutdown()


def _keeping_time(app: App, scheduler: BackgroundScheduler) -> Callable[[], None]:
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


def _claim(app: App, life: _Life) -> Callable[[], None]:
    """What a daemon asks for before it begins, and again and again while it lives."""

    def alone() -> None:
        app.take_dispatch_right()

    def lead() -> None:
        other = app.right.take()
        if other != life.leader:
            life.log.info("lead.taken") if other is None else life.log.info("lead.waits", leader=other)
        life.leader = other

    if life.role != "web" and app.store.is_sqlite:
        return alone
    return lead if life.role == "all" else lambda: None


class _Stopped(BaseException):
    """The daemon ends while a stage is at work; what that has committed stays, the rest is done next time."""


@dataclass(slots=True, kw_only=True)
class _Life:
    """What the ticks share."""

    log: FilteringBoundLogger
    role: Role = "all"
    port: int | None = None
    status: Status = field(default_factory=lambda: Status(patience=math.inf))
    stop: threading.Event = field(default_factory=threading.Event)
    turn: threading.Lock = field(default_factory=threading.Lock)  # held by the stage at work
    at_work: str = ""
    lost: LeaseError | None = None
    refused: str = ""  # why some adapters send nothing since a restore
    leader: str | None = ""  # who leads, None if we do, "" as long as nobody asked

    def end(self, *_signal: object) -> None:
        """Ask all to come to an end; who asks twice does not want to wait."""
        self.stop.set()
        for number in _ENDS:
            signal.signal(number, signal.SIG_DFL)

    def go_on(self, _done: int = 0) -> None:
        """Told by a stage of its progress. Raises _Stopped when it is to be the last."""
        self.sign()
        if self.stop.is_set():
            raise _Stopped

    def sign(self) -> None:
        """The stage at work lives."""
        if self.at_work:
            self.status.go_on(self.at_work, monotonic())

    def pat(self, watchdog: systemd.Watchdog) -> None:
        """Tell systemd that the process lives, as long as its ticks do."""
        if not self.status.stuck(monotonic()):
            watchdog.pat(monotonic())

    def turn_of_a_stage(self) -> Callable[[], bool]:
        """What says when a stage that may take long is to stop."""
        until = monotonic() + TURN.total_seconds()

        def is_over() -> bool:
            self.sign()
            return self.stop.is_set() or monotonic() > until

        return is_over


def _scheduler(app: App, life: _Life, watch: Watch, claim: Callable[[], None]) -> BackgroundScheduler:
    """Ticks for all stages on one thread, so that they never wait for each other's locks; the lease on its own."""
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1), "lease": ThreadPoolExecutor(1)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        timezone=zone("UTC"),
    )
    every = app.settings.daemon.every
    for number, (name, stage) in enumerate(_stages(app, life, watch).items()):
        first = app.clock() + timedelta(milliseconds=10 * number)
        job = _in_turn(name, _tick(name, stage, life, every=every), life)
        scheduler.add_job(job, "interval", seconds=every, id=name, next_run_time=first)
    every = app.settings.daemon.lease / 3
    renew = _tick("lease", claim, life, every=every, line="lease")
    scheduler.add_job(renew, "interval", seconds=every, id="lease", executor="lease")
    return scheduler


def _stages(app: App, life: _Life, watch: Watch) -> dict[str, Callable[[], Any]]:
    """What this daemon does in turn; what one does for all is done while we lead, and ends soon when we do no more."""

    def led(stage: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: stage() if app.leads() else None

    def go_on(done: int) -> None:
        life.go_on(done)
        if not app.leads():
            raise _Stopped

    stages: dict[str, Callable[[], Any]] = {
        "reload": lambda: _look(watch, life),
        "ingest": lambda: {"files": take_inbox(app, life.go_on)},
        "score": led(lambda: score_if_due(app)),
        "decide": led(lambda: asdict(app.decide(progress=go_on))),
        "schedule": led(lambda: asdict(app.schedule())),
        "dispatch": lambda: _dispatch(app, life),
        "tidy": led(lambda: tidy_if_due(app, stopping=life.turn_of_a_stage(), progress=go_on)),
    }
    does = {"all": stages.keys(), "dispatch": {"reload", "dispatch"}, "web": set[str]()}[life.role]
    return {name: stage for name, stage in stages.items() if name in does}


def _dispatch(app: App, life: _Life) -> dict[str, Any]:
    """One turn of dispatch; that something stands still since a restore is said once."""
    stopping, told = life.turn_of_a_stage(), sends_to(life.log)
    done = asdict(app.dispatch(stopping=stopping, progress=lambda _sent: life.sign(), told=told))
    why = done.pop("refused")
    if why != life.refused:
        life.log.error("dispatch.refused", why=why) if why else life.log.info("dispatch.released")
    life.refused, life.status.stands_still = why, bool(why)
    return done


def _look(watch: Watch, life: _Life) -> None:
    """What became of changed rules and templates, in the log."""
    news = watch.look(monotonic())
    if news is not None:
        life.status.refused = news.event == "refused"
        systemd.ready(
            f"{len(watch.app.rules)} rules in force" + ("; those in the files are faulty" * life.status.refused)
        )
        tell = life.log.error if news.event == "refused" else life.log.info
        tell(f"rules.{news.event}", **news.said)


def _in_turn(name: str, tick: Callable[[], None], life: _Life) -> Callable[[], None]:
    """A stage's tick, unless the daemon is about to end."""

    def run() -> None:
        with life.turn:
            if not life.stop.is_set():
                life.at_work = name
                tick()
                life.at_work = ""

    return run


def _tick(
    name: str, stage: Callable[[], Any], life: _Life, *, every: float = 0.0, line: str = "stages"
) -> Callable[[], None]:
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
        except _Stopped:
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
    ours = [
        frame for frame in traceback.extract_tb(error.__traceback__) if str(Path(__file__).parent) in frame.filename
    ]
    return f"{type(error).__name__} in {Path(ours[-1].filename).stem}.{ours[-1].name}, line {ours[-1].lineno}"
