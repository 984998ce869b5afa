"""The daemon's parts in this process: the inbox, the ticks and their log, and how it lives and ends.

tests/process spawns the command itself.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import json
import logging
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine import daemon, reload
from engine.app import App, open_app, system_clock
from engine.core.actions import State
from engine.daemon import once, serve
from engine.dispatch.port import Message, Receipt
from engine.errors import ConfigError, LeaseError, RuleError, StoreError
from engine.inbox import score_if_due, take_inbox
from engine.logs import logging_to
from engine.store import actions, complaints, leases, scores
from engine.store.session import new_id
from tests.databases import STORES
from tests.dispatch.shop import Told
from tests.process.daemons import until
from tests.workspaces import FILES, THANKS, customers, drop, drop_all, make, table

EVERY = "\n[daemon]\nevery = 0.02\nlease = 2.0\n"
DEADLINE = 90


class Log(io.StringIO):
    """A stream on which one can wait for a word."""

    def __init__(self) -> None:
        super().__init__()
        self.news = threading.Condition()

    def write(self, text: str) -> int:
        with self.news:
            self.news.notify_all()
            return super().write(text)

    def wait_for(self, word: str) -> None:
        with self.news:
            assert self.news.wait_for(lambda: word in self.getvalue(), DEADLINE), self.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.loads(line) for line in self.getvalue().splitlines()]

    @property
    def said(self) -> list[str]:
        """The events that were logged."""
        return [line["event"] for line in self.lines]


@pytest.fixture
def app(tmp_path: Path, database: str) -> Iterator[App]:
    opened = open_app(make(tmp_path / "shop", FILES + EVERY, database=database), system_clock, io.StringIO())
    yield opened
    opened.close()


on_postgresql = pytest.mark.parametrize(
    "database",
    [pytest.param("postgresql", marks=pytest.mark.skipif("postgresql" not in STORES, reason="no wheel of it here"))],
    indirect=True,
)
"""What only a server can do: several processes on one store."""


def at(app: App, text: str) -> None:
    """Let it be that instant."""
    instant = datetime.fromisoformat(text).replace(tzinfo=UTC)
    app.clock = lambda: instant


def states(app: App) -> list[str]:
    with app.store.read() as connection:
        return sorted(row["state"] for row in actions.listing(connection))


def inbox(app: App, *below: str) -> list[str]:
    folder = app.folder.joinpath("inbox", *below)
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


# Once


@pytest.mark.any_store
def test_once_runs_every_stage_and_a_second_time_adds_nothing(app: App) -> None:
    drop_all(app.folder, 2)

    first = once(app)
    assert [taken["new"] for taken in first["ingest"]] == [2, 2, 2]
    assert first["score"] is None, "nobody bought anything"
    assert (first["decide"]["actions"], first["schedule"]["scheduled"]) == (2, 2)
    assert first["dispatch"]["states"] == {"delivered": 2}

    again = once(app)
    assert (again["ingest"], again["decide"]["events"], again["dispatch"]["states"]) == ([], 0, {})


def test_once_does_nothing_with_a_broken_rule(app: App) -> None:
    drop_all(app.folder, 1)
    (app.folder / "rules" / "thanks.toml").write_text(THANKS.replace("[on]", "[when]"), encoding="utf-8")

    with pytest.raises(RuleError, match="R010"):
        once(app)
    assert len(inbox(app)) == 3


def test_once_is_told_when_somebody_else_dispatches(app: App) -> None:
    other = open_app(app.folder)
    drop_all(app.folder, 1)
    with other.dispatching(), pytest.raises(LeaseError):
        once(app)
    other.close()
    assert len(inbox(app)) == 3


@on_postgresql
def test_once_leaves_to_the_leader_what_one_does_for_all(app: App) -> None:
    drop_all(app.folder, 1)
    leader = leading(app)
    done = once(app)
    assert [taken["new"] for taken in done["ingest"]] == [1, 1, 1]
    assert done["decide"] == done["schedule"] == done["score"]
    assert ", process " in done["decide"]["led_by"]
    leader.right.give_back()
    leader.close()

    assert once(app)["dispatch"]["states"] == {"delivered": 1}
    assert leader_of(app) is None, "the lead is given back"


# The inbox


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


def test_a_stop_in_the_middle_of_a_file_leaves_it_to_be_read_again(app: App, life: daemon._Life) -> None:
    drop(app.folder, "customers.csv", customers(2500))
    life.stop.set()
    with pytest.raises(daemon._Stopped):
        take_inbox(app, life.go_on)
    assert inbox(app) == ["customers.csv"]

    (again,) = take_inbox(app)
    assert (again["new"], again["known"]) == (1500, 1000)


# Scoring


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


# Ticks and their log


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def life(log: Log) -> Iterator[daemon._Life]:
    with logging_to(log) as logger:
        yield daemon._Life(log=logger)


def tick(life: daemon._Life, *runs: Callable[[], Any]) -> None:
    """One tick whose stage does something else each time."""
    stages = iter(runs)
    run = daemon._tick("decide", lambda: next(stages)(), life)
    for _ in runs:
        run()


def fail(error: Exception) -> Callable[[], Any]:
    def stage() -> Any:
        raise error

    return stage


def test_what_a_stage_did_is_logged_and_what_it_did_not_do_is_not(life: daemon._Life, log: Log) -> None:
    tick(life, lambda: {"events": 0, "outcomes": {}}, lambda: {"events": 3, "outcomes": {"act": 2}}, lambda: None)
    (line,) = log.lines
    assert (line["event"], line["level"], line["events"], line["outcomes"]) == ("decide.done", "info", 3, {"act": 2})
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_a_trouble_that_stays_is_told_once_and_so_is_its_end(life: daemon._Life, log: Log) -> None:
    full = fail(StoreError("the disk is full; nothing was changed"))
    tick(life, *[full] * 5, lambda: {"events": 1}, lambda: None, full, fail(StoreError("another")), full)
    expected = ["decide.failed", "decide.works_again", "decide.done", "decide.failed", "decide.failed", "decide.failed"]
    assert log.said == expected
    assert log.lines[0]["error"] == "the disk is full; nothing was changed"
    assert log.lines[0]["level"] == "error"
    assert not life.stop.is_set()


def test_a_store_that_comes_back_is_worked_on_again(app: App, life: daemon._Life, log: Log) -> None:
    file = sqlite3.connect(app.folder / "premura.db", isolation_level=None)
    run = daemon._tick("decide", lambda: app.decide() and None, life)
    file.execute("ALTER TABLE event RENAME TO lost")
    for _ in range(3):
        run()
    file.execute("ALTER TABLE lost RENAME TO event")
    file.close()
    run()
    assert log.said == ["decide.failed", "decide.works_again"]


def test_what_nobody_foresaw_is_told_by_its_place_and_without_its_words(life: daemon._Life, log: Log) -> None:
    tick(life, fail(RuntimeError("giulia@mail.example is odd")), fail(KeyError("giulia@mail.example")))
    first, second = log.lines
    assert first["error"].startswith("RuntimeError in daemon.run, line ")
    assert second["error"].startswith("KeyError in daemon.run, line ")
    assert "giulia" not in log.getvalue()


def test_a_right_that_was_lost_ends_the_daemon(life: daemon._Life, log: Log) -> None:
    tick(life, fail(LeaseError("another premura dispatches on this store (elsewhere, process 7)")))
    assert life.stop.is_set()
    assert str(life.lost) == "another premura dispatches on this store (elsewhere, process 7)"
    assert log.said == ["decide.failed"]


def test_a_stage_that_is_asked_to_end_ends_without_a_word(life: daemon._Life, log: Log) -> None:
    life.stop.set()
    tick(life, lambda: life.go_on(1))
    assert log.lines == []


def test_dispatch_gives_way_when_its_turn_is_over_or_all_is(
    life: daemon._Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not life.turn_of_a_stage()()
    monkeypatch.setattr(daemon, "TURN", timedelta(0))
    assert life.turn_of_a_stage()()
    monkeypatch.undo()
    stopping = life.turn_of_a_stage()
    life.stop.set()
    assert stopping()


def test_libraries_are_heard_without_their_words(log: Log) -> None:
    before = list(logging.getLogger().handlers)
    with logging_to(log):
        logging.getLogger("asyncio").error("giulia@mail.example", exc_info=ValueError("Giulia"))
        logging.getLogger("asyncio").info("nothing")
        logging.getLogger("apscheduler.scheduler").warning("skipped: maximum number of running instances reached")
    (line,) = log.lines
    assert (line["event"], line["level"], line["library"]) == ("library", "error", "asyncio")
    assert line["where"].startswith("test_daemon, line ")
    assert "iulia" not in log.getvalue()
    assert logging.getLogger().handlers == before


def leading(app: App) -> App:
    """Another program that leads, however long the test takes."""
    other = open_app(app.folder)
    other.right.lasts = timedelta(hours=1)
    assert other.right.take() is None
    return other


def leader_of(app: App) -> str | None:
    """Who has the right that one process has at a time."""
    with app.store.read() as connection:
        return leases.owner(connection, app.right.name)


# A whole life


@contextmanager
def not_for_ever() -> Iterator[None]:
    """A daemon that does not end by itself is ended, so that the test can say so."""
    timer = threading.Timer(DEADLINE + 10, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def serving(
    app: App,
    log: Log,
    meanwhile: Callable[[], None],
    *,
    end: bool = True,
    role: daemon.Role = "all",
    port: int | None = None,
) -> None:
    """Let the daemon live while something is done beside it, then end it with SIGTERM."""

    def beside() -> None:
        try:
            log.wait_for("daemon.started")
            meanwhile()
        finally:
            if end:
                os.kill(os.getpid(), signal.SIGTERM)

    with not_for_ever(), ThreadPoolExecutor(1) as pool:
        done = pool.submit(beside)
        serve(app, log=log, role=role, port=port)
        done.result()


@pytest.mark.any_store
def test_it_lives_until_sigterm_and_leaves_all_as_it_was(app: App, log: Log) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    drop_all(app.folder, 2)

    serving(app, log, lambda: log.wait_for("dispatch.done"))

    begun = ["daemon.started"] if app.store.is_sqlite else ["lead.taken", "daemon.started"]
    assert log.said[: len(begun)] == begun
    assert log.said[-1] == "daemon.stopped"
    assert "daemon.stopping" in log.said
    assert {number: signal.getsignal(number) for number in before} == before
    assert states(app) == [State.DELIVERED, State.DELIVERED]
    assert leader_of(app) is None
    assert [thread for thread in threading.enumerate() if "APScheduler" in thread.name] == []


def test_everything_that_is_wrong_is_told_before_it_begins(app: App, log: Log) -> None:
    (app.folder / "rules" / "thanks.toml").write_text(THANKS.replace("[on]", "[when]"), encoding="utf-8")
    (app.folder / "templates" / "email" / "thanks.it.html.j2").write_text("{{ customer.nam }}", encoding="utf-8")
    with not_for_ever(), pytest.raises(ConfigError) as faults:
        serve(app, log=log)
    assert {fault.code for fault in faults.value.faults} >= {"R010", "T002"}
    assert log.lines == []


def test_a_second_one_is_told_who_is_there(app: App, log: Log) -> None:
    other = open_app(app.folder)
    with not_for_ever(), other.dispatching(), pytest.raises(LeaseError, match=f"process {os.getpid()}"):
        serve(app, log=log)
    other.close()
    assert log.lines == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_who_loses_the_right_ends_and_says_so(app: App, log: Log) -> None:
    def rob() -> None:
        with app.store.write() as connection:
            leases.release(connection, "dispatcher", app.owner)
            later = app.clock() + timedelta(hours=1)
            assert leases.take(connection, "dispatcher", new_id(), "elsewhere, process 7", app.clock(), later) is None

    with pytest.raises(LeaseError, match="elsewhere, process 7"):
        serving(app, log, rob, end=False)
    assert log.said[-1] == "daemon.stopped"


# What each is for


def decided(app: App) -> None:
    """Something is due, and more lies in the inbox."""
    drop_all(app.folder, 1)
    take_inbox(app)
    app.decide()
    app.schedule()
    drop(app.folder, "4-customers.csv", customers(2))


@pytest.mark.any_store
def test_who_only_dispatches_leaves_all_else_alone(app: App, log: Log) -> None:
    decided(app)
    serving(app, log, lambda: log.wait_for("dispatch.done"), role="dispatch")
    assert states(app) == [State.DELIVERED]
    assert inbox(app) == ["4-customers.csv", "done"]
    assert log.said == ["daemon.started", "send.accepted", "dispatch.done", "daemon.stopping", "daemon.stopped"]


@pytest.mark.parametrize(
    ("role", "port", "answers"), [("dispatch", None, False), ("dispatch", 0, True), ("web", 0, True)]
)
def test_who_listens_by_its_role_and_its_own_port(
    app: App, log: Log, role: daemon.Role, port: int | None, answers: bool
) -> None:
    def ask() -> None:
        where = log.lines[0]["web"]
        assert bool(where) is answers
        if answers:
            assert httpx.get(f"{where}/readyz", timeout=DEADLINE).json() == {"ready": True, "why": []}

    serving(app, log, ask, role=role, port=port)


def test_who_only_answers_needs_a_port(app: App, log: Log) -> None:
    with not_for_ever(), pytest.raises(ConfigError, match=r"P105 web\.port: none is set"):
        serve(app, log=log, role="web")


def test_on_sqlite_who_only_dispatches_is_alone_too(app: App, log: Log) -> None:
    other = open_app(app.folder)
    with not_for_ever(), other.dispatching(), pytest.raises(LeaseError, match=f"process {os.getpid()}"):
        serve(app, log=log, role="dispatch")
    other.close()


def test_who_only_answers_works_beside_another_and_touches_nothing(tmp_path: Path, log: Log) -> None:
    app = open_app(make(tmp_path / "shop", FILES + EVERY + "[web]\nport = 0\n"), system_clock, io.StringIO())
    decided(app)
    other = open_app(app.folder)
    with other.dispatching():
        serving(app, log, lambda: None, role="web")
    other.close()
    assert states(app) == [State.PLANNED]
    assert inbox(app) == ["4-customers.csv", "done"]
    app.close()
    assert log.said == ["daemon.started", "daemon.stopping", "daemon.stopped"]
    assert log.lines[0]["role"] == "web"
    assert log.lines[0]["web"].startswith("http://127.0.0.1:")


def test_who_only_answers_needs_a_port_and_who_only_dispatches_opens_none(app: App, log: Log) -> None:
    with not_for_ever(), pytest.raises(ConfigError, match="P105"):
        serve(app, log=log, role="web")
    serving(app, log, lambda: None, role="dispatch")
    assert [line["web"] for line in log.lines if line["event"] == "daemon.started"] == [""]


@on_postgresql
def test_who_does_not_lead_sends_and_waits_until_the_leader_has_gone(app: App, log: Log) -> None:
    decided(app)
    leader = leading(app)

    def take_over() -> None:
        log.wait_for("dispatch.done")
        assert states(app) == [State.DELIVERED]
        drop_all(app.folder, 3)
        log.wait_for("ingest.done")
        leader.right.give_back()
        log.wait_for("decide.done")

    serving(app, log, take_over)
    leader.close()
    said = log.said
    assert said[0] == "lead.waits"
    assert said.count("lead.waits") == said.count("lead.taken") == 1
    assert said.index("lead.taken") < said.index("decide.done")
    assert not [event for event in said if event.endswith(".failed")]
    assert f"process {os.getpid()}" in log.lines[0]["leader"]
    assert leader_of(app) is None


@on_postgresql
def test_who_loses_the_lead_goes_on_sending(app: App, log: Log) -> None:
    def rob() -> None:
        robber = new_id()
        with app.store.write() as connection:
            leases.release(connection, "leader", app.owner)
            later = app.clock() + timedelta(hours=1)
            leases.take(connection, "leader", robber, "elsewhere, process 7", app.clock(), later)
        log.wait_for("lead.waits")
        assert not app.leads()
        with app.store.write() as connection:
            leases.release(connection, "leader", robber)
        until(app.leads)

    serving(app, log, rob)
    lead = [(line["event"], line.get("leader")) for line in log.lines if line["event"].startswith("lead.")]
    assert lead == [("lead.taken", None), ("lead.waits", "elsewhere, process 7"), ("lead.taken", None)]
    assert not [event for event in log.said if event.endswith(".failed")]


@on_postgresql
def test_a_stage_that_one_does_for_all_ends_soon_when_the_lead_is_lost(
    app: App, life: daemon._Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_all(app.folder, 1)
    stages = daemon._stages(app, life, reload.Watch(app=app))
    now = app.clock()
    app.clock = lambda: now
    assert app.right.take() is None
    stages["ingest"]()
    app.clock = lambda: now + timedelta(hours=1)
    assert stages["decide"]() is None, "the lease is over, as far as we know"
    app.clock = lambda: now

    def long(*, progress: Callable[[int], None]) -> None:
        progress(1)
        app.right.let_go()
        progress(1)

    monkeypatch.setattr(app, "decide", long)
    with pytest.raises(daemon._Stopped):
        stages["decide"]()


# Rules that change meanwhile

MORE = THANKS.replace('id = "thanks"', 'id = "more"')


@pytest.mark.any_store
def test_a_changed_rule_is_in_force_and_a_broken_one_is_not(
    app: App, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "SETTLED", 0.25)
    rules = app.folder / "rules"

    def change() -> None:
        (rules / "more.toml").write_text(MORE, encoding="utf-8")
        log.wait_for("rules.reloaded")
        (rules / "thanks.toml").write_text(THANKS.replace("[on]", "[when]"), encoding="utf-8")
        log.wait_for("rules.refused")

    serving(app, log, change)
    told = [line for line in log.lines if line["event"].startswith("rules.")]
    assert [(line["event"], line["level"]) for line in told] == [("rules.reloaded", "info"), ("rules.refused", "error")]
    assert (list(told[0]["added"]), told[0]["changed"], told[0]["removed"]) == (["more"], {}, {})
    assert len(told[1]["why"]) == told[1]["faults"] > 0
    assert [rule.id for rule in app.rules] == ["more", "thanks"]
    assert not [event for event in log.said if event.endswith(".failed")]


def test_sighup_is_a_question_and_no_end(app: App, log: Log) -> None:
    before = signal.getsignal(signal.SIGHUP)

    def ask() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        log.wait_for("rules.unchanged")

    serving(app, log, ask)
    assert log.said == ["daemon.started", "rules.unchanged", "daemon.stopping", "daemon.stopped"]
    assert "restart" in log.lines[1]["settings"]
    assert signal.getsignal(signal.SIGHUP) is before


def test_signals_that_the_system_hands_to_another_thread_are_heard_too(app: App, log: Log) -> None:
    def ask() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
        log.wait_for("rules.unchanged")
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    serving(app, log, ask, end=False)
    assert log.said == ["daemon.started", "rules.unchanged", "daemon.stopping", "daemon.stopped"]


def test_a_stage_at_work_ends_with_the_rules_it_began_with(app: App, log: Log) -> None:
    """Asked by SIGHUP in the midst of dispatch, the daemon looks when that stage has come to its end."""
    slow = Slow()
    app.__dict__["adapters"] = {"files": slow, "screen": Told("task")}
    drop_all(app.folder, 2)

    def change_while_sending() -> None:
        assert slow.reached.wait(DEADLINE)
        office, rules = app.office, app.rules
        (app.folder / "rules" / "more.toml").write_text(MORE, encoding="utf-8")
        os.kill(os.getpid(), signal.SIGHUP)
        before = lease_until(app)
        until(lambda: lease_until(app) > before)  # the daemon lives on: it renews its right
        assert (app.office, app.rules) == (office, rules)
        assert "rules.reloaded" not in log.said
        slow.go.set()
        log.wait_for("rules.reloaded")

    serving(app, log, change_while_sending)
    told = log.said
    assert told.index("dispatch.done") < told.index("rules.reloaded") < told.index("daemon.stopping")
    assert states(app) == [State.ACCEPTED, State.ACCEPTED]


class Slow(Told):
    """Does not come back before it is let go."""

    def __init__(self) -> None:
        super().__init__("email")
        self.reached, self.go = threading.Event(), threading.Event()

    async def send(self, message: Message) -> Receipt:
        self.reached.set()
        assert await asyncio.to_thread(self.go.wait, DEADLINE)
        return await super().send(message)


def lease_until(app: App) -> datetime:
    with sqlite3.connect(app.folder / "premura.db") as file:
        (until,) = file.execute("SELECT until FROM lease").fetchone()
    file.close()
    return datetime.fromisoformat(until)


def test_the_end_waits_for_the_action_in_hand_and_keeps_its_right_meanwhile(app: App, log: Log) -> None:
    slow = Slow()
    app.__dict__["adapters"] = {"files": slow, "screen": Told("task")}
    drop_all(app.folder, 3)

    def end_while_sending() -> None:
        assert slow.reached.wait(DEADLINE)
        os.kill(os.getpid(), signal.SIGTERM)
        log.wait_for("daemon.stopping")
        before = lease_until(app)
        until(lambda: lease_until(app) > before)
        assert "daemon.stopped" not in log.said
        slow.go.set()

    serving(app, log, end_while_sending, end=False)
    assert states(app) == [State.ACCEPTED, State.READY, State.READY]
    (stopping,) = [line for line in log.lines if line["event"] == "daemon.stopping"]
    assert stopping["finishing"] == "dispatch"


class Complaining(Told):
    """Each mail takes longer than dispatch's turn, and its reader complains."""

    folder: Path

    async def send(self, message: Message) -> Receipt:
        before = (system_clock() - timedelta(days=20)).isoformat()
        complaint = {"customer": "C-1", "kind": "complaint.opened", "id": "X-1", "date": before}
        drop(self.folder, "4-events.csv", table([complaint]))
        await asyncio.sleep(0.5)  # meanwhile it is the other stages' turn
        return await super().send(message)


def test_what_is_heard_while_much_goes_out_stops_the_rest(app: App, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "TURN", timedelta(seconds=0.04))
    post = Complaining("email")
    post.folder = app.folder
    app.__dict__["adapters"] = {"files": post, "screen": Told("task")}
    drop_all(app.folder, 2)

    serving(app, log, lambda: log.wait_for('"suppressed"'))
    assert [message.customer for message in post.got] == ["C-0"]
    with app.store.read() as connection:
        assert len(complaints.open_complaints(connection, [1, 2])) == 1
