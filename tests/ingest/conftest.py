"""A desk for each test, with a copy of one workspace; rules and templates are nothing that ingest needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from engine import workspace
from engine.app import upgrade
from engine.store import customers
from engine.store.session import open_store
from tests.ingest.desk import Desk, hand_out
from tests.store import seed


@pytest.fixture(scope="session")
def blank_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `premura init` makes."""
    folder = tmp_path_factory.mktemp("blank") / "shop"
    workspace.init(folder)
    upgrade(folder)
    for part in (workspace.RULES, workspace.TEMPLATES):
        rmtree(folder / part)
    return folder


@pytest.fixture(scope="session")
def inviting_workspace(blank_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with C1, who was given the code 7KQ2M9XA to share, and C2."""
    folder = tmp_path_factory.mktemp("inviting") / "shop"
    copytree(blank_workspace, folder)
    store = open_store(f"sqlite:///{folder}/premura.db")
    with store.write() as connection:
        customers.save(connection, [("C1", {"given_name": "Ada"}), ("C2", {"given_name": "Bea"})], seed.NOON)
        hand_out(connection, "7KQ2M9XA", "C1")
    store.close()
    return folder


@pytest.fixture
def desk(blank_workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    """A shop without customers."""
    yield from _desk(blank_workspace, tmp_path, capsys)


@pytest.fixture
def inviting_desk(inviting_workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    """A shop in which C1 was given a code."""
    yield from _desk(inviting_workspace, tmp_path, capsys)


def _desk(workspace: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    copytree(workspace, folder / "shop")
    made = Desk(folder / "shop", capsys)
    yield made
    made.store.close()
