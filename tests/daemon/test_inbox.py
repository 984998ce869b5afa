"""What makes a round begin: files that are put into the inbox, and histories that changed."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.app import App, system_clock
from engine.daemon.inbox import score_if_due, take_inbox
from engine.daemon.life import Life, Stopped
from engine.errors import StoreError
from engine.store import scores
from tests.daemon.living import inbox
from tests.workspaces import customers, drop, table


def test_who_shares_a_workspace_reads_while_nobody_else_does(app: App) -> None:
    drop(app.folder, "customers.csv", customers(1))
    number = os.open(app.folder / "inbox", os.O_RDONLY)
    fcntl.flock(number, fcntl.LOCK_EX)
    assert take_inbox(app) == []
    os.close(number)
    assert len(take_inbox(app)) == 1


def test_a_file_that_is_taken_away_meanwhile_is_left_out(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = app.ingest

    def late(path: Path, **more: Any) -> Any:
        if path.name.startswith("1"):
            path.unlink()
        return ingest(path, **more)

    monkeypatch.setattr(app, "ingest", late)
    drop(app.folder, "1-customers.csv", customers(1))
    drop(app.folder, "2-customers.csv", customers(1))
    assert [taken["file"] for taken in take_inbox(app)] == ["2-customers.csv"]
    assert inbox(app, "failed") == []


def test_a_workspace_without_an_inbox_takes_in_nothing(app: App) -> None:
    (app.folder / "inbox").rmdir()
    assert take_inbox(app) == []


def test_good_files_are_done_and_those_that_cannot_be_read_are_set_aside_with_the_reason(app: App) -> None:
    drop(app.folder, "1-customers.csv", customers(3))
    drop(app.folder, "2-transactions.csv", "no,header,that,helps\n1,2,3,4\n")

    good, bad = take_inbox(app)
    assert good == {"file": "1-customers.csv", "new": 3, "known": 0, "rejected": 0}
    assert bad == {
        "file": "2-transactions.csv",
        "error": "inbox/failed/2-transactions.csv.error.txt says why it cannot be read",
    }
    assert (inbox(app, "done"), inbox(app)) == (["1-customers.csv"], ["done", "failed"])
    assert inbox(app, "failed") == ["2-transactions.csv", "2-transactions.csv.error.txt"]
    why = (app.folder / "inbox" / "failed" / "2-transactions.csv.error.txt").read_text(encoding="utf-8")
    assert "no column for customer" in why


def test_files_are_taken_in_the_order_of_their_names(app: App) -> None:
    for name in ("b-customers.csv", "a-customers.csv", "c-customers.csv"):
        drop(app.folder, name, customers(1))
    assert [taken["file"] for taken in take_inbox(app)] == ["a-customers.csv", "b-customers.csv", "c-customers.csv"]


def test_what_is_still_written_to_or_is_no_file_is_left_alone(app: App) -> None:
    now = system_clock()
    app.clock = lambda: now
    drop(app.folder, "young-customers.csv", customers(1), age=timedelta())
    drop(app.folder, "old-customers.csv", customers(1)).rename(app.folder / "inbox" / ".hidden.csv")
    (app.folder / "inbox" / "folder-customers.csv").mkdir()
    (app.folder / "inbox" / "link-customers.csv").symlink_to("nowhere")
    before = inbox(app)

    assert take_inbox(app) == []
    assert inbox(app) == before
    app.clock = lambda: now + timedelta(hours=1)
    assert [taken["file"] for taken in take_inbox(app)] == ["young-customers.csv"]


def test_a_file_from_the_future_is_taken(app: App) -> None:
    drop(app.folder, "customers.csv", customers(1), age=-timedelta(days=2))
    assert len(take_inbox(app)) == 1


def test_files_of_the_same_name_stay_apart_and_so_do_their_reasons(app: App) -> None:
    for number in (1, 2, 3):
        drop(app.folder, "customers.csv", customers(number))
        drop(app.folder, "events.csv", f"nothing\n{number}\n")
        take_inbox(app)
    assert inbox(app, "done") == ["customers-2.csv", "customers-3.csv", "customers.csv"]
    reasons = [f"{name}.error.txt" for name in ("events-2.csv", "events-3.csv", "events.csv")]
    assert [name for name in inbox(app, "failed") if name.endswith(".txt")] == reasons


def test_a_file_that_we_fail_on_does_not_hold_up_the_others(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = app.ingest

    def stumble(path: Path, **more: Any) -> Any:
        if path.name.startswith("1"):
            raise AttributeError("'giulia@mail.example' is odd")
        return ingest(path, **more)

    monkeypatch.setattr(app, "ingest", stumble)
    drop(app.folder, "1-customers.csv", customers(1))
    drop(app.folder, "2-customers.csv", customers(1))

    wrong, right = take_inbox(app)
    assert "giulia@" not in str(wrong), "what is logged names no customer"
    assert right["new"] == 1
    why = (app.folder / "inbox" / "failed" / "1-customers.csv.error.txt").read_text(encoding="utf-8")
    assert why == "a fault of premura's own: AttributeError: 'giulia@mail.example' is odd\n"


def test_a_store_that_does_not_answer_is_no_fault_of_the_file(app: App) -> None:
    drop(app.folder, "customers.csv", customers(1))
    with sqlite3.connect(app.folder / "premura.db") as file:
        file.execute("ALTER TABLE customer RENAME TO lost")
    file.close()
    with pytest.raises(StoreError):
        take_inbox(app)
    assert inbox(app) == ["customers.csv"]


def test_a_stop_in_the_middle_of_a_file_leaves_it_to_be_read_again(app: App, life: Life) -> None:
    drop(app.folder, "customers.csv", customers(2500))
    life.stop.set()
    with pytest.raises(Stopped):
        take_inbox(app, life.go_on)
    assert inbox(app) == ["customers.csv"]

    (again,) = take_inbox(app)
    assert (again["new"], again["known"]) == (1500, 1000)


def at(app: App, text: str) -> None:
    """Let it be that instant."""
    instant = datetime.fromisoformat(text).replace(tzinfo=UTC)
    app.clock = lambda: instant


def sell(app: App, *days: str) -> None:
    number = len(inbox(app, "done"))
    rows = [
        {"customer": f"C-{one % 7}", "date": day, "amount": f"{40 + one}.00", "id": f"{number}-{one}"}
        for one, day in enumerate(days)
    ]
    drop(app.folder, f"transactions-{number}.csv", table(rows))
    take_inbox(app)


def test_it_scores_when_histories_changed_and_once_a_day(app: App) -> None:
    at(app, "2026-03-10T12:00:00")
    assert score_if_due(app) is None, "there is nothing to score"

    sell(app, *[f"2025-{month:02}-{3 + month:02}" for month in range(1, 12)] * 3)
    scored = score_if_due(app)
    assert scored is not None
    assert scored["customers"] == 7
    assert score_if_due(app) is None, "nothing changed"

    at(app, "2026-03-11T01:30:00")
    assert score_if_due(app) is None, "it is half past two in Rome, and the hour is three"
    at(app, "2026-03-11T02:00:00")
    assert score_if_due(app) is not None, "waiting alone changes P(alive)"
    assert score_if_due(app) is None

    sell(app, "2026-03-10")
    assert score_if_due(app) is not None
    with app.store.read() as connection:
        assert not scores.dirty(connection)
