"""Fixtures that many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.shop import Shop

# A busy machine is slow, and that is no fault of what is tested. CI asks the same twice, people ask something new.
settings.register_profile(
    "premura", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("premura")

LONGEST = (
    "flow/test_year.py",
    "process/test_run.py",
    "demo/test_run.py",
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


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A workspace with one rule, `thanks`, and nobody in it."""
    made = Shop(tmp_path / "shop")
    yield made
    made.close()
