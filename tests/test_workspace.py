"""Laying out a workspace."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from engine import workspace
from engine.errors import UsageError


def test_a_new_workspace_has_all_that_is_shipped(tmp_path: Path) -> None:
    made = workspace.init(tmp_path / "shop")

    assert {"premura.toml", "premura.key", "rules/anniversary.toml"} <= set(made)
    assert workspace.read_rules(tmp_path / "shop").keys() == workspace.read_rules(workspace.shipped()).keys()
    assert workspace.read_templates(tmp_path / "shop") == workspace.read_templates(workspace.shipped())


def test_what_is_there_stays(tmp_path: Path) -> None:
    workspace.init(tmp_path)
    (tmp_path / "premura.toml").write_text("mine", encoding="utf-8")
    key = (tmp_path / "premura.key").read_text(encoding="utf-8")

    assert workspace.init(tmp_path) == []
    assert (tmp_path / "premura.toml").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "premura.key").read_text(encoding="utf-8") == key


def test_the_key_is_its_owners_alone_and_drawn_anew_for_each(tmp_path: Path) -> None:
    workspace.init(tmp_path / "a")
    workspace.init(tmp_path / "b")

    keys = {(tmp_path / name / "premura.key").read_text(encoding="utf-8") for name in "ab"}
    assert len(keys) == 2
    assert stat.S_IMODE((tmp_path / "a" / "premura.key").stat().st_mode) == 0o600


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("", encoding="utf-8")

    with pytest.raises(UsageError, match="is a file"):
        workspace.init(tmp_path / "shop")
