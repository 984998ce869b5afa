"""A workspace, a log that one can wait for, and what the parts of a daemon share."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.app import App, open_app, system_clock
from engine.daemon.life import Life
from engine.daemon.logs import logging_to
from tests.daemon.living import EVERY, Log
from tests.workspaces import FILES, make


@pytest.fixture
def app(tmp_path: Path, database: str) -> Iterator[App]:
    opened = open_app(make(tmp_path / "shop", FILES + EVERY, database=database), system_clock, io.StringIO())
    yield opened
    opened.close()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def life(log: Log) -> Iterator[Life]:
    with logging_to(log) as logger:
        yield Life(log=logger)
