"""The store goes away while a message is on its way: what the other side took can then not be written down."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from engine.errors import StoreError
from engine.store import session
from tests.process.crashes import Ordeal, Sink

Trouble = Callable[[Ordeal], Any]
SEND = import_module("engine.dispatch.stage.send")  # the room's door has a function of this name


@contextmanager
def full(ordeal: Ordeal) -> Iterator[None]:
    """The disk takes no more: no file of this process may grow beyond what the log of the database has already."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((ordeal.folder / "premura.db-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(ordeal: Ordeal) -> Iterator[None]:
    """Another program holds the database."""
    other = sqlite3.connect(ordeal.folder / "premura.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@contextmanager
def gone(ordeal: Ordeal) -> Iterator[None]:
    """The server cuts every connection to this database and takes no new ones."""
    import psycopg

    url = str(ordeal.app.settings.store)
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(url.replace(f"/{name}?", "/postgres?"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.fixture(params=[("sqlite", full), ("sqlite", locked), ("postgresql", gone)], ids=["full", "locked", "gone"])
def trouble(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Trouble]:
    """What happens, and the store that it happens to."""
    monkeypatch.setattr(session, "_PATIENCE", 0.05)  # seconds that SQLite waits for whoever holds it
    store, what = request.param
    address = ""
    if store == "postgresql":
        request.getfixturevalue("postgresql_test")
        address = str(request.getfixturevalue("blank_postgresql")())
    return address, what


@pytest.mark.parametrize("door", ["key", "none"])
def test_it_stays_away(
    tmp_path: Path, sink: Sink, trouble: tuple[str, Trouble], door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends with one line; the next one takes up what is in doubt, and takes nobody's word for it."""
    monkeypatch.setattr(SEND, "PATIENCE", (0.0,))
    address, what = trouble
    with Ordeal(tmp_path / "shop", sink, door=door, database=address) as ordeal, ExitStack() as lasting:
        ordeal.meddle("task", after=lambda: lasting.enter_context(what(ordeal)))
        with pytest.raises(StoreError):
            ordeal.round()
        lasting.close()
        ordeal.settle()

        arrived, _not = ordeal.doubts("task")
        assert arrived >= 1 if door == "none" else arrived == 0


def test_it_comes_back_in_time(
    tmp_path: Path, sink: Sink, trouble: tuple[str, Trouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receipts are all that tells what went out: they are kept and written as soon as the store takes them."""
    monkeypatch.setattr(SEND, "PATIENCE", (0.1,) * 100)
    address, what = trouble
    with Ordeal(tmp_path / "shop", sink, door="none", database=address) as ordeal, ExitStack() as lasting:
        over = Timer(0.3, lasting.close)

        def for_a_moment() -> None:
            lasting.enter_context(what(ordeal))
            over.start()

        ordeal.meddle("task", after=for_a_moment)
        with suppress(StoreError):  # where something new was to be begun meanwhile
            ordeal.round()
        over.join()
        ordeal.settle()

        assert ordeal.doubts("task") == ordeal.doubts("email") == (0, 0)
