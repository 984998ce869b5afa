"""Lines that several processes write and read: none is lost, none is half there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.wire.journal import Journal, Row

DIES = """
import os, signal, sys
from pathlib import Path
from engine.adapters.wire.journal import Journal
with Journal(Path(sys.argv[1]), "key").held() as add:
    add([{"key": "a"}])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def keep(journal: Journal, *rows: Row) -> None:
    with journal.held() as add:
        add(rows)


def found(journal: Journal, value: str, field: str = "key") -> list[Row]:
    with journal.held():
        return journal.of(field, value)


def test_what_one_wrote_another_reads(tmp_path: Path) -> None:
    one, two = (Journal(tmp_path / "new" / "j.jsonl", "key", "other") for _ in "ab")
    keep(one, {"key": "a", "n": 1}, {"key": "b", "other": "x"})
    assert found(two, "a") == [{"key": "a", "n": 1}]
    keep(two, {"key": "a", "n": 2})
    assert [row["n"] for row in found(one, "a")] == [1, 2]
    assert found(one, "x", "other") == [{"key": "b", "other": "x"}]
    assert found(one, "c") == []


def test_a_line_survives_the_process_that_wrote_it(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "j.jsonl")], check=False)
    assert died.returncode == -9
    assert found(Journal(tmp_path / "j.jsonl", "key"), "a") == [{"key": "a"}]


def test_half_a_line_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"key": "a"}\n{"key": "a", "n')
    journal = Journal(path, "key")
    assert len(found(journal, "a")) == 1
    keep(journal, {"key": "a"})
    assert path.read_bytes() == b'{"key": "a"}\n' * 2


def test_when_the_disk_is_full_nothing_of_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j.jsonl", "key")
    keep(journal, {"key": "a"})
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda place, data: write(place, data[:5]))
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            keep(journal, {"key": "a"})
    assert len(found(journal, "a")) == 1
    keep(journal, {"key": "a"})
    assert len(found(Journal(tmp_path / "j.jsonl", "key"), "a")) == 2


def test_a_file_that_somebody_began_anew_is_read_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl", "key")
    keep(journal, {"key": "a"}, {"key": "a"})
    (tmp_path / "j.jsonl").unlink()
    assert found(journal, "a") == []


def test_whoever_holds_it_counts_alone(tmp_path: Path) -> None:
    journals = [Journal(tmp_path / "j.jsonl", "key", lasting=True) for _ in range(3)]

    def count(number: int) -> int:
        journal = journals[number % 3]
        with journal.held() as add:
            before = len(journal.of("key", "a"))
            add([{"key": "a"}])
        return before

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(count, range(60))) == list(range(60))


@given(st.lists(st.dictionaries(st.sampled_from(["key", "other"]), st.text(max_size=5), min_size=1), max_size=8))
def test_whatever_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    path = tmp_path_factory.mktemp("j") / "j.jsonl"
    journal = Journal(path, "key")
    keep(journal, *rows)
    for one in (journal, Journal(path, "key")):
        for row in rows:
            if "key" in row:
                assert found(one, row["key"]) == [other for other in rows if other.get("key") == row["key"]]
