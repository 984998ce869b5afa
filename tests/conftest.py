"""Fixtures that many tests share."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

from engine.store import session
from tests.databases import STORES, PostgreSQL, Sqlite, postgresql
from tests.shop import Shop

# A busy machine is slow, and that is no fault of what is tested. CI asks the same twice, people ask something new.
settings.register_profile(
    "premura",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    max_examples=50 if "CI" in os.environ else 100,
)
settings.load_profile("premura")


def _compiled_once(url: URL, **terms: Any) -> Engine:
    """An engine that shares its compiled statements with all others of its kind in this process.

    Every test has a store of its own, and to compile what a stage asks takes longer than to ask it.
    """
    made = create_engine(url, **terms)
    first = _FIRST.setdefault(made.dialect.name, made)
    if first is not made:
        made.dialect = made.pool._dialect = first.dialect
        made._compiled_cache = first._compiled_cache
    return made


_FIRST: dict[str, Engine] = {}
session.create_engine = _compiled_once  # type: ignore[attr-defined, assignment] # what the product imports there

LONGEST = (
    "flow/test_year.py",
    "process/test_crashes.py",
    "process/test_run.py",
    "process/test_clocks.py",
    "process/test_workers.py",
    "process/test_many_workers.py",
    "demo/test_run.py",
    "backtest/test_year.py",
    "clv/test_draw.py",
    "process/test_reload.py",
    "flow/test_cdnow.py",
    "dispatch/test_stage_states.py",
    "clv/test_read_like_ingest.py",
    "score/test_interval.py",
    "store/test_where.py",
    "test_architecture.py",
)
"""Files that several processes begin with, so that none is left alone with one of them in the end."""


@pytest.hookimpl(optionalhook=True)  # only where several processes are asked for
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: those that kill and wait leave theirs to the others."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)  # nobody needs several processes for a test or two
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With -n a file stays in one process, so that what its tests share is made once."""
    if config.option.dist != "load":
        return None
    config.option.loadscopereorder = False
    return import_module("xdist.scheduler").LoadFileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, where several processes share them out."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def sqlite_copies(tmp_path_factory: pytest.TempPathFactory) -> Sqlite:
    """Copies of one migrated file."""
    return Sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A server that all processes of this run share."""
    folder = tmp_path_factory.getbasetemp()
    with postgresql(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) as server:
        yield server


@pytest.fixture(scope="session")
def blank_sqlite(sqlite_copies: Sqlite) -> Callable[[], str]:
    """Makes an empty SQLite database and returns its address."""
    return sqlite_copies.borrow


@pytest.fixture(scope="session")
def blank_postgresql(postgresql_server: PostgreSQL) -> Callable[[], str]:
    """Makes an empty PostgreSQL database and returns its address."""
    return postgresql_server.borrow


@pytest.fixture
def postgresql_test(postgresql_server: PostgreSQL) -> Iterator[None]:
    """The databases that a test makes are emptied when it is over."""
    with postgresql_server.one_test():
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `any_store` runs on each of them."""
    if "database" in metafunc.fixturenames and metafunc.definition.get_closest_marker("any_store"):
        metafunc.parametrize("database", STORES, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The address of a workspace's database, for its `store`; "" is the file that `premura init` makes."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    request.getfixturevalue("postgresql_test")
    return str(request.getfixturevalue("blank_postgresql")())


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that no other process is given meanwhile: whoever asks for it by its number can listen there."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    """A workspace with one rule, `thanks`, and nobody in it."""
    made = Shop(tmp_path / "shop", database=database)
    yield made
    made.close()
