"""What each role does in turn, and what happens meanwhile: rules that change, a lead that is lost, a complaint."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.app import App, open_app, system_clock
from engine.core.actions import State
from engine.daemon import life as lives
from engine.daemon import reload
from engine.daemon.life import Life, Stopped
from engine.daemon.stages import stages_of
from engine.dispatch.port import Message, Receipt
from engine.store import complaints
from tests.daemon.living import DEADLINE, EVERY, Log, Slow, decided, inbox, lease_until, on_postgresql, serving, states
from tests.dispatch.shop import Told
from tests.process.daemons import until
from tests.workspaces import FILES, THANKS, drop, drop_all, make, table, write_whole

MORE = THANKS.replace('id = "thanks"', 'id = "more"')


@pytest.mark.any_store
def test_who_only_dispatches_leaves_all_else_alone(app: App, log: Log) -> None:
    decided(app)
    serving(app, log, lambda: log.wait_for("dispatch.done"), role="dispatch")
    assert states(app) == [State.DELIVERED]
    assert inbox(app) == ["4-customers.csv", "done"]
    assert log.said == ["daemon.started", "send.accepted", "dispatch.done", "daemon.stopping", "daemon.stopped"]


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


@on_postgresql
def test_a_stage_that_one_does_for_all_ends_soon_when_the_lead_is_lost(
    app: App, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_all(app.folder, 1)
    stages = stages_of(app, life, reload.Watch(app=app))
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
    with pytest.raises(Stopped):
        stages["decide"]()


@pytest.mark.any_store
def test_a_changed_rule_is_in_force_and_a_broken_one_is_not(
    app: App, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "SETTLED", 0.25)
    rules = app.folder / "rules"

    def change() -> None:
        write_whole(rules / "more.toml", MORE)
        log.wait_for("rules.reloaded")
        write_whole(rules / "thanks.toml", THANKS.replace("[on]", "[when]"))
        log.wait_for("rules.refused")

    serving(app, log, change)
    told = [line for line in log.lines if line["event"].startswith("rules.")]
    assert [(line["event"], line["level"]) for line in told] == [("rules.reloaded", "info"), ("rules.refused", "error")]
    assert (list(told[0]["added"]), told[0]["changed"], told[0]["removed"]) == (["more"], {}, {})
    assert len(told[1]["why"]) == told[1]["faults"] > 0
    assert [rule.id for rule in app.rules] == ["more", "thanks"]
    assert not [event for event in log.said if event.endswith(".failed")]


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
    monkeypatch.setattr(lives, "TURN", timedelta(seconds=0.25))  # enough to begin one, also on a slow machine
    post = Complaining("email")
    post.folder = app.folder
    app.__dict__["adapters"] = {"files": post, "screen": Told("task")}
    drop_all(app.folder, 2)

    serving(app, log, lambda: log.wait_for('"suppressed"'))
    assert [message.customer for message in post.got] == ["C-0"]
    with app.store.read() as connection:
        assert len(complaints.open_complaints(connection, [1, 2])) == 1
