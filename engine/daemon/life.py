"""What the parts of a running daemon share: its role and log, whose turn it is, who leads, and whether it is to end."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Literal

from structlog.typing import FilteringBoundLogger

from engine.daemon.systemd import Watchdog
from engine.errors import LeaseError
from engine.status import Status

TURN = timedelta(seconds=30)
"""After so long dispatch (or tidying) gives way to the other stages: what they hear may stop what is to be sent."""

Role = Literal["all", "dispatch", "web"]
ROLES: tuple[Role, ...] = ("all", "dispatch", "web")
"""What a daemon does: everything; only write and send what is due; only answer on the web."""

ENDS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """The daemon ends while a stage is at work; what that has committed stays, the rest is done next time."""


@dataclass(slots=True, kw_only=True)
class Life:
    """What the ticks share."""

    log: FilteringBoundLogger
    role: Role = "all"
    port: int | None = None
    status: Status = field(default_factory=lambda: Status(patience=math.inf))
    stop: threading.Event = field(default_factory=threading.Event)
    turn: threading.Lock = field(default_factory=threading.Lock)  # held by the stage at work
    at_work: str = ""
    so_far: int = 0  # what the stage at work has told of its progress
    lost: LeaseError | None = None
    refused: str = ""  # why some adapters send nothing since a restore
    leader: str | None = ""  # who leads, None if we do, "" as long as nobody asked

    def end(self, *_signal: object) -> None:
        """Ask all to come to an end; who asks twice does not want to wait."""
        self.stop.set()
        for number in ENDS:
            signal.signal(number, signal.SIG_DFL)

    def go_on(self, done: int = 0) -> None:
        """Told by a stage of its progress. Raises Stopped when it is to be the last."""
        self.so_far += done
        self.sign()
        if self.stop.is_set():
            raise Stopped

    def sign(self) -> None:
        """The stage at work lives."""
        if self.at_work:
            self.status.go_on(self.at_work, monotonic())

    def pat(self, watchdog: Watchdog) -> None:
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
