"""A whole life in this process: how it begins, where it listens, which signals it hears, how it ends.

tests/process spawns the command itself.
"""

from __future__ import annotations

import os
import signal
import socket
import threading

import httpx
import pytest

from engine.app import App
from engine.core.actions import State
from engine.daemon.life import Role
from engine.daemon.serve import serve
from engine.errors import ConfigError
from engine.web.health import NOBODY
from tests.daemon.living import DEADLINE, Log, Slow, leader_of, lease_until, not_for_ever, serving, states
from tests.dispatch.shop import Told
from tests.process.daemons import until
from tests.workspaces import THANKS, drop_all


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


@pytest.mark.parametrize(
    ("role", "port", "answers"), [("dispatch", None, False), ("dispatch", 0, True), ("web", 0, True)]
)
def test_who_listens_by_its_role_and_its_own_port(
    app: App, log: Log, role: Role, port: int | None, answers: bool
) -> None:
    def ask() -> None:
        where = log.lines[0]["web"]
        assert bool(where) is answers
        if answers:
            said = httpx.get(f"{where}/readyz", timeout=DEADLINE).json()
            leads = NOBODY if role == "web" else f"{socket.gethostname()}, process {os.getpid()}, since "
            assert (said["ready"], said["why"]) == (True, [])
            assert said["leader"].startswith(leads)

    serving(app, log, ask, role=role, port=port)


def test_who_only_answers_needs_a_port(app: App, log: Log) -> None:
    with not_for_ever(), pytest.raises(ConfigError, match=r"P105 web\.port: none is set"):
        serve(app, log=log, role="web")


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
