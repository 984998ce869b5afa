"""kill -9 at every step: before and after each commit, and while the other side has the message in its hands."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest

from bench.chaos.life import Death
from engine.core.actions import State
from tests.process.crashes import Ordeal, Sink

KILLED = -9


@pytest.mark.parametrize("before", [True, False], ids=["before it", "after it"])
def test_killed_at_each_commit_of_dispatch(tmp_path: Path, sink: Sink, before: bool) -> None:
    """A shop for each commit that there is: what is sent is not written down, what is written down is not sent."""
    doubts = 0
    for number in count(1):
        with Ordeal(tmp_path / str(number), sink, customers=1) as ordeal:
            ordeal.decide()
            if ordeal.killed("dispatch", at=Death(commit=number, before=before)) != KILLED:
                break
            ordeal.settle()
            doubts += sum(ordeal.doubts("email"))
    assert number > 5
    assert doubts > 0, "one of them hit a mail on its way"


def test_killed_again_and_again_and_each_time_one_commit_later(tmp_path: Path, sink: Sink) -> None:
    """One shop, from the first file of its inbox to the last receipt, whose lives are all cut short."""
    with Ordeal(tmp_path / "shop", sink, customers=40) as ordeal:
        lives = 1
        while ordeal.killed(at=Death(commit=lives, before=True)) == KILLED:
            lives += 1
        ordeal.settle()
        ordeal.kept()
    assert lives > 10


@pytest.mark.parametrize("word", ["silent", "silent_taken"])
@pytest.mark.parametrize(("side", "door"), [("http", "key"), ("http", "none"), ("mail", "none")])
def test_killed_while_the_other_side_has_it(tmp_path: Path, sink: Sink, side: str, door: str, word: str) -> None:
    """Once it has taken the message, once not; the answer is still to come."""
    with Ordeal(tmp_path / "shop", sink, door=door, customers=1) as ordeal:
        sink.tell(**{side: [word]})
        assert ordeal.killed(until=lambda lines: any(line.did == word for line in lines)) == KILLED
        ordeal.settle()

        channel = "task" if side == "http" else "email"
        arrived = word == "silent_taken"
        assert ordeal.doubts(channel) == ((0, 0) if door == "key" else (arrived, not arrived))
        assert ordeal.states()[channel, State.UNKNOWN] == (door != "key")


@pytest.mark.parametrize("word", ["crash_before", "crash_after"])
def test_killed_while_who_can_be_asked_has_it(tmp_path: Path, sink: Sink, word: str) -> None:
    """Once it has taken the task, once not, and at first it is away: only its answer says what is to be done."""
    with Ordeal(tmp_path / "shop", sink, door="search", customers=1) as ordeal:
        script = {"send": [word, "ok"], "find": ["away", "ok"]}
        (ordeal.folder / "desk.json").write_text(json.dumps(script), encoding="utf-8")
        assert ordeal.killed() == KILLED
        ordeal.settle()

        assert ordeal.doubts("task") == (0, 0)
        (task,) = ordeal.tasks()
        assert ordeal.taken()[task["public_id"]] == 1
        assert task["state"] == State.DELIVERED
        calls = (ordeal.folder / "out" / "desk" / "calls.jsonl").read_text(encoding="utf-8")
        assert (calls.count('"send '), calls.count('"find ')) == (2 if word == "crash_before" else 1, 2)
