"""The file that remembers how far the store had come."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine import highwater
from engine.errors import StoreError
from engine.highwater import FILE, HighWater

MARK = HighWater(generation=7, at=datetime(2026, 3, 2, 12, 30, 5, 250, tzinfo=UTC))


def test_it_says_what_was_written_last(tmp_path: Path) -> None:
    assert highwater.read(tmp_path) is None
    for generation in (7, 8):
        highwater.write(tmp_path, HighWater(generation=generation, at=MARK.at))
    assert highwater.read(tmp_path) == HighWater(generation=8, at=MARK.at)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"generation": "many", "at": "2026-03-02T12:00:00+00:00"}', '{"generation": 7}',
     '{"generation": 7, "at": "2026-03-02T12:00:00"}', '{"generation": 7, "at": 5}'],
)  # fmt: skip
def test_what_somebody_broke_is_told_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=r"premura\.generation is damaged.*nothing was sent \(hint: take it away"):
        highwater.read(tmp_path)
    assert (tmp_path / FILE).read_text(encoding="utf-8") == text


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreError, match=r"premura\.generation cannot be read \(Is a directory\); nothing was sent"):
        highwater.read(tmp_path)
    with pytest.raises(StoreError, match=r"premura\.generation cannot be written \(Is a directory\); nothing was sent"):
        highwater.write(tmp_path, MARK)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    with pytest.raises(StoreError, match="No such file or directory"):
        highwater.write(tmp_path / "nowhere", MARK)


def test_a_full_disk_leaves_the_old_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    highwater.write(tmp_path, MARK)

    def full(_file: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        highwater.write(tmp_path, HighWater(generation=8, at=MARK.at))
    monkeypatch.undo()
    assert highwater.read(tmp_path) == MARK
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_it_can_be_read_by_people(tmp_path: Path) -> None:
    highwater.write(tmp_path, MARK)
    assert json.loads((tmp_path / FILE).read_text()) == {"generation": 7, "at": "2026-03-02T12:30:05.000250+00:00"}
