"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A workspace with one rule, `thanks`, and nobody in it."""
    made = Shop(tmp_path / "shop")
    yield made
    made.close()
