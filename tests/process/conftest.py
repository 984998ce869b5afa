"""What the tests of processes share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from tests.process import sinks
from tests.process.crashes import Sink, sinking
from tests.process.daemons import DEADLINE, Command, Start


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    """A process that writes down what it got."""
    with sinking(tmp_path_factory.mktemp("sink")) as listening:
        yield listening


@pytest.fixture
def post() -> Iterator[sinks.Sink]:
    """A mail server in this process."""
    with sinks.smtp() as listening:
        yield listening


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the command, `premura run` if no words are given; whatever still runs in the end is killed."""
    with ExitStack() as stack:

        def begin(folder: Path, *words: str, **more: Any) -> Command:
            command = Command(folder, words or ("run",), **more)
            stack.callback(command.process.wait, DEADLINE)
            stack.callback(command.process.send_signal, SIGKILL)
            return command

        yield begin
