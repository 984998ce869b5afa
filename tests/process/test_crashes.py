"""kill -9 at every step: before and after each commit, and while the other side has the message in its hands."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from bench.chaos.life import Death
from engine.core.actions import State
from tests.process.crashes import Ordeal, Sink

KILLED = -9


@pytest.mark.parametrize("before", [True, False], ids=["before it", "after it"])
def test_killed_at_each_commit(tmp_path: Path, sink: Sink, before: bool) -> None:
    """From the first file of the inbox to the last receipt: one life for each commit that there is."""
    doubts = 0
    for number in count(1):
        with Ordeal(tmp_path / str(number), sink, customers=1) as ordeal:
            if ordeal.killed(at=Death(commit=number, before=before)) != KILLED:
                break
            ordeal.settle()
            doubts += sum(ordeal.doubts("email"))
    assert number > 10, "every stage commits something"
    assert doubts > 0, "one of them hit a mail on its way"


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
