"""Two on one store: who is told that another is there, and who leads when."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest

from engine.app import App, open_app
from engine.core.actions import State
from engine.daemon.serve import serve
from engine.errors import LeaseError
from engine.store import leases
from engine.store.session import new_id
from tests.daemon.living import Log, decided, leader_of, leading, not_for_ever, on_postgresql, serving, states
from tests.process.daemons import until
from tests.workspaces import drop_all


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


def test_on_sqlite_who_only_dispatches_is_alone_too(app: App, log: Log) -> None:
    other = open_app(app.folder)
    with not_for_ever(), other.dispatching(), pytest.raises(LeaseError, match=f"process {os.getpid()}"):
        serve(app, log=log, role="dispatch")
    other.close()


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
