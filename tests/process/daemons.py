"""The command as a process of its own, watched from outside: its log, its store, its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text

from engine import config
from tests.workspaces import NAMES

DEADLINE = 120.0
DAEMON = "\n[daemon]\nevery = 0.25\nlease = 600.0\n"  # who is killed is followed at once, not after ten minutes
BY_SMTP = """
[channels]
email = "mail"
{more}
[adapters.mail]
kind = "email_smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
"""
DESK = """
[adapters.desk]
kind = "parcel"
port = {port}
"""
LATER = """
import sys
from types import SimpleNamespace
from bench.chaos.life import step_clocks
from engine.cli import run

step_clocks(SimpleNamespace(value=float(sys.argv[1])))
sys.exit(run(sys.argv[2:]))
"""
CALL = """
[[step]]
id = "call"
channel = "task"
template = "task/call"
"""


def until(condition: Callable[[], bool], about: Callable[[], object] = lambda: "") -> None:
    """Wait for a condition, but not for ever."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, about()
        time.sleep(0.05)


@dataclass
class Command:
    """A running `premura`."""

    folder: Path
    words: tuple[str, ...] = ("run",)
    site: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    ahead: timedelta = timedelta()  # of the machine's clock
    process: subprocess.Popen[bytes] = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        while self._file("err").exists():
            self.number += 1
        environment = {name: value for name, value in os.environ.items() if name != "PREMURA_DEBUG"}
        environment |= self.environment
        if self.site is not None:
            environment["PYTHONPATH"] = str(self.site)
        with self._file("out").open("wb") as out, self._file("err").open("wb") as err:
            how = ["-c", LATER, str(self.ahead.total_seconds())] if self.ahead else ["-m", "engine"]
            command = [sys.executable, *how, *self.words, "-w", str(self.folder)]
            self.process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)

    def _file(self, kind: str) -> Path:
        return self.folder.parent / f"{self.folder.name}-{self.number}.{kind}"

    @property
    def out(self) -> str:
        """What it printed."""
        return self._file("out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it said beside it."""
        return self._file("err").read_text(encoding="utf-8")

    @property
    def lines(self) -> list[str]:
        """What it said beside it, line by line; one that is still being written is left for later."""
        return self.err.split("\n")[:-1]

    @property
    def log(self) -> list[dict[str, Any]]:
        """Every line on standard error is a JSON document."""
        return [json.loads(line) for line in self.lines]

    def wait_for(self, event: str) -> None:
        """Until it has logged that event."""
        until(lambda: self._told(event) or self.process.poll() is not None, lambda: self.err)
        assert self._told(event), self.err

    def _told(self, event: str) -> bool:
        return any(f'"{event}"' in line for line in self.lines)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Until it is over; its exit code."""
        return self.process.wait(DEADLINE)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and wait."""
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        """kill -9; whoever comes next on the same machine need not wait for its right to end."""
        assert self.end(signal.SIGKILL) == -signal.SIGKILL


Start = Callable[..., Command]
"""Starts a command that does not outlive its test: a folder, words, and what a Command may have."""


def is_discreet(command: Command) -> bool:
    """No traceback, and nothing of customers or secrets."""
    key = (command.folder / "premura.key").read_text(encoding="utf-8").strip()
    words = ["Traceback", "@mail.example", "Rossi", key, *NAMES]
    return not [word for word in words if word in command.err]


def states(folder: Path) -> Counter[str]:
    """How many actions stand where."""
    return Counter(row["state"] for row in rows(folder))


def rows(folder: Path) -> list[dict[str, Any]]:
    """The actions of a workspace."""
    return asked(folder, "SELECT public_id, channel, state, lease_owner FROM action ORDER BY id")


def asked(folder: Path, query: str) -> list[dict[str, Any]]:
    """What its store answers, wherever that is."""
    settings = config.load(folder)
    file = folder / "premura.db"
    engine = create_engine(f"sqlite:///{file}" if file.exists() else settings.store, poolclass=NullPool)
    with engine.connect() as connection:
        return [row._asdict() for row in connection.execute(text(query))]
