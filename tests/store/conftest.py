"""A fresh store for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from engine.store.session import Store, open_store
from tests.databases import STORES

Blank = Callable[[], str]
"""Makes an empty database of this version's shape and returns its address."""


@pytest.fixture(params=STORES)
def blank(request: pytest.FixtureRequest) -> Blank:
    """An empty database, as often as one asks."""
    if request.param == "postgresql":
        request.getfixturevalue("postgresql_test")
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
