"""A process's life, from its start to its end, as `premura run`.

SIGTERM and SIGINT finish the action in hand, hand the rest back and release what this process had a right to; the
second of them ends the process at once. SIGHUP lets it look at its rules and templates at once.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import nullcontext
from typing import TextIO

from apscheduler.schedulers.background import BackgroundScheduler

from engine.app import App
from engine.check import check
from engine.daemon import systemd
from engine.daemon.lead import claiming, leave
from engine.daemon.life import ENDS, Life, Role
from engine.daemon.logs import logging_to
from engine.daemon.reload import Watch
from engine.daemon.stages import stages_of
from engine.daemon.ticks import keeping_time, scheduled
from engine.errors import ConfigError
from engine.status import Status
from engine.web.server import serving

PULSE = 0.5
"""After so many seconds at most a signal is heard."""


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
        life = Life(log=logger, role=role, port=port, status=Status(patience=app.settings.daemon.patience))
        watch = Watch(app=app)
        before = {number: signal.signal(number, life.end) for number in ENDS}
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


def _live(app: App, life: Life, watch: Watch) -> None:
    claim = claiming(app, life)
    claim()
    listens = life.role != "dispatch" or life.port is not None
    web = serving(app, life.status, port=life.port, needed=life.role == "web") if listens else nullcontext("")
    try:
        with web as address:
            _work(app, life, scheduled(app, life, stages_of(app, life, watch), claim), address)
    finally:
        leave(app)
    life.log.info("daemon.stopped")


def _work(app: App, life: Life, scheduler: BackgroundScheduler, address: str) -> None:
    watchdog, keep_time = systemd.watchdog(), keeping_time(app, scheduler)
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
