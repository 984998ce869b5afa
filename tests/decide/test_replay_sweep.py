"""A sweep of the past asks few, and says what asking everybody every day would say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.core.facts import Customer
from engine.core.permission import Consent
from engine.decide.answered import Day
from engine.decide.moment import Occasion
from engine.decide.past import Life
from engine.decide.past_scores import PastScores, Saved
from engine.decide.replay import Replay
from engine.decide.replay_sweep import sweep
from engine.decide.rule import Rule, load
from engine.decide.vocabulary import vocabulary
from tests.decide.test_past_scores import DAY, NOON, saved

WORDS = vocabulary(attributes={"floor": "int"})
DAYS = [Day(day=date(2026, 3, 1) + timedelta(days=number), at=NOON + number * DAY) for number in range(16)]
CONDITIONS = (
    "score.p_alive < 0.5",
    "score.tier == 'gold' && customer.attributes.floor > 1",
    "now.day >= 5 && score.p_alive > 0.3",
    "!customer.has_open_complaint && known(score.tier)",
    "customer.age >= 40 || score.p_alive > 0.8",
    "score.prev_p_alive > score.p_alive && now.weekday != 'sun'",
    "customer.days_since_first_contact % 3 == 0",
    "score.clv > 0.5 && !known(score.monetary) && known(customer.first_purchase)",
)


def rule(when: str, again: str, holdout: float) -> Rule:
    text = f"""
id = "some"
title = "Some"
purpose = "relationship"
holdout = {holdout}
[on]
sweep = "daily"
when = "{when}"
[journey]
{again}
[[step]]
id = "mail"
channel = "email"
template = "email/x"
"""
    (found,) = load({"rules/some.toml": text}, vocabulary=WORDS, templates=["email/x"])
    return found


def naive(replay: Replay) -> list[tuple[date, int, str]]:
    """Everybody asked every day: who would act when, and who was first left alone or not permitted when."""
    found = []
    for today in DAYS:
        list(replay.scores.until(today.at))
        for place, life in enumerate(replay.lives):
            if life.known_from <= today.at:
                why = Occasion(occurrence=f"sweep/{today.day}", anchor=today.at, keep_no=False)
                verdict = replay.ask(place, why, today.at).verdict
                again = any(reason["code"] == "again_after" for reason in verdict.reasons)
                if verdict.outcome != "no" and not again:
                    found.append((today.day, place, verdict.outcome))
    return found


def first_days(told: list[tuple[date, int, str]], outcome: str) -> dict[int, date]:
    """When each place was first told of so."""
    return {place: day for day, place, what in reversed(told) if what == outcome}


@some.composite
def pasts(draw: Any) -> tuple[list[Life], list[Saved]]:
    """Six customers with turns, and scores on some days."""
    days = some.integers(-3, 15)
    lives = [
        Life(
            id=place + 1,
            facts=Customer(
                ref=f"C{place}",
                email="a@b.example" if draw(some.booleans()) else "",
                birthday=date(1986, 3, 1 + draw(some.integers(0, 14))),
                first_contact_on=date(2026, 1, 1 + place),
                attributes={"floor": place},
            ),
            time_zone=draw(some.sampled_from(("Europe/Rome", "Pacific/Auckland"))),
            since=NOON + draw(days) * DAY,
            known_from=NOON + (draw(days) - 6) * DAY,
            consents=tuple(
                Consent(purpose="any", channel="any", given=draw(some.booleans()), at=at)
                for at in sorted(NOON + draw(days) * DAY for _ in range(draw(some.integers(0, 3))))
            ),
            complaints=tuple(
                (NOON + (place + turn) * DAY, turn == 0) for turn in range(0, draw(some.integers(0, 4)), 3)
            ),
        )
        for place in range(6)
    ]
    people = some.dictionaries(some.integers(1, 6), some.tuples(
        some.sampled_from((0.1, 0.3, 0.5, 0.6, 0.9)), some.sampled_from(("gold", "silver"))), min_size=1)  # fmt: skip
    return lives, [saved(day, day + 1, draw(people)) for day in sorted(draw(some.sets(some.integers(0, 15))))]


@settings(max_examples=40)
@given(
    past=pasts(),
    when=some.sampled_from(CONDITIONS),
    again=some.sampled_from(("", 'again_after = "P4D"')),
    holdout=some.sampled_from((0.0, 0.5)),
)
def test_it_says_what_asking_everybody_every_day_says(
    past: tuple[list[Life], list[Saved]], when: str, again: str, holdout: float
) -> None:
    lives, saves = past
    asked = rule(when, again, holdout)

    def replay() -> Replay:
        ids = np.array([life.id for life in lives])
        scores = PastScores(ids, [Saved(at=one.at, run=one.run, columns=one.columns, first=False) for one in saves])
        return Replay(rule=asked, words=WORDS, currency="EUR", key="k", lives=lives, scores=scores)

    quick = [(answered.at.date(), answered.place, answered.verdict.outcome) for answered in sweep(replay(), DAYS)]
    whole = naive(replay())

    assert [one for one in quick if one[2] == "act"] == [one for one in whole if one[2] == "act"]
    left_alone = first_days(whole, "holdout")
    assert first_days(quick, "holdout") == left_alone

    def before_that(refused: dict[int, date]) -> dict[int, date]:
        """Whoever is left alone rests as if treated, and is not refused meanwhile."""
        return {place: day for place, day in refused.items() if day < left_alone.get(place, date.max)}

    assert before_that(first_days(quick, "refused")) == before_that(first_days(whole, "refused"))
    assert {one for one in quick if one[2] == "holdout"} <= set(whole)


def test_a_day_on_which_nothing_changed_asks_nobody() -> None:
    life = Life(id=1, facts=Customer(ref="C1", email="a@b.example"), time_zone="UTC", since=None,
                known_from=datetime(2026, 1, 1, tzinfo=UTC))  # fmt: skip
    scores = PastScores(np.array([1]), [saved(0, 1, {1: (0.9, "gold")})])
    asked = Replay(rule=rule("score.tier == 'gold'", "", 0.0), words=WORDS, currency="EUR", key="k", lives=[life],
                   scores=scores)  # fmt: skip

    assert [(answered.at, answered.verdict.outcome) for answered in sweep(asked, DAYS)] == [(NOON, "refused")]
