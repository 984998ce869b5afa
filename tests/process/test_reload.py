"""`premura run` while its rules change: what is sound counts from the next round on, what is broken does not count."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.core.actions import State
from tests.process.daemons import BY_SMTP, DAEMON, DEADLINE, Command, Start, is_discreet, rows, states, until
from tests.process.sinks import Sink
from tests.workspaces import FILES, THANKS, drop, drop_all, make, table, write_whole

CALL = THANKS.replace('channel = "email"', 'channel = "task"').replace("email/thanks", "task/call")
BROKEN = CALL.replace("delivery.completed", "delivery.complete")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = make(tmp_path / "shop", FILES + DAEMON)
    drop_all(found, 1)
    return found


@pytest.fixture
def daemon(folder: Path, start: Start) -> Command:
    """A daemon that has thanked its first customer by mail."""
    command: Command = start(folder)
    until(lambda: states(folder) == {State.DELIVERED: 1}, lambda: command.err)
    return command


def rule(folder: Path, text: str) -> None:
    write_whole(folder / "rules" / "thanks.toml", text)


def deliver(folder: Path, number: int) -> None:
    """One more delivery to the same customer."""
    now = datetime.now(UTC).isoformat()  # noqa: TID251 - a daemon lives in the present
    event = {"customer": "C-0", "kind": "delivery.completed", "id": f"D-more-{number}", "date": now}
    drop(folder, f"{number}-events.csv", table([event]))


def channels(folder: Path) -> list[str]:
    return [str(row["channel"]) for row in rows(folder)]


def told(command: Command, event: str) -> list[dict[str, Any]]:
    return [line for line in command.log if line["event"] == event]


def test_a_changed_rule_decides_and_a_broken_one_leaves_the_old_in_force(folder: Path, daemon: Command) -> None:
    rule(folder, CALL)
    daemon.wait_for("rules.reloaded")
    deliver(folder, 1)
    until(lambda: channels(folder) == ["email", "task"], lambda: daemon.err)

    rule(folder, BROKEN)
    daemon.wait_for("rules.refused")
    deliver(folder, 2)
    until(lambda: channels(folder) == ["email", "task", "task"], lambda: daemon.err)

    rule(folder, THANKS)
    until(lambda: len(told(daemon, "rules.reloaded")) == 2, lambda: daemon.err)
    deliver(folder, 3)
    until(lambda: channels(folder) == ["email", "task", "task", "email"], lambda: daemon.err)
    assert daemon.end() == 0

    first, second = told(daemon, "rules.reloaded")
    assert first["changed"].keys() == {"thanks"}
    assert first["changed"]["thanks"].split(" -> ") == second["changed"]["thanks"].split(" -> ")[::-1]
    (refused,) = told(daemon, "rules.refused")
    (why,) = refused["why"]
    assert refused["faults"] == 1
    assert why.startswith("rules/thanks.toml:8:9: R011 unknown event kind 'delivery.complete' (hint: ")
    assert is_discreet(daemon)


def test_a_deleted_rule_takes_back_what_it_had_planned(folder: Path, daemon: Command) -> None:
    rule(folder, THANKS + 'after = "P1D"\n')
    daemon.wait_for("rules.reloaded")
    deliver(folder, 1)
    until(lambda: states(folder) == {State.DELIVERED: 1, State.PLANNED: 1}, lambda: daemon.err)

    (folder / "rules" / "thanks.toml").unlink()
    until(lambda: any(line["removed"] for line in told(daemon, "decide.done")), lambda: daemon.err)
    assert states(folder) == {State.DELIVERED: 1, State.CANCELLED: 1}
    assert daemon.end() == 0

    assert told(daemon, "rules.reloaded")[-1]["removed"].keys() == {"thanks"}
    assert [line["removed"] for line in told(daemon, "decide.done") if line["removed"]] == [1]
    assert is_discreet(daemon)


def test_sighup_asks_for_it(folder: Path, daemon: Command) -> None:
    daemon.send(signal.SIGHUP)
    daemon.wait_for("rules.unchanged")
    rule(folder, CALL)
    daemon.send(signal.SIGHUP)
    daemon.wait_for("rules.reloaded")
    rule(folder, BROKEN)
    daemon.send(signal.SIGHUP)
    daemon.wait_for("rules.refused")
    daemon.send(signal.SIGHUP)
    until(lambda: len(told(daemon, "rules.refused")) == 2, lambda: daemon.err)

    deliver(folder, 1)
    until(lambda: channels(folder) == ["email", "task"], lambda: daemon.err)
    assert daemon.end() == 0
    asked = [line for line in daemon.log if line["event"].startswith("rules.")]
    assert [line["settings"] for line in asked] == ["premura.toml is read at a restart only; it has not changed"] * 4
    assert is_discreet(daemon)


def test_sighup_in_the_midst_of_sending_ends_nothing(tmp_path: Path, post: Sink, start: Start) -> None:
    settings = BY_SMTP.format(port=post.port, more='task = "screen"') + '[adapters.screen]\nkind = "console"\n' + DAEMON
    folder = make(tmp_path / "shop", settings)
    drop_all(folder, 3)
    post.hold("after", 2)
    command = start(folder)
    assert post.holding.wait(DEADLINE), command.err
    rule(folder, CALL)
    for _ in range(3):
        command.send(signal.SIGHUP)
    post.let_go()
    command.wait_for("rules.reloaded")
    until(lambda: states(folder) == {State.ACCEPTED: 3}, lambda: command.err)
    assert len(set(post.got)) == len(post.got) == 3
    deliver(folder, 4)
    until(lambda: channels(folder) == ["email"] * 3 + ["task"], lambda: command.err)
    assert command.end() == 0
    assert is_discreet(command)
