"""kill -9 at every step: before and after each commit, and while the other side has the message in its hands."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from bench.chaos.life import Death
from engine.core.actions import State
from tests.process.crashes import Ordeal, Sink

KILLED = -9


def test_killed_before_each_commit(tmp_path: Path, sink: Sink) -> None:
    """From the first file of the inbox to the last receipt: one life for each commit that there is."""
    assert doubts_of_lives(tmp_path, sink, "run", before=True) > 0


def test_killed_after_each_commit_of_dispatch(tmp_path: Path, sink: Sink) -> None:
    """What was committed is there, and what was to follow it did not come: nothing was sent, say."""
    assert doubts_of_lives(tmp_path, sink, "dispatch", before=False) > 0


def doubts_of_lives(tmp_path: Path, sink: Sink, word: str, *, before: bool) -> int:
    """Kill one life at its first commit, one at its second, and so on until one ends by itself; mails left in doubt."""
    doubts = 0
    for number in count(1):
        with Ordeal(tmp_path / str(number), sink, customers=1) as ordeal:
            if word == "dispatch":
                ordeal.decide()
            if ordeal.killed(word, at=Death(commit=number, before=before)) != KILLED:
                break
            ordeal.settle()
            doubts += sum(ordeal.doubts("email"))
    assert number > 5, "every stage commits something"
    return doubts


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
