"""A desk for each test, with a copy of one workspace; rules and templates are nothing that ingest needs."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, rmtree

import pytest

from engine import workspace
from engine.app import upgrade
from tests.ingest.desk import Desk


@pytest.fixture(scope="session")
def blank_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `premura init` makes."""
    folder = tmp_path_factory.mktemp("blank") / "shop"
    workspace.init(folder)
    upgrade(folder)
    for part in (workspace.RULES, workspace.TEMPLATES):
        rmtree(folder / part)
    return folder


@pytest.fixture
def desk(blank_workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A shop without customers."""
    copytree(blank_workspace, tmp_path / "shop")
    return Desk(tmp_path / "shop", capsys)
