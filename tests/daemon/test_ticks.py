"""What the log is told of a stage's runs: what was done, a trouble and its end, never whose."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from engine.app import App
from engine.core.actions import State
from engine.daemon import ticks
from engine.daemon.inbox import take_inbox
from engine.daemon.life import Life
from engine.daemon.ticks import scheduled
from engine.errors import LeaseError, StoreError
from tests.daemon.living import Log, states
from tests.workspaces import drop_all


def tick(life: Life, *runs: Callable[[], Any]) -> None:
    """One tick whose stage does something else each time."""
    stages = iter(runs)
    run = ticks.tick("decide", lambda: next(stages)(), life)
    for _ in runs:
        run()


def fail(error: Exception) -> Callable[[], Any]:
    def stage() -> Any:
        raise error

    return stage


def test_what_a_stage_did_is_logged_and_what_it_did_not_do_is_not(life: Life, log: Log) -> None:
    tick(life, lambda: {"events": 0, "outcomes": {}}, lambda: {"events": 3, "outcomes": {"act": 2}}, lambda: None)
    (line,) = log.lines
    assert (line["event"], line["level"], line["events"], line["outcomes"]) == ("decide.done", "info", 3, {"act": 2})
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_a_trouble_that_stays_is_told_once_and_so_is_its_end(life: Life, log: Log) -> None:
    full = fail(StoreError("the disk is full; nothing was changed"))
    tick(life, *[full] * 5, lambda: {"events": 1}, lambda: None, full, fail(StoreError("another")), full)
    expected = ["decide.failed", "decide.works_again", "decide.done", "decide.failed", "decide.failed", "decide.failed"]
    assert log.said == expected
    assert log.lines[0]["error"] == "the disk is full; nothing was changed"
    assert log.lines[0]["level"] == "error"
    assert not life.stop.is_set()


def test_a_store_that_comes_back_is_worked_on_again(app: App, life: Life, log: Log) -> None:
    file = sqlite3.connect(app.folder / "premura.db", isolation_level=None)
    run = ticks.tick("decide", lambda: app.decide() and None, life)
    file.execute("ALTER TABLE event RENAME TO lost")
    for _ in range(3):
        run()
    file.execute("ALTER TABLE lost RENAME TO event")
    file.close()
    run()
    assert log.said == ["decide.failed", "decide.works_again"]


def test_what_nobody_foresaw_is_told_by_its_place_and_without_its_words(life: Life, log: Log) -> None:
    tick(life, fail(RuntimeError("giulia@mail.example is odd")), fail(KeyError("giulia@mail.example")))
    first, second = log.lines
    assert first["error"].startswith("RuntimeError in ticks.run, line ")
    assert second["error"].startswith("KeyError in ticks.run, line ")
    assert "giulia" not in log.getvalue()


def test_a_right_that_was_lost_ends_the_daemon(life: Life, log: Log) -> None:
    tick(life, fail(LeaseError("another premura dispatches on this store (elsewhere, process 7)")))
    assert life.stop.is_set()
    assert str(life.lost) == "another premura dispatches on this store (elsewhere, process 7)"
    assert log.said == ["decide.failed"]


def test_a_stage_that_is_asked_to_end_says_what_it_had_done_and_no_more(life: Life, log: Log) -> None:
    def long() -> None:
        for done in (500, 500, 20):
            life.go_on(done)
            if done == 500 and life.so_far == 1000:
                life.stop.set()

    tick(life, long)
    (line,) = log.lines
    assert (line["event"], line["level"], line["so_far"]) == ("decide.stopped", "info", 1020)


def test_a_stage_that_had_done_nothing_ends_without_a_word(life: Life, log: Log) -> None:
    life.stop.set()
    tick(life, lambda: life.go_on(0))
    assert log.lines == []


@pytest.mark.any_store
def test_what_was_decided_before_the_end_is_told_and_the_next_one_counts_anew(
    app: App, life: Life, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.decide.stage.batch.EVENTS", 2)
    drop_all(app.folder, 5)
    take_inbox(app)

    def asked_to_end(done: int) -> None:
        life.stop.set()
        life.go_on(done)

    def run() -> None:
        stages = {"decide": lambda: app.decide(progress=asked_to_end) and None}
        (job, _lease) = scheduled(app, life, stages, lambda: None).get_jobs()
        life.stop.clear()
        job.func()

    for _ in range(3):
        run()
    assert [(line["event"], line["so_far"]) for line in log.lines] == [
        ("decide.stopped", 2), ("decide.stopped", 2), ("decide.stopped", 1),
    ]  # fmt: skip
    assert states(app) == [State.PLANNED] * 5
