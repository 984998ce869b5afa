"""What the other side can do to a message: lost replies, lines that are cut, silence, 429 and 5xx storms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.chaos.faults import TAKES, WORDS
from engine.core.actions import State
from engine.dispatch.breaker import FAILURES
from tests.process.crashes import Ordeal, Sink

DOUBTFUL = {"broken", "lose", "cut_early", "cut_late", "silent", "silent_taken"}
"""What leaves nobody knowing."""
SILENCE = 3.0
"""Seconds without an answer that are taken for silence: long enough for a slow machine to say something."""
BY_MAIL = [word for word in WORDS if not word.startswith("silent")]  # minutes of patience; test_crashes.py has silence


@pytest.fixture
def ordeal(request: pytest.FixtureRequest, tmp_path: Path, sink: Sink) -> Iterator[Ordeal]:
    """A shop with a customer for each word."""
    with Ordeal(tmp_path / "shop", sink, door=request.param, customers=len(WORDS), timeout=SILENCE) as made:
        yield made


@pytest.mark.parametrize("ordeal", ["key"], indirect=True)
def test_who_takes_a_key_once_gets_everything_once(ordeal: Ordeal, sink: Sink) -> None:
    sink.tell(http=[*WORDS, *WORDS])  # whatever happened, it may happen again
    ordeal.settle()

    assert ordeal.doubts("task") == (0, 0)
    assert {line.did for line in ordeal.got() if line.door == ordeal.door} == set(WORDS)
    assert sum(ordeal.taken()[row["public_id"]] for row in ordeal.tasks()) == len(WORDS)


@pytest.mark.parametrize("ordeal", ["none"], indirect=True)
def test_who_takes_everything_gets_nothing_twice_and_each_doubt_is_kept(ordeal: Ordeal, sink: Sink) -> None:
    sink.tell(http=list(WORDS))
    ordeal.settle()

    assert ordeal.doubts("task") == (len(DOUBTFUL & TAKES), len(DOUBTFUL - TAKES))
    assert ordeal.states()["task", State.DELIVERED] == len(WORDS) - len(DOUBTFUL)


@pytest.mark.parametrize("ordeal", ["key"], indirect=True)
def test_a_mail_that_nobody_can_ask_about_is_sent_once(ordeal: Ordeal, sink: Sink) -> None:
    sink.tell(mail=BY_MAIL)
    ordeal.settle()

    doubtful = DOUBTFUL & set(BY_MAIL) - {"broken"}  # 451 says that it was not taken
    assert ordeal.doubts("email") == (len(doubtful & TAKES), len(doubtful - TAKES))
    assert ordeal.states()["email", State.ACCEPTED] == len(WORDS) - len(doubtful)


@pytest.mark.parametrize("ordeal", ["none"], indirect=True)
@pytest.mark.parametrize("word", ["down", "busy"])
def test_a_storm_passes_and_nothing_is_in_doubt(ordeal: Ordeal, sink: Sink, word: str) -> None:
    """It answers, so that nothing was sent. After a few failures one message at a time asks whether it is over."""
    storm = FAILURES + 3
    sink.tell(http=[word] * storm, mail=[word] * storm)
    ordeal.settle()

    assert ordeal.doubts("task") == ordeal.doubts("email") == (0, 0)
    assert [line.did for line in ordeal.got() if line.door == ordeal.door].count(word) == storm
