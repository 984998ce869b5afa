"""Fixtures that many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.shop import Shop

# A busy machine is slow, and that is no fault of what is tested. CI asks the same twice, people ask something new.
settings.register_profile(
    "premura", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("premura")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A workspace with one rule, `thanks`, and nobody in it."""
    made = Shop(tmp_path / "shop")
    yield made
    made.close()
