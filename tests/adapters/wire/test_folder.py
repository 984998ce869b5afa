"""Files that are there whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.adapters.wire.folder import Shelf, named, put


def test_all_of_them_are_there_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path / "a" / "b", {"one.txt": b"1", "two.txt": b"2"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "a" / "b").iterdir()} == {
        "one.txt": b"1",
        "two.txt": b"2",
    }


def test_the_same_name_is_written_anew(tmp_path: Path) -> None:
    for content in (b"a longer one", b"short"):
        put(tmp_path, {"one.txt": content})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"short"]


def test_two_who_write_the_same_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    content = b"x" * 100_000

    def write(_number: int) -> bool:
        put(tmp_path, {"one.txt": content, "two.txt": content})
        return all((tmp_path / name).read_bytes() == content for name in ("one.txt", "two.txt"))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, range(60)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.txt", "two.txt"]


def test_what_a_process_that_was_killed_left_behind_is_used_up(tmp_path: Path) -> None:
    (tmp_path / ".one.txt.part").write_bytes(b"half of something longer")
    put(tmp_path, {"one.txt": b"1"})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"1"]


def test_what_fails_leaves_no_half_behind(tmp_path: Path) -> None:
    (tmp_path / "two.txt").mkdir()  # a file cannot take the place of a folder
    with pytest.raises(OSError, match=r"two\.txt"):
        put(tmp_path, {"two.txt": b"2"})
    assert [path.name for path in tmp_path.iterdir()] == ["two.txt"]


def test_a_shelf_knows_a_key_by_whatever_name(tmp_path: Path) -> None:
    new, cur = tmp_path / "new", tmp_path / "cur"
    shelf = Shelf(new, cur)
    monday, tuesday = "Mon, 02 Mar 2026 12:00:00 +0000", "Tue, 03 Mar 2026 12:00:00 +0000"
    first, later, other = (
        f"{named(date, 'a@mail.example', key)}.eml" for date, key in ((monday, "k1"), (tuesday, "k1"), (monday, "k2"))
    )
    put(cur, {f"{first}:2,S": b"", "README": b""})
    put(new, {})
    assert shelf.has(later) == cur / f"{first}:2,S"
    assert shelf.has(other) is None
    put(new, {other: b""})
    shelf.add(new / other)
    assert shelf.has(other) == new / other
    (new / other).unlink()
    assert shelf.has(other) is None
