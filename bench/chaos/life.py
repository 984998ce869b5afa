"""One life of `premura`: a process that runs a command by a clock that can be stepped, and that may die at a commit.

SIGKILL itself at a chosen commit is the same to the kernel as one from outside, and hits each step exactly.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
"""A server with everything imported forks each life, so that a run spends its time in what is to be killed."""
CONTEXT.set_forkserver_preload(["bench.chaos.preload"])
Clock = Any
"""A shared number: seconds by which the clock of all lives is ahead of the machine's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """At which commit of its life a process ends, counted from 1: just `before` it, or just after."""

    commit: int
    before: bool


def warm_up() -> None:
    """Begin the server that forks, so that the first life is as quick as the others."""
    process = CONTEXT.Process(target=int)
    process.start()
    process.join()


def start(words: Sequence[str], *, clock: Clock, log: Path, death: Death | None = None) -> ForkServerProcess:
    """Begin a life; its output is added to a file."""
    process = CONTEXT.Process(target=_live, args=(tuple(words), clock, str(log), death), daemon=True)
    process.start()
    return process


def _live(words: Sequence[str], clock: Clock, log: str, death: Death | None) -> None:
    from engine import cli

    with Path(log).open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    step_clocks(clock)
    if death is not None:
        die(death)
    code = cli.run(list(words))
    sys.stdout.flush()
    os._exit(code)  # what a fork inherited must not be tidied up twice


def step_clocks(clock: Clock) -> None:
    """Put the program's clock, and that of its scheduler, ahead of the machine's, as if the machine's were stepped."""
    from apscheduler.schedulers import base

    from engine import app

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain instant
            return datetime.now(tz) + timedelta(seconds=clock.value)  # noqa: TID251 - a process lives now

    app.system_clock = lambda: Stepped.now(UTC)
    base.datetime = Stepped


def die(death: Death) -> None:
    """End this process at that commit."""
    from sqlalchemy.engine.default import DefaultDialect

    commit: Callable[[Any, Any], None] = DefaultDialect.do_commit
    done = 0

    def counted(self: Any, connection: Any) -> None:
        nonlocal done
        done += 1
        if done == death.commit and death.before:
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, connection)
        if done == death.commit:
            os.kill(os.getpid(), signal.SIGKILL)

    DefaultDialect.do_commit = counted  # type: ignore[method-assign]  # the one place that all transactions pass
