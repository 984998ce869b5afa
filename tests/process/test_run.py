"""`premura run` as a process: what goes in comes out once, whatever ends it and whenever.

The sinks write down what they got. Where a provider takes a key, every action is delivered exactly once; where nothing
can tell, never twice, and every doubt is in `unknown`.
"""

from __future__ import annotations

import signal
from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

from engine.core.actions import State
from tests.adapters.distribution import install
from tests.process.daemons import BY_SMTP, CALL, DAEMON, DEADLINE, DESK, Start, is_discreet, rows, states, until
from tests.process.sinks import PARCEL, Sink, keyed
from tests.workspaces import FILES, THANKS, drop, drop_all, make


def test_from_the_inbox_to_the_mail_and_nobody_else_meanwhile(tmp_path: Path, start: Start) -> None:
    folder = make(tmp_path / "shop", FILES + DAEMON)
    drop_all(folder, 5)
    drop(folder, "9-events.csv", "no header\nGiulia,giulia@mail.example\n")
    daemon = start(folder)
    daemon.wait_for("dispatch.done")
    until(lambda: states(folder) == {State.DELIVERED: 5}, lambda: daemon.err)

    second, by_hand = start(folder), start(folder, "dispatch")
    for other in (second, by_hand):
        assert other.wait() == 1
        (line,) = other.err.splitlines()
        assert line.startswith("another premura dispatches on this store (")
        assert f", process {daemon.process.pid})" in line

    drop(folder, "4-events.csv", "customer,kind,date,id\nC-2,complaint.opened,2026-11-01,X-1\n")
    until(lambda: (folder / "inbox" / "done" / "4-events.csv").exists(), lambda: daemon.err)
    assert daemon.end(signal.SIGINT) == 0

    mails = [message_from_bytes(file.read_bytes()) for file in (folder / "out" / "mail" / "new").iterdir()]
    assert len({mail["Message-ID"] for mail in mails}) == len(mails) == 5
    events = [line["event"] for line in daemon.log]
    assert (events[0], events[-1]) == ("daemon.started", "daemon.stopped")
    (taken,) = [one for line in daemon.log for one in line.get("files", ()) if "error" in one]
    assert taken["error"] == "inbox/failed/9-events.csv.error.txt says why it cannot be read"
    assert is_discreet(daemon)
    assert daemon.out == ""


def test_sigterm_finishes_the_action_in_hand_and_hands_back_the_rest(tmp_path: Path, start: Start, post: Sink) -> None:
    folder = make(tmp_path / "shop", BY_SMTP.format(port=post.port, more="") + DAEMON)
    drop_all(folder, 4)
    post.hold("after", 2)
    daemon = start(folder)
    assert post.holding.wait(DEADLINE), daemon.err

    daemon.send(signal.SIGTERM)
    daemon.wait_for("daemon.stopping")
    assert daemon.process.poll() is None, "it waits for the answer"
    post.let_go()
    assert daemon.wait() == 0
    assert states(folder) == {State.ACCEPTED: 2, State.READY: 2}
    assert {row["lease_owner"] for row in rows(folder)} == {None}
    assert is_discreet(daemon)
    assert len(post.got) == 2


def test_who_asks_twice_does_not_wait_and_nothing_is_lost(tmp_path: Path, start: Start, post: Sink) -> None:
    folder = make(tmp_path / "shop", BY_SMTP.format(port=post.port, more="") + DAEMON)
    drop_all(folder, 2)
    post.hold("after", 1)
    daemon = start(folder)
    assert post.holding.wait(DEADLINE), daemon.err

    daemon.send(signal.SIGINT)
    daemon.wait_for("daemon.stopping")
    assert daemon.end(signal.SIGINT) == -signal.SIGINT
    assert states(folder) == {State.SUBMITTING: 1, State.READY: 1}
    assert is_discreet(daemon)


def test_an_interrupted_dispatch_by_hand_ends_as_cleanly(tmp_path: Path, start: Start, post: Sink) -> None:
    folder = make(tmp_path / "shop", BY_SMTP.format(port=post.port, more="") + DAEMON)
    drop_all(folder, 3)
    post.hold("after", 1)
    command = start(folder, "run", "--once")
    assert post.holding.wait(DEADLINE), command.err

    command.send(signal.SIGINT)
    post.let_go()
    assert command.wait() == 130
    assert is_discreet(command)
    found = states(folder)
    assert found[State.SUBMITTING] == found[State.UNKNOWN] == 0
    assert found[State.ACCEPTED] == len(post.got) >= 1
    assert found[State.ACCEPTED] + found[State.READY] == 3


def test_killed_while_sending(tmp_path: Path, start: Start, post: Sink) -> None:
    """Mails go by SMTP, which nobody can ask afterwards; tasks go to a provider that takes a key. Both are in hand when
    the daemon is killed: once when the provider has it already, once before."""
    number = 10
    site = tmp_path / "site"
    install(site, {"parcel": PARCEL}, {"parcel": "my_package.parcel:build"})
    with keyed() as desk:
        settings = BY_SMTP.format(port=post.port, more='task = "desk"') + DESK.format(port=desk.port) + DAEMON
        folder = make(tmp_path / "shop", settings, rules={"thanks": THANKS + CALL})
        drop_all(folder, number)
        for where, request in (("after", 3), ("before", 6)):
            for sink in (post, desk):
                sink.hold(where, request)
            daemon = start(folder, site=site)
            for sink in (post, desk):
                assert sink.holding.wait(DEADLINE), daemon.err
            daemon.kill()
            assert is_discreet(daemon)
            for sink in (post, desk):
                sink.let_go()

        daemon = start(folder, site=site)
        open_ = {State.READY, State.SUBMITTING}
        until(lambda: not open_ & states(folder).keys(), lambda: daemon.err)
        assert daemon.end() == 0
        last = start(folder, site=site, ahead=timedelta(hours=1))  # what is doubted again waits for a minute or two
        done = {("email", State.ACCEPTED): number - 2, ("email", State.UNKNOWN): 2, ("task", State.DELIVERED): number}
        until(lambda: Counter((row["channel"], row["state"]) for row in rows(folder)) == done, lambda: last.err)
        assert last.end() == 0
    doubted_mails_are_unknown_and_no_other_is_lost(folder, post)
    assert len(set(desk.got)) == number, "each exactly once, as the provider sees it"
    assert number < desk.asked <= number + 4, "only what was in hand was asked again"
    assert {len(bodies) for bodies in desk.bodies.values()} == {1}, "with the same bytes"


def doubted_mails_are_unknown_and_no_other_is_lost(folder: Path, post: Sink) -> None:
    """One doubtful mail had arrived and one had not: nobody could tell."""
    sent = Counter(post.got)
    assert set(sent.values()) == {1}, "never twice"
    mails = [row for row in rows(folder) if row["channel"] == "email"]
    arrived = {row["public_id"]: f"<{row['public_id']}@bottega.example>" in sent for row in mails}
    assert all(arrived[row["public_id"]] for row in mails if row["state"] == State.ACCEPTED)
    assert sorted(arrived[row["public_id"]] for row in mails if row["state"] == State.UNKNOWN) == [False, True]


def test_killed_while_writing_files(tmp_path: Path, start: Start) -> None:
    number = 50
    folder = make(tmp_path / "shop", FILES + DAEMON)
    mails = folder / "out" / "mail" / "new"
    drop_all(folder, number)
    daemon = start(folder)
    until(lambda: mails.is_dir() and len(list(mails.iterdir())) >= 10, lambda: daemon.err)
    daemon.kill()
    assert is_discreet(daemon)

    last = start(folder)
    until(lambda: states(folder) == {State.DELIVERED: number}, lambda: last.err)
    assert last.end() == 0
    found = [message_from_bytes(file.read_bytes())["Message-ID"] for file in mails.iterdir()]
    assert len(found) == len(set(found)) == number
    assert not list((folder / "out" / "mail" / "tmp").iterdir())


def test_a_broken_rule_is_told_at_the_start_and_nothing_is_touched(tmp_path: Path, start: Start) -> None:
    broken = THANKS.replace("email/thanks", "email/thank").replace("delivery.completed", "delivery.complete")
    folder = make(tmp_path / "shop", FILES + DAEMON, rules={"thanks": broken})
    drop_all(folder, 1)
    command = start(folder)
    assert command.wait() == 2
    first, second, last = command.err.splitlines()
    assert first.startswith("rules/thanks.toml:8:9: R011 unknown event kind 'delivery.complete'")
    assert second.startswith("rules/thanks.toml:16:12: R021 unknown template 'email/thank'")
    assert last == "2 faults; nothing was changed"
    assert len(list((folder / "inbox").iterdir())) == 3
    assert states(folder) == {}
