"""Opening a store, and what a transaction promises."""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from shutil import rmtree
from threading import Barrier, Event, Thread, Timer
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from engine.errors import StoreError
from engine.store import leases, session
from engine.store.session import SCHEMA_VERSION, Store, create, in_chunks, insert_into, new_id, open_store
from engine.store.tables import Mark, table
from tests.databases import STORES
from tests.store.conftest import Blank
from tests.store.seed import NOON, customer, happened

NOBODY = 65534


def url(path: Path) -> str:
    return f"sqlite:///{path}"


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user for whom read-only means read-only: root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(NOBODY)
    except PermissionError:  # a root without the right to become somebody else
        pytest.skip("root can write to what is read-only, and may not become anybody else here")
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can look into, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    rmtree(folder)


class TestCreating:
    def test_what_is_made_can_be_opened_and_made_again(self, tmp_path: Path) -> None:
        made = create(url(tmp_path / "a.db"))
        with made.write() as connection:
            leases.set_mark(connection, "here", "1", NOON)
        made.close()
        create(url(tmp_path / "a.db")).close()
        opened = open_store(url(tmp_path / "a.db"))
        with opened.read() as connection:
            assert leases.mark(connection, "here") is not None
        opened.close()

    def test_the_version_is_that_of_the_newest_migration(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(session.__file__).parent / "migrations"))
        scripts = ScriptDirectory.from_config(config)
        assert scripts.get_current_head() == SCHEMA_VERSION
        revisions = [script.revision for script in scripts.walk_revisions()]
        assert sorted(revisions, reverse=True) == revisions  # names are compared to tell older from newer

    def test_it_goes_the_whole_way_or_not_a_step(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE alembic_version (version_num)")
            other.execute("CREATE TABLE touchpoint (what)")  # the last table that the migration makes
        other.close()
        with pytest.raises(StoreError, match="touchpoint already exists"):
            create(url(path))
        with sqlite3.connect(path) as other:
            names = [name for (name,) in other.execute("SELECT name FROM sqlite_master")]
        other.close()
        assert names == ["alembic_version", "touchpoint"]

    def test_another_programs_database_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE bookmark (what)")
        other.close()
        with pytest.raises(StoreError, match="it holds tables of another program; nothing was changed"):
            create(url(path))
        with sqlite3.connect(path) as other:
            assert [name for (name,) in other.execute("SELECT name FROM sqlite_master")] == ["bookmark"]
        other.close()

    def test_two_that_make_the_same_store_do_not_meet(self, tmp_path: Path) -> None:
        path, faults = tmp_path / "a.db", []
        start = Barrier(2)

        def make() -> None:
            start.wait()
            try:
                create(url(path)).close()
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells
                faults.append(error)

        workers = [Thread(target=make) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert faults == []
        open_store(url(path)).close()

    def test_a_file_that_another_writes_to_before_it_is_one_of_ours_is_waited_for(self, tmp_path: Path) -> None:
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        done = Timer(0.3, other.rollback)
        done.start()
        create(url(tmp_path / "a.db")).close()  # SQLite itself does not wait when it changes the journal
        done.join()
        other.close()


class TestRefusing:
    def test_a_store_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=r"there is no database .*/a\.db yet \(hint: premura init"):
            open_store(url(tmp_path / "a.db"))
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot be opened; look at its folder"):
            create(url(tmp_path / "no" / "a.db"))

    def test_an_empty_file_has_no_shape(self, tmp_path: Path) -> None:
        (tmp_path / "a.db").touch()
        with pytest.raises(StoreError, match=r"has shape none, this version needs .*premura db upgrade"):
            open_store(url(tmp_path / "a.db"))

    @pytest.mark.parametrize("opens", [create, open_store])
    def test_a_newer_store_is_left_alone(self, file: Path, opens: object) -> None:
        with sqlite3.connect(file) as other:
            other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.close()
        before = file.read_bytes()
        with pytest.raises(StoreError) as refused:
            opens(url(file))  # type: ignore[operator] # one of two functions
        assert "shape 9999, which is newer" in str(refused.value)
        assert "\n" not in str(refused.value)
        assert file.read_bytes() == before

    @pytest.mark.parametrize("opens", [create, open_store])
    def test_what_is_no_database_is_left_alone(self, tmp_path: Path, opens: object) -> None:
        path = tmp_path / "letter.txt"
        path.write_text("Dear customer, " * 200)
        before = path.read_bytes()
        with pytest.raises(StoreError, match="the file is not a Premura database; nothing was changed"):
            opens(url(path))  # type: ignore[operator] # one of two functions
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_damaged_store_is_called_that(self, file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[4096:] = b"\xff" * (len(data) - 4096)
        file.write_bytes(data)
        with pytest.raises(StoreError, match="damaged; restore a copy"):
            open_store(url(file))

    @pytest.mark.parametrize(
        "address",
        [
            "nonsense",
            "mysql://me:secret@host/shop",
            "postgresql+asyncpg://me:secret@host/shop",
            "postgresql:shop",
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
            "x://[",
        ],
    )
    def test_what_is_no_address_is_named_without_its_password(self, address: str) -> None:
        for opens in (create, open_store):
            with pytest.raises(StoreError, match="is not the address of a database such as") as refused:
                opens(address)
            assert "secret" not in str(refused.value)

    def test_postgresql_needs_its_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)  # as where it is not installed
        with pytest.raises(StoreError, match=r"pip install 'premura\[postgres\]'"):
            open_store("postgresql://localhost/shop")

    @pytest.mark.parametrize("form", ["postgresql", "postgresql+psycopg", "postgres"])
    def test_every_usual_form_of_its_address_opens_it(self, blank: Blank, form: str) -> None:
        address = blank()
        if address.startswith("postgresql:"):
            open_store(address.replace("postgresql:", f"{form}:")).close()

    def test_a_database_or_an_option_that_is_not_there(self, blank: Blank) -> None:
        address = blank()
        if address.startswith("sqlite"):
            return
        with pytest.raises(StoreError, match="knows no such database or user") as refused:
            open_store(re.sub(r"/shop_\w+", "/nowhere", address))
        assert "\n" not in str(refused.value)
        with pytest.raises(StoreError, match="has an option that PostgreSQL does not know"):
            open_store(f"{address}&colour=red")

    def test_a_server_that_does_not_answer(self) -> None:
        with pytest.raises(StoreError, match="the database does not answer") as refused:
            open_store("postgresql://localhost:1/shop")
        assert "\n" not in str(refused.value)


class TestOnBothStores:
    """What a database that is there may lack."""

    @pytest.mark.parametrize(
        ("shape", "said"),
        [
            ("0000", "this version needs 0001 .*premura db upgrade"),
            ("9999", "which is newer than this version.*nothing was changed"),
        ],
    )
    def test_another_shape_is_told_and_left(self, blank: Blank, shape: str, said: str) -> None:
        address = blank()
        store = open_store(address)
        with store.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :shape"), {"shape": shape})
        try:
            with pytest.raises(StoreError, match=f"the database has shape {shape}, {said}") as refused:
                open_store(address)
            assert "\n" not in str(refused.value)
            with pytest.raises(StoreError, match=rf"^the database has shape {shape}, .*; nothing was changed \(hint: "):
                create(address)
        finally:
            with store.write() as connection:
                found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                connection.execute(text("UPDATE alembic_version SET version_num = :shape"), {"shape": SCHEMA_VERSION})
            store.close()
        assert found == shape

    def test_a_store_that_takes_no_writes_is_told_and_read_on(self, store: Store) -> None:
        with store.write() as connection:
            leases.set_mark(connection, "here", "1", NOON)

        def refused() -> None:
            with store.write() as connection:
                if store.is_sqlite:
                    connection.exec_driver_sql("PRAGMA query_only = ON")  # of this pooled connection
                else:
                    connection.execute(text("SET TRANSACTION READ ONLY"))
                leases.set_mark(connection, "here", "2", NOON)

        with pytest.raises(StoreError, match=r"nothing was changed$"):
            refused()
        with store.read() as connection:
            found = leases.mark(connection, "here")
        assert found is not None
        assert found.value == "1"

    def test_what_is_forbidden_is_told(self, store: Store) -> None:
        if store.is_sqlite:
            pytest.skip("a file knows no users")

        def refused() -> None:
            with store.write() as connection:
                connection.execute(text("CREATE ROLE guest"))
                connection.execute(text("SET LOCAL ROLE guest"))
                leases.mark(connection, "here")

        with pytest.raises(StoreError, match=r"^the database does not let this user do that; nothing was changed$"):
            refused()


class TestAFullDisk:
    def test_what_was_there_stays_and_it_goes_on_when_there_is_room(self, file: Path) -> None:
        store = open_store(url(file))

        def fill(most: int) -> None:
            with store.write() as connection:
                connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")  # as many as the disk holds
                for number in range(3000):
                    customer(connection, f"C{number}")

        with store.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        assert pages is not None
        with pytest.raises(StoreError, match=r"^the disk is full; nothing was changed$"):
            fill(int(pages) + 5)
        with store.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM customer")).scalar() == 0
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        fill(1_000_000)
        with store.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM customer")).scalar() == 3000
        store.close()


@pytest.mark.skipif("postgresql" not in STORES, reason="there is no server for this platform")
class TestAWrongAddress:
    """Each is one line, and the password is in none."""

    @pytest.fixture
    def address(self, request: pytest.FixtureRequest) -> URL:
        request.getfixturevalue("postgresql_test")
        found = make_url(str(request.getfixturevalue("blank_postgresql")()))
        return found.set(password="s3cret")

    def refused(self, address: URL) -> str:
        with pytest.raises(StoreError) as error:
            open_store(address.render_as_string(hide_password=False))
        assert "s3cret" not in str(error.value)
        assert "\n" not in str(error.value)
        return str(error.value)

    def test_names_that_the_server_does_not_know(self, address: URL) -> None:
        said = "the server knows no such database or user; look at store in premura.toml"
        assert self.refused(address.set(database="nowhere")) == said
        assert self.refused(address.set(username="nobody_here")) == said

    def test_a_place_where_there_is_no_server(self, address: URL) -> None:
        away = "the database does not answer: "
        assert self.refused(address.set(host="127.0.0.1", port=1, query={})).startswith(away)
        assert self.refused(address.set(host="no.such.host.invalid", query={})).startswith(away)
        assert self.refused(address.set(query={"host": "/nowhere"})).startswith(away)

    def test_a_machine_that_is_lost_without_a_word_is_noticed(self, address: URL) -> None:
        """Else the system waits for a quarter of an hour, or for ever; who knows better says so in the address."""
        for ours, query in (
            ({}, address.query),
            ({"tcp_user_timeout": "5000"}, {**address.query, "tcp_user_timeout": "5000"}),
        ):
            store = open_store(address.set(query=query).render_as_string(hide_password=False))
            with store.read() as connection:
                driver: Any = connection.connection.driver_connection
                found = driver.info.get_parameters()
                server = text("SELECT name FROM pg_settings WHERE name LIKE 'tcp_keepalives%' AND source = 'session'")
                assert len(connection.execute(server).all()) == 3, "nor does the server wait for us"
            store.close()
            wanted = {"keepalives_idle": "30", "tcp_user_timeout": "60000", **ours}
            assert found == found | wanted

    def test_a_password_that_is_wrong(self) -> None:
        error = OperationalError("", {}, Exception('FATAL:  password authentication failed for user "marta"'))
        said = r"^the database refuses the user or the password; look at store in premura.toml$"
        with pytest.raises(StoreError, match=said), session.said_plainly():
            raise error


class TestReadOnly:
    def test_a_folder_in_which_nothing_may_be_made(self, open_folder: Path) -> None:
        with as_nobody() if os.geteuid() == 0 else made_read_only(open_folder), pytest.raises(StoreError) as refused:
            create(url(open_folder / "a.db"))
        assert "cannot be opened; look at its folder and its rights" in str(refused.value)

    def test_a_file_that_may_only_be_read(self, open_folder: Path, file: Path) -> None:
        path = open_folder / "a.db"
        path.write_bytes(file.read_bytes())
        path.chmod(0o444)
        open_folder.chmod(0o777)
        with as_nobody(), pytest.raises(StoreError, match="read-only; nothing was changed"):
            write_to(path)
        assert path.read_bytes() == file.read_bytes()

    def test_a_folder_in_which_the_log_beside_the_file_may_not_be_made(self, open_folder: Path, file: Path) -> None:
        path = open_folder / "a.db"
        path.write_bytes(file.read_bytes())
        path.chmod(0o666)
        open_folder.chmod(0o555)
        with as_nobody(), pytest.raises(StoreError, match=r"rights|read-only"):
            write_to(path)
        assert path.read_bytes() == file.read_bytes()


def write_to(path: Path) -> None:
    store = open_store(url(path))
    try:
        with store.write() as connection:
            leases.set_mark(connection, "here", "1", NOON)
    finally:
        store.close()


@contextmanager
def made_read_only(folder: Path) -> Iterator[None]:
    folder.chmod(0o555)
    yield


class TestPragmas:
    def test_they_are_set_on_every_connection(self, file: Path) -> None:
        store = open_store(url(file))
        with store.read() as one, store.read() as other:
            for connection in (one, other):
                found = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
                }
                assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
        store.close()

    def test_a_row_needs_what_it_points_to(self, store: Store) -> None:
        with store.write() as connection:
            happened(connection, "quote.sent")
        with pytest.raises(IntegrityError), store.write() as connection:
            connection.execute(text("UPDATE event SET customer_id = 999"))


class TestTransactions:
    def test_what_is_written_stays(self, store: Store) -> None:
        with store.write() as connection:
            key = customer(connection, "C1")
        with store.read() as connection:
            assert customer(connection, "C1") == key

    @pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
    def test_a_fault_leaves_nothing(self, store: Store, fault: type[BaseException]) -> None:
        def fail() -> None:
            with store.write() as connection:
                customer(connection, "C1")
                raise fault

        with pytest.raises(fault):
            fail()
        with store.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM customer")).scalar() == 0

    def test_reading_keeps_nothing(self, store: Store) -> None:
        with store.read() as connection:
            customer(connection, "C1")
        with store.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM customer")).scalar() == 0

    def test_reading_sees_one_moment(self, store: Store) -> None:
        with store.read() as reading:
            assert reading.execute(text("SELECT count(*) FROM customer")).scalar() == 0
            with store.write() as writing:
                customer(writing, "C1")
            assert reading.execute(text("SELECT count(*) FROM customer")).scalar() == 0
        with store.read() as reading:
            assert reading.execute(text("SELECT count(*) FROM customer")).scalar() == 1

    def test_after_reading_one_can_write_again(self, store: Store) -> None:
        for number in range(3):  # PostgreSQL keeps the isolation of a connection: it must not stick
            with store.read() as connection:
                found = leases.mark(connection, "count")
            with store.write() as connection:
                leases.set_mark(connection, "count", str(number), NOON)
            assert found is None or found.value == str(number - 1)

    def test_sqlite_writers_wait_for_each_other(self, file: Path) -> None:
        stores = [open_store(url(file)) for _ in range(3)]
        with stores[0].write() as connection:
            leases.set_mark(connection, "count", "0", NOON)

        def count(store: Store) -> None:
            for _ in range(5):
                with store.write() as connection:
                    found = leases.mark(connection, "count")
                    assert found is not None
                    leases.set_mark(connection, "count", str(int(found.value) + 1), NOON)

        workers = [Thread(target=count, args=(store,)) for store in stores]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        with stores[0].read() as connection:
            found = leases.mark(connection, "count")
        assert found is not None
        assert found.value == "15"
        for store in stores:
            store.close()

    def test_a_second_writer_begins_when_the_first_is_done(self, file: Path) -> None:
        first, second, seen, asked = open_store(url(file)), open_store(url(file)), [], Event()

        def read_and_write() -> None:
            asked.set()
            with second.write() as connection:
                found = leases.mark(connection, "here")
                seen.append(found.value if found else None)

        with first.write() as connection:
            worker = Thread(target=read_and_write)
            worker.start()
            asked.wait()
            assert seen == []
            leases.set_mark(connection, "here", "first", NOON)
        worker.join()
        assert seen == ["first"]
        first.close()
        second.close()

    def test_who_waits_in_vain_is_told_so(self, file: Path) -> None:
        first, second = open_store(url(file)), open_store(url(file))
        with second.read() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 1")  # stays with the pooled connection
        with (
            first.write(),
            pytest.raises(StoreError, match="another program holds the database; try again"),
            second.write(),
        ):
            pass
        first.close()
        second.close()

    def test_our_own_mistakes_are_not_dressed_up(self, store: Store) -> None:
        with pytest.raises(IntegrityError), store.write() as connection:
            connection.execute(table(Mark).insert(), 2 * [{"name": "a", "value": "1", "at": NOON}])


class TestValues:
    def test_an_instant_without_a_zone_is_refused(self, store: Store) -> None:
        with (
            pytest.raises((ValueError, StatementError), match=r"(?i)timezone|naive|aware"),
            store.write() as connection,
        ):
            leases.set_mark(connection, "here", "1", NOON.replace(tzinfo=None))

    def test_an_instant_comes_back_in_utc(self, store: Store) -> None:
        there = datetime(2026, 7, 1, 9, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2)))
        with store.write() as connection:
            leases.set_mark(connection, "here", "1", there)
        with store.read() as connection:
            found = leases.mark(connection, "here")
        assert found is not None
        assert found.at == there
        assert found.at.utcoffset() == timedelta(0)
        assert found.at.hour == 7

    @given(st.lists(st.datetimes(timezones=st.just(UTC)), unique=True))
    def test_instants_are_in_order_as_sqlite_keeps_them(self, sandbox: Store, instants: list[datetime]) -> None:
        with sandbox.read() as connection:
            for number, instant in enumerate(instants):
                leases.set_mark(connection, str(number), "", instant)
            found = connection.execute(table(Mark).select().order_by(table(Mark).c.at)).all()
            assert [row.at for row in found] == sorted(instants)

    def test_public_ids_are_in_the_order_of_their_making(self) -> None:
        made = [new_id() for _ in range(1000)]
        assert sorted(made) == made
        assert len(set(made)) == 1000
        assert {one[14] for one in made} == {"7"}

    @given(st.lists(st.integers(0, 2000) | st.integers(0, 10**6), max_size=1500))
    def test_chunks_are_all_keys_once(self, keys: list[int]) -> None:
        chunks = list(in_chunks(keys))
        assert [key for chunk in chunks for key in chunk] == sorted(set(keys))
        assert all(0 < len(chunk) <= 500 for chunk in chunks)

    def test_inserting_knows_the_dialect(self, store: Store) -> None:
        with store.read() as connection:
            statement = insert_into(connection, table(Mark)).on_conflict_do_nothing()
            row = {"name": "a", "value": "1", "at": NOON}
            assert [connection.execute(statement, [row]).rowcount for _ in range(2)] == [1, 0]
            rows = [row, row | {"name": "b"}, row | {"name": "c"}]
            assert [connection.execute(statement, rows).rowcount for _ in range(2)] == [2, 0]


def test_a_connection_that_cannot_be_prepared_is_closed(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear customer, " * 200)
    with pytest.raises(StoreError):
        open_store(url(tmp_path / "letter.txt"))
    assert not any("letter.txt" in target for target in open_files())


def test_a_store_that_is_refused_is_closed(file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    with pytest.raises(StoreError):
        open_store(url(file))
    assert not any(file.name in target for target in open_files())


def open_files() -> list[str]:
    """The files that this process has open; none where the system does not tell."""
    folder = Path("/proc/self/fd")
    found = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        try:
            found.append(str(entry.readlink()))
        except OSError:  # the entry of the listing itself
            continue
    return found
