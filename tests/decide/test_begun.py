"""What begins when a rule said yes, as it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.actions import State
from engine.core.facts import Customer, Event
from engine.core.permission import Consent, Standing
from engine.decide.begun import Begun, Entry, journeys, steps
from engine.decide.guards import case_of, judge_further
from engine.decide.moment import Occasion
from engine.decide.rule import load
from engine.decide.rulings import Rulings
from engine.decide.situation import Situation
from engine.decide.vocabulary import vocabulary

NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
ROME = "Europe/Rome"
WHO = Customer(ref="C1", email="c1@mail.example")
YES = Standing(consents=(Consent(purpose="any", channel="any", given=True, at=NOW),))
WORDS = vocabulary()
QUOTE = """
id = "quote"
title = "Ask after a quote"
purpose = "relationship"
holdout = 0.0
[on]
event = "quote.sent"
[journey]
stop_on = ["complaint.opened"]
[[step]]
id = "gift"
channel = "reward"
points = 20
[[step]]
id = "ask"
channel = "email"
template = "email/ask"
after = "P1D"
[[step]]
id = "thank"
channel = "email"
template = "email/ask"
await = "quote.accepted"
within = "P9D"
"""


def begun(text: str, why: Occasion) -> Begun:
    rule = load({"rules/quote.toml": text}, vocabulary=WORDS, templates=["email/ask"])[0]
    situation = Situation(customer=WHO, now=NOW, time_zone=ROME, currency="EUR", event=why.event)
    case = case_of(situation, words=WORDS, standing=YES, key="key")
    return Begun(judge_further(rule, case, "", None, Rulings()), Entry.of(3, WHO.ref, ROME, why))


def happened(kind: str, days: int = 0, **payload: str) -> Event:
    return Event(customer="C1", kind=kind, ext_key="E1", occurred_at=NOW + timedelta(days=days), payload=payload)


def quoted() -> Begun:
    event = happened("quote.sent", reference="Q1")
    return begun(QUOTE, Occasion(occurrence="shop/E1", anchor=NOW, event=event, event_id=7))


def rows(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def facts(one: Begun) -> list[dict[str, Any]]:
    return [json.loads(step["facts"]) for step in rows(steps([one], [1], NOW))]


def test_a_date_rule_keeps_the_date_that_it_is_about() -> None:
    text = QUOTE.replace('event = "quote.sent"', 'date = "customer.birthday"')
    text = text.replace('"Ask after a quote"', '{ en = "Wish", it = "Auguri" }')
    wished = facts(begun(text, Occasion(occurrence="2026-03-05", anchor=NOW, years=46)))

    assert wished[1] == {"title": {"en": "Wish", "it": "Auguri"}, "years": 46, "day": "2026-03-05", "points": 20}


def test_each_journey_has_its_rule_and_its_event() -> None:
    one, other = quoted(), begun(QUOTE, Occasion(occurrence="today", anchor=NOW - timedelta(days=1)))
    first, second = rows(journeys([one, other], NOW))

    assert first == {
        "rule_id": "quote", "rule_hash": one.ruling.rule.hash, "customer_id": 3, "occurrence": "shop/E1",
        "state": "active", "anchor_at": NOW, "stop_on": ("complaint.opened",), "reference": "Q1", "started_at": NOW,
        "ended_at": None, "exit_reason": "",
    }  # fmt: skip
    assert second == first | {"occurrence": "today", "anchor_at": NOW - timedelta(days=1), "reference": ""}


def test_each_step_has_its_journey_its_instant_and_its_name() -> None:
    found = rows(steps([quoted(), quoted()], [8, 9], NOW))[3:]

    assert [step["dedupe_key"] for step in found] == [f"quote:C1:shop/E1:{name}" for name in ("gift", "ask", "thank")]
    assert [step["not_before"] - NOW for step in found] == [timedelta(days=days) for days in (0, 1, 9)]
    assert [(step["state"], step["awaits"]) for step in found] == [
        (State.PLANNED, ""),
        (State.PLANNED, ""),
        (State.WAITING, "quote.accepted"),
    ]
    own = ("journey_id", "customer_id", "event_id", "rule_id", "purpose", "finished_at")
    assert {tuple(step[name] for name in own) for step in found} == {(9, 3, 7, "quote", "relationship", None)}
    assert [step["channel"] for step in found] == ["reward", "email", "email"]
    assert [step["plan"]["template"] for step in found] == ["", "email/ask", "email/ask"]


def test_journeys_that_begin_together_have_each_its_own_instants() -> None:
    other = QUOTE.replace('after = "P1D"', 'after = "P2D"')
    why, later = (Occasion(occurrence="today", anchor=NOW + timedelta(days=days)) for days in (0, 5))
    some = [begun(text, why) for text in (QUOTE, other)]
    some[1].entry = some[0].entry

    found = rows(steps([*some, begun(QUOTE, later)], [1, 2, 3], NOW))
    assert [(step["not_before"] - NOW).days for step in found] == [0, 1, 9, 0, 2, 9, 5, 6, 14]


def test_points_are_told_by_what_goes_ahead_with_them() -> None:
    gift, ask, thank = facts(quoted())

    assert (gift["points"], ask["points"], "points" in thank) == (20, 20, False)
    assert gift == {
        "title": "Ask after a quote",
        "years": None,
        "event": {"reference": "Q1", "occurred_on": "2026-03-02"},
        "points": 20,
    }


def test_only_what_concerns_it_ends_it() -> None:
    ending = quoted().ending(NOW)

    assert ending.comes_with(happened("complaint.opened", reference="Q1"))
    assert ending.comes_with(happened("complaint.opened"))
    assert not ending.comes_with(happened("complaint.opened", reference="Q2"))
    assert not ending.comes_with(happened("complaint.opened", days=-1))
    assert not ending.comes_with(happened("complaint.resolved"))


def test_what_ended_before_it_was_stored_is_stored_as_ended() -> None:
    one, going = quoted(), quoted()
    one.exit_reason = "complaint.opened on 2026-03-02"

    stopped, active = rows(journeys([one, going], NOW))
    assert (stopped["state"], stopped["ended_at"], stopped["exit_reason"]) == ("stopped", NOW, one.exit_reason)
    assert (active["state"], active["ended_at"]) == ("active", None)
    found = rows(steps([one, going], [1, 2], NOW))
    assert {(step["state"], step["reason"], step["finished_at"]) for step in found[:3]} == {
        (State.CANCELLED, "complaint.opened on 2026-03-02", NOW)
    }
    assert {step["finished_at"] for step in found[3:]} == {None}
