"""A daemon in this process, beside which a test does something, and what it looks at."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.app import App, open_app
from engine.daemon.inbox import take_inbox
from engine.daemon.life import Role
from engine.daemon.serve import serve
from engine.dispatch.port import Message, Receipt
from engine.store import actions, leases
from tests.databases import STORES
from tests.dispatch.shop import Told
from tests.workspaces import customers, drop, drop_all

EVERY = "\n[daemon]\nevery = 0.02\nlease = 2.0\n"
DEADLINE = 90
on_postgresql = pytest.mark.parametrize(
    "database",
    [pytest.param("postgresql", marks=pytest.mark.skipif("postgresql" not in STORES, reason="no wheel of it here"))],
    indirect=True,
)
"""What only a server can do: several processes on one store."""


class Log(io.StringIO):
    """A stream on which one can wait for a word."""

    def __init__(self) -> None:
        super().__init__()
        self.news = threading.Condition()

    def write(self, text: str) -> int:
        with self.news:
            self.news.notify_all()
            return super().write(text)

    def wait_for(self, word: str) -> None:
        with self.news:
            assert self.news.wait_for(lambda: word in self.getvalue(), DEADLINE), self.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.loads(line) for line in self.getvalue().splitlines()]

    @property
    def said(self) -> list[str]:
        """The events that were logged."""
        return [line["event"] for line in self.lines]


def states(app: App) -> list[str]:
    with app.store.read() as connection:
        return sorted(row["state"] for row in actions.listing(connection))


def inbox(app: App, *below: str) -> list[str]:
    folder = app.folder.joinpath("inbox", *below)
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def decided(app: App) -> None:
    """Something is due, and more lies in the inbox."""
    drop_all(app.folder, 1)
    take_inbox(app)
    app.decide()
    app.schedule()
    drop(app.folder, "4-customers.csv", customers(2))


def leading(app: App) -> App:
    """Another program that leads, however long the test takes."""
    other = open_app(app.folder)
    other.right.lasts = timedelta(hours=1)
    assert other.right.take() is None
    return other


def leader_of(app: App) -> str | None:
    """Who has the right that one process has at a time."""
    with app.store.read() as connection:
        return leases.owner(connection, app.right.name)


def lease_until(app: App) -> datetime:
    with sqlite3.connect(app.folder / "premura.db") as file:
        (until,) = file.execute("SELECT until FROM lease").fetchone()
    file.close()
    return datetime.fromisoformat(until)


@contextmanager
def not_for_ever() -> Iterator[None]:
    """A daemon that does not end by itself is ended, so that the test can say so."""
    timer = threading.Timer(DEADLINE + 10, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def serving(
    app: App,
    log: Log,
    meanwhile: Callable[[], None],
    *,
    end: bool = True,
    role: Role = "all",
    port: int | None = None,
) -> None:
    """Let the daemon live while something is done beside it, then end it with SIGTERM."""

    def beside() -> None:
        try:
            log.wait_for("daemon.started")
            meanwhile()
        finally:
            if end:
                os.kill(os.getpid(), signal.SIGTERM)

    with not_for_ever(), ThreadPoolExecutor(1) as pool:
        done = pool.submit(beside)
        serve(app, log=log, role=role, port=port)
        done.result()


class Slow(Told):
    """Does not come back before it is let go."""

    def __init__(self) -> None:
        super().__init__("email")
        self.reached, self.go = threading.Event(), threading.Event()

    async def send(self, message: Message) -> Receipt:
        self.reached.set()
        assert await asyncio.to_thread(self.go.wait, DEADLINE)
        return await super().send(message)
