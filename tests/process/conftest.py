"""What the tests of crashes share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.process.crashes import Sink, sinking


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    """A process that writes down what it got."""
    with sinking(tmp_path_factory.mktemp("sink")) as listening:
        yield listening
