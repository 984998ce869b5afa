"""After a restore from an old copy nothing goes out that may have gone out already, and nothing is lost."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from engine import highwater, inquiry, orders, recovery
from engine.app import open_app, upgrade
from engine.cli import run
from engine.core.gaps import MAYBE
from engine.daemon.life import Life
from engine.daemon.logs import logging_to
from engine.daemon.stages import _dispatch
from engine.errors import StoreError
from engine.highwater import HighWater
from engine.store import generation
from tests.shop import Shop
from tests.webhooks import Desk, desk

CALL = """
id = "call"
title = "Call after a job"
purpose = "relationship"
holdout = 0.0

[on]
event = "service_call.completed"

[[step]]
id = "desk"
channel = "task"
template = "task/call"
valid_for = "P30D"
"""
SECRET = "s3cret"


class Firm(Shop):
    """A shop whose tasks are posted to a desk, and whose store is copied and put back."""

    def __init__(self, folder: Path, at: Desk, *, idempotent: bool | None, rules: dict[str, str] | None = None) -> None:
        super().__init__(folder, rules=rules or {"call": CALL})
        shutil.rmtree(folder / "templates")  # to read two dozen rules' words each time takes long
        template = folder / "templates" / "task" / "call.it.txt.j2"
        template.parent.mkdir(parents=True)
        template.write_text("Chiamare {{ customer.name }}.\n", encoding="utf-8")
        (folder / "secret").write_text(SECRET, encoding="utf-8")
        self.desk = at
        if idempotent is None:
            return  # its tasks are files
        told = f'kind = "task_webhook"\nurl = "{at.url}"\nsecret = {{ file = "secret" }}\n'
        self.configure('kind = "task_file"\nfolder = "out/tasks"', f"{told}idempotent = {str(idempotent).lower()}")

    @property
    def database(self) -> Path:
        return self.folder / "premura.db"

    def copied(self) -> Path:
        """What `premura db backup` makes, at the shop's own time."""
        self.close()
        file = self.folder / "copy.db"
        recovery.backup(self.folder, file, now=self._instant, force=True)
        return file

    def copied_by_hand(self) -> Path:
        """What anybody can make while nothing runs."""
        self.close()
        return Path(shutil.copyfile(self.database, self.folder / "copy.db"))

    def put_back(self, copy: Path) -> None:
        """Put a copy in the place of the store."""
        self.close()
        for beside in ("", "-wal", "-shm"):
            self.database.with_name(self.database.name + beside).unlink(missing_ok=True)
        shutil.copyfile(copy, self.database)

    def job(self, customer: str, at: str) -> None:
        """A job is done for a customer."""
        self.event("service_call.completed", at, customer)

    def state(self, customer: str) -> str:
        (found,) = (row for row in self.actions() if row["customer"] == customer)
        return f"{found['state']}: {found['reason']}" if found["reason"] == MAYBE else str(found["state"])

    def taken(self) -> list[str]:
        """Whom the desk was told to call."""
        return sorted(key.split(":")[1] for key in self.desk.taken)


@contextmanager
def firm(folder: Path, *, idempotent: bool | None, rules: dict[str, str] | None = None) -> Iterator[Firm]:
    with desk(keyed=bool(idempotent)) as at:
        made = Firm(folder / "firm", at, idempotent=idempotent, rules=rules)
        for ref in ("C1", "C2", "C3", "C4"):
            made.customer(ref)
        yield made
        made.close()


def lived(shop: Firm, *, by_hand: bool = False) -> Path:
    """C1 is called before the copy, C2's call is planned in it, and C2 and C3 are called before it is put back."""
    shop.at("2026-03-02T10:00").job("C1", "2026-03-02T09:00:00+00:00")
    shop.round()
    shop.at("2026-03-02T12:00").job("C2", "2026-03-02T11:30:00+00:00")
    shop.app.decide()
    shop.app.schedule()
    copy = shop.copied_by_hand() if by_hand else shop.copied()
    shop.at("2026-03-02T13:00").job("C3", "2026-03-02T12:30:00+00:00")
    shop.round()
    assert shop.taken() == ["C1", "C2", "C3"]
    return copy


def again(shop: Firm) -> None:
    """The day after: the same event is taken in again, and a new one."""
    shop.at("2026-03-03T10:00").job("C3", "2026-03-02T12:30:00+00:00")


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Firm]:
    """A firm without idempotency whose store was restored, and which has taken in anew what it had lost."""
    with firm(tmp_path, idempotent=False) as shop:
        shop.put_back(lived(shop))
        again(shop)
        yield shop


def test_nothing_that_may_have_gone_out_goes_again_and_people_are_told(lost: Firm) -> None:
    lost.app.decide()
    lost.app.schedule()
    said = lost.app.dispatch()

    assert lost.taken() == ["C1", "C2", "C3"]
    assert "restored from a copy from 2026-03-02 1" in said.refused
    assert said.refused.endswith("(hint: premura db confirm-restore)")
    assert "tasks" in said.refused
    assert (lost.state("C2"), lost.state("C3")) == (f"held: {MAYBE}", f"held: {MAYBE}")


def test_a_copy_that_was_made_by_hand_is_known_by_its_generation(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=False) as shop:
        shop.put_back(lived(shop, by_hand=True))
        again(shop)
        shop.round()

        assert shop.taken() == ["C1", "C2", "C3"]
        assert (shop.state("C2"), shop.state("C3")) == (f"held: {MAYBE}", f"held: {MAYBE}")
        assert "from a copy from 2026-03-02 11:00" in shop.app.dispatch().refused  # when it last sent, in Rome


def test_what_is_new_waits_for_the_word_and_goes_then(lost: Firm) -> None:
    lost.round()
    lost.at("2026-03-03T10:05").job("C4", "2026-03-03T10:01:00+00:00")
    lost.round()
    assert lost.state("C4") == "ready"
    assert lost.taken() == ["C1", "C2", "C3"]

    told = recovery.confirm(lost.app, "Marta")

    assert told.released
    assert [(row.adapter, row.held) for row in told.adapters if row.held] == [("tasks", 2)]
    assert lost.app.dispatch().refused == ""
    assert lost.taken() == ["C1", "C2", "C3", "C4"]
    assert not recovery.confirm(lost.app, "Marta").released
    lost.at("2026-03-04T10:00").round()
    assert lost.taken() == ["C1", "C2", "C3", "C4"]


def test_what_is_decided_again_after_the_word_is_held_too(lost: Firm) -> None:
    lost.app.dispatch()
    recovery.confirm(lost.app, "Marta")
    lost.round()

    assert lost.state("C3") == f"held: {MAYBE}"
    assert lost.taken() == ["C1", "C2", "C3"]


def test_a_person_lets_it_go_once_and_it_is_not_held_again(lost: Firm) -> None:
    lost.round()
    recovery.confirm(lost.app, "Marta")
    (held,) = (row for row in lost.actions() if row["customer"] == "C2")
    orders.change(lost.app, held["id"], "approve", "Marta")

    lost.round()
    lost.at("2026-03-04T10:00").round()

    assert lost.taken() == ["C1", "C2", "C2", "C3"]
    assert lost.state("C2") == "delivered"


def test_what_has_a_key_is_sent_again_under_it_and_arrives_once(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=True) as shop:
        shop.put_back(lived(shop))
        again(shop)
        shop.round()

        assert shop.taken() == ["C1", "C2", "C3"]
        assert shop.desk.asked == 5
        named = [{json.loads(body)["id"] for body in bodies} for bodies in shop.desk.ids.values()]
        assert [len(one) for one in named] == [1, 1, 1]  # decided again, it has the same name
        assert {row["state"] for row in shop.actions()} == {"delivered"}
        assert "tasks" not in shop.app.dispatch().refused


def test_files_of_the_same_key_are_not_written_twice(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=None) as shop:
        shop.event("service_call.completed", "2026-03-02T09:00:00+00:00", "C2")
        copy = shop.copied()
        shop.at("2026-03-02T13:00").job("C3", "2026-03-02T12:30:00+00:00")
        shop.round()
        before = sorted(path.name for path in (shop.folder / "out" / "tasks").iterdir())
        shop.put_back(copy)
        again(shop)
        shop.round()

        assert len(before) == 2
        assert sorted(path.name for path in (shop.folder / "out" / "tasks").iterdir()) == before
        assert {row["state"] for row in shop.actions()} == {"delivered"}


def test_past_its_time_nothing_goes_whoever_says_so(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=True) as shop:
        shop.put_back(lived(shop))
        shop.at("2026-04-20T10:00").job("C3", "2026-03-02T12:30:00+00:00")
        shop.round()

        assert shop.desk.asked == 3
        assert {shop.state(ref) for ref in ("C2", "C3")} == {"expired"}


def test_a_whole_workspace_that_comes_back_is_known_by_the_mark_in_the_copy(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=False) as shop:
        shop.at("2026-03-02T12:00").app.dispatch()
        shutil.copytree(shop.folder, tmp_path / "old")
        copy = lived(shop)
        shop.put_back(copy)
        shutil.copyfile(tmp_path / "old" / highwater.FILE, shop.folder / highwater.FILE)
        again(shop)
        shop.round()

        assert shop.taken() == ["C1", "C2", "C3"]
        assert shop.state("C2") == f"held: {MAYBE}"


def test_a_store_that_lost_its_file_counts_as_a_copy(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=False) as shop:
        shop.round()
        (shop.folder / highwater.FILE).unlink()

        assert "restored from a copy" in shop.app.dispatch().refused
        assert "restored from a copy" in shop.app.dispatch().refused  # noticed once, and said until it is confirmed
        assert len(recovery.confirm(shop.app, "Marta").gaps) == 1


def test_a_store_that_is_made_anew_remembers_nothing(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=False) as shop:
        shop.round()
        shop.close()
        shop.database.unlink()
        upgrade(shop.folder)

        assert "from a copy without a memory" in shop.app.dispatch().refused


def test_a_store_that_was_never_restored_says_nothing(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=False) as shop:
        lived(shop)
        assert shop.app.dispatch().refused == ""
        assert recovery.confirm(shop.app, "Marta").gaps == ()
        assert recovery.news(shop.folder) == ""


def test_without_its_file_nothing_is_sent(tmp_path: Path) -> None:
    with firm(tmp_path, idempotent=True) as shop:
        shop.job("C1", "2026-03-02T09:00:00+00:00")
        shop.app.decide()
        shop.app.schedule()
        (shop.folder / highwater.FILE).mkdir()
        with pytest.raises(StoreError, match=r"premura.generation cannot be read .*nothing was sent"):
            shop.app.dispatch()
        assert shop.taken() == []
        (shop.folder / highwater.FILE).rmdir()
        shop.app.dispatch()
        assert shop.taken() == ["C1"]


def test_the_line_is_where_people_look(lost: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    assert "premura db confirm-restore" in recovery.news(lost.folder)
    lost.round()
    lost.close()
    for words, code in ((["check"], 0), (["dispatch", "--as-of", "2026-03-03T11:00"], 1), (["actions", "list"], 0)):
        capsys.readouterr()
        assert run([*words, "-w", str(lost.folder)]) == code, capsys.readouterr()
        assert "premura db confirm-restore" in capsys.readouterr().err
    assert run(["db", "confirm-restore", "-w", str(lost.folder)]) == 0
    assert "Everything that falls due later goes out as always" in capsys.readouterr().out
    assert run(["check", "-w", str(lost.folder)]) == 0
    assert capsys.readouterr().err == ""
    assert inquiry.actions(lost.app, "held")


def test_the_daemon_says_it_once_and_that_it_is_over(lost: Firm) -> None:
    said = io.StringIO()
    with logging_to(said) as logger:
        life = Life(log=logger)
        for _ in range(2):
            _dispatch(lost.app, life)
        recovery.confirm(lost.app, "Marta")
        _dispatch(lost.app, life)
    log = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [line["event"] for line in log] == ["dispatch.refused", "dispatch.released"]
    assert "premura db confirm-restore" in log[0]["why"]


def test_a_round_by_hand_ends_with_the_line_and_says_that_it_failed(
    lost: Firm, capsys: pytest.CaptureFixture[str]
) -> None:
    lost.close()
    assert run(["run", "--once", "--as-of", "2026-03-03T11:00", "--json", "-w", str(lost.folder)]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["dispatch"]["refused"] == said.err.strip()


class TestWhileItWorks:
    """The count goes on, so that also a copy that was made by hand is behind."""

    def test_each_minute_and_not_more_often(self, tmp_path: Path) -> None:
        with firm(tmp_path, idempotent=True) as shop:
            marks = [read_mark(shop.at(f"2026-03-02T10:{minute}")) for minute in ("00:00", "00:30", "01:00", "01:30")]
            assert [mark.generation for mark in marks] == sorted(mark.generation for mark in marks)
            assert len({mark.generation for mark in marks}) == 2

    def test_when_the_clock_was_put_back_too(self, tmp_path: Path) -> None:
        with firm(tmp_path, idempotent=True) as shop:
            first, second = (read_mark(shop.at(f"2026-03-02T{hour}:00")) for hour in ("12", "10"))
            assert second.generation > first.generation
            assert second.at < first.at
            assert shop.app.dispatch().refused == ""

    def test_during_a_long_run(self, tmp_path: Path) -> None:
        with firm(tmp_path, idempotent=True) as shop:
            before = read_mark(shop.at("2026-03-02T10:00"))
            for ref in ("C1", "C2"):
                shop.job(ref, "2026-03-02T09:00:00+00:00")
            shop.app.decide()
            shop.app.schedule()
            app, instant = shop.app, shop._instant
            app.dispatch(progress=lambda _sent: None)
            ticks = iter(range(1000))
            shop.close()
            shop._app = open_app(shop.folder, lambda: instant + timedelta(seconds=20 * next(ticks)))
            shop.at("2026-03-02T10:00")
            shop._app.guard.look()
            counting = shop._app._counting(lambda _sent: None)
            for _ in range(6):
                counting(1)
            assert read_file(shop).generation > before.generation

    def test_a_crash_between_store_and_file_is_no_restore(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with firm(tmp_path, idempotent=False) as shop:
            read_mark(shop.at("2026-03-02T10:00"))

            def killed(*_about: object) -> None:
                raise KeyboardInterrupt

            monkeypatch.setattr(highwater, "write", killed)
            with pytest.raises(KeyboardInterrupt):
                shop.at("2026-03-02T11:00").app.dispatch()
            monkeypatch.undo()
            assert shop.at("2026-03-02T11:01").app.dispatch().refused == ""

    def test_a_crash_while_a_restore_is_noticed_loses_nothing(
        self, lost: Firm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*_about: object) -> None:
            raise KeyboardInterrupt

        for place in ((highwater, "write"), (generation, "advance")):
            monkeypatch.setattr(*place, killed)
            with pytest.raises(KeyboardInterrupt):
                lost.app.dispatch()
            monkeypatch.undo()
            lost.at("2026-03-03T10:10")
        lost.round()
        assert len(recovery.confirm(lost.app, "Marta").gaps) == 1
        assert lost.taken() == ["C1", "C2", "C3"]


def read_mark(shop: Shop) -> HighWater:
    """What the file says after a run at the shop's own time."""
    shop.app.dispatch()
    return read_file(shop)


def read_file(shop: Shop) -> HighWater:
    found = highwater.read(shop.folder)
    assert found is not None
    return found
