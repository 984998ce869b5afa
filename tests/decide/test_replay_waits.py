"""Which event a step of the past waited for, and when what comes of it is asked."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from engine.core.actions import State
from engine.core.facts import Customer, Event
from engine.core.permission import Consent
from engine.decide.answered import Answered, Happened
from engine.decide.past import Life
from engine.decide.past_scores import PastScores
from engine.decide.replay import Replay
from engine.decide.replay_waits import kinds, reads
from engine.decide.rule import Rule, load
from engine.decide.vocabulary import vocabulary
from tests.backtest.a_year import rule
from tests.decide.test_past_scores import DAY, NOON, saved

WORDS = vocabulary()
WAIT = 'await = "quote.accepted"\nwithin = "P3D"\nafter = "P1D"'
HOUR = timedelta(hours=1)


def loaded(*steps: str) -> Rule:
    text = rule("some", 'event = "quote.sent"', *(steps or (WAIT,)))
    (found,) = load({"rules/some.toml": text}, vocabulary=WORDS, templates=["email/service_thank_you"])
    return found


def event(number: int, at: datetime, reference: str = "", kind: str = "quote.accepted") -> tuple[int, Event]:
    payload = {"reference": reference} if reference else {}
    return number, Event(customer="", kind=kind, ext_key=str(number), occurred_at=at, payload=payload)


def replayed(
    asked: Rule, *events: tuple[int, Event], given: datetime = NOON - DAY, scores: PastScores | None = None
) -> Replay:
    """A quote of number Q1 is sent at noon; the replay is brought ten days further."""
    word = Consent(purpose="any", channel="any", given=True, at=given)
    no = Consent(purpose="any", channel="any", given=False, at=given + DAY / 2)
    consents = (word,) if given < NOON else (Consent(purpose="any", channel="any", given=True, at=NOON - DAY), no)
    life = Life(
        id=3, facts=Customer(ref="C1", email="a@b.example"), time_zone="UTC", since=None, known_from=NOON - DAY,
        consents=consents, events={"quote.accepted": events},
    )  # fmt: skip
    replay = Replay(
        rule=asked, words=WORDS, currency="EUR", key="k", lives=[life],
        scores=scores or PastScores(np.array([3]), []),
    )  # fmt: skip
    key, sent = event(7, NOON, "Q1", "quote.sent")
    answers: list[Answered] = list(replay.events([Happened(place=0, id=key, source="events", event=sent)]))
    assert [one.verdict.outcome for one in answers] == ["act"]
    for _ in replay.advance(NOON + 10 * DAY):
        pass
    return replay


@pytest.mark.parametrize(
    ("hours", "reference", "comes"),
    [(0, "Q1", True), (1, "", True), (72, "Q1", True), (-1, "Q1", False), (73, "Q1", False), (5, "Q2", False)],
)
def test_it_must_concern_the_journey_and_come_in_time(hours: int, reference: str, comes: bool) -> None:
    replay = replayed(loaded(), event(1, NOON + hours * HOUR, reference))
    assert [one.at for one in replay.came] == ([NOON + hours * HOUR] if comes else [])


def test_the_first_that_concerns_it_decides() -> None:
    (came,) = replayed(loaded(), event(1, NOON - DAY), event(2, NOON + HOUR, "Q9"), event(3, NOON + 2 * HOUR, "Q1"),
                       event(4, NOON + 3 * HOUR)).came  # fmt: skip
    assert came.at == NOON + 2 * HOUR
    assert came.settled.not_before == NOON + 2 * HOUR + DAY
    assert (came.step.id, came.answered.at) == ("s0", NOON)


def test_its_condition_is_asked_with_the_score_of_its_moment() -> None:
    asked = loaded(WAIT + "\nwhen = \"score.tier == 'gold'\"")
    saves = [saved(0, 1, {3: (0.9, "silver")}), saved(1, 2, {3: (0.9, "gold")}), saved(2, 3, {3: (0.9, "silver")})]

    def state(at: datetime) -> State:
        (came,) = replayed(asked, event(1, at), scores=PastScores(np.array([3]), saves)).came
        return came.settled.state

    assert state(NOON + HOUR) is State.CANCELLED
    assert state(NOON + DAY) is state(NOON + DAY + HOUR) is State.PLANNED
    assert state(NOON + 2 * DAY) is State.CANCELLED


def test_permission_is_that_of_its_moment() -> None:
    (came,) = replayed(loaded(), event(1, NOON + 2 * DAY), given=NOON + DAY).came
    assert (came.settled.state, came.settled.not_before) == (State.SUPPRESSED, None)


def test_what_a_rule_waits_for_and_reads() -> None:
    asked = loaded(WAIT + '\nwhen = "score.clv > 5.0 && event.amount > 1.0"', 'after = "P1D"')
    assert kinds(asked) == {"quote.accepted"}
    assert reads(asked, WORDS) == ("score.clv", "event.amount")
    assert asked.reads == ()
