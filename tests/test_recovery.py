"""Commands about copies of the store, and what is said of a store before it works."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import highwater, recovery
from engine.app import open_app
from engine.cli import run
from engine.store import generation
from engine.store.session import open_store
from tests.databases import STORES
from tests.shop import Shop
from tests.workspaces import make

Said = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "shop")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def ask(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        found = run([str(word) for word in words])
        out, err = capsys.readouterr()
        assert found == code, out + err
        return err if code else out

    return ask


def test_a_copy_lies_in_the_workspace_unless_one_says_where(folder: Path, said: Said) -> None:
    told = said("db", "backup", "-w", folder)
    (copy,) = (folder / "backups").iterdir()
    assert copy.name.startswith("premura-20")
    assert copy.suffix == ".db"
    assert told.startswith(f"{copy}: 0.")
    assert "premura.key" in told

    (folder / "stick").mkdir()
    document = json.loads(said("db", "backup", folder / "stick", "--json", "-w", folder))
    assert Path(document["file"]).parent == folder / "stick"
    assert document["size"] == Path(document["file"]).stat().st_size
    open_store(f"sqlite:///{document['file']}").close()


def test_a_file_that_is_there_is_not_written_over(folder: Path, said: Said) -> None:
    mine = folder / "mine.db"
    mine.write_text("mine")
    assert "is there already; nothing was changed" in said("db", "backup", mine, "-w", folder, code=2)
    assert mine.read_text() == "mine"
    said("db", "backup", mine, "--force", "-w", folder)
    assert mine.read_bytes().startswith(b"SQLite format 3")


def test_a_store_that_is_not_there_gives_no_copy(folder: Path, said: Said) -> None:
    (folder / "premura.db").unlink()
    assert "there is no database" in said("db", "backup", "-w", folder, code=1)
    assert "there is no database" in said("db", "confirm-restore", "-w", folder, code=1)


def test_an_older_shape_can_be_copied_before_it_is_changed(folder: Path, said: Said) -> None:
    with sqlite3.connect(folder / "premura.db") as other:
        other.execute("UPDATE alembic_version SET version_num = '0000'")
    other.close()
    said("db", "backup", folder / "before.db", "-w", folder)
    with sqlite3.connect(folder / "before.db") as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0000",)
    copy.close()


def test_where_nothing_was_restored_there_is_nothing_to_confirm(folder: Path, said: Said) -> None:
    assert "never restored" in said("db", "confirm-restore", "-w", folder)
    told = json.loads(said("db", "confirm-restore", "--json", "-w", folder))
    assert told == {"gaps": [], "adapters": [], "released": False}


def test_after_a_restore_each_adapter_says_what_becomes_of_its_actions(folder: Path, said: Said) -> None:
    said("db", "backup", folder / "copy.db", "-w", folder)
    (folder / "copy.db").replace(folder / "premura.db")
    assert "nothing goes out by screen until you have looked" in recovery.news(folder)
    assert recovery.news(folder) == json.loads(said("check", "--json", "-w", folder))["store"]

    told = json.loads(said("db", "confirm-restore", "--json", "-w", folder))

    assert [(row["adapter"], row["how"]) for row in told["adapters"]] == [
        ("files", "sent again under the same key"),
        ("screen", "held for a person"),
    ]
    assert told["released"]
    assert told["gaps"][0]["since"] < told["gaps"][0]["until"]
    assert "It was confirmed before." in said("db", "confirm-restore", "-w", folder)
    assert recovery.news(folder) == ""


def test_looking_changes_nothing(folder: Path, said: Said) -> None:
    said("db", "backup", folder / "copy.db", "-w", folder)
    (folder / "copy.db").replace(folder / "premura.db")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    said("check", "-w", folder)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert {path for path in before | after if before.get(path) != after.get(path)} <= {folder, folder / "premura.db"}
    store = open_store(f"sqlite:///{folder}/premura.db")
    with store.read() as connection:
        assert generation.gaps(connection) == ()
        assert generation.standing(connection).copied_at is not None
    store.close()
    assert highwater.read(folder) is None


def test_a_store_that_cannot_be_opened_is_said_by_check(folder: Path) -> None:
    with sqlite3.connect(folder / "premura.db") as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    assert "shape 9999, which is newer" in recovery.news(folder)
    (folder / "premura.db").unlink()
    assert recovery.news(folder) == ""  # it is not there yet


@pytest.mark.skipif("postgresql" not in STORES, reason="there is no server for this platform")
def test_a_second_workspace_on_the_same_server_is_no_restore(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("postgresql_test")
    address = str(request.getfixturevalue("blank_postgresql")())
    for name in ("a", "b", "a"):
        shop = Shop(tmp_path / name, database="" if (tmp_path / name).exists() else address)
        assert shop.app.dispatch().refused == ""
        shop.close()


@pytest.mark.skipif("postgresql" not in STORES, reason="there is no server for this platform")
def test_a_server_that_came_back_older_is_noticed_by_every_workspace_once(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("postgresql_test")
    address = str(request.getfixturevalue("blank_postgresql")())
    shops = [Shop(tmp_path / name, database=address) for name in ("a", "b")]
    for shop in (*shops, *shops):
        shop.app.dispatch()
    store = open_store(address)
    with store.write() as connection:
        generation.advance(connection, 5, shops[0]._instant)  # as an older dump has it
    for shop in shops:
        assert "screen" in shop.at("2026-03-02T12:00").app.dispatch().refused
    with store.read() as connection:
        assert len(generation.gaps(connection)) == 1
    app = open_app(shops[1].folder, lambda: shops[1]._instant)
    assert recovery.confirm(app, "Marta").released
    app.close()
    for shop in shops:
        assert shop.app.dispatch().refused == ""
        shop.close()
    store.close()
