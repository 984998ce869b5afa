"""What begins when a rule said yes, as it is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.core.actions import State
from engine.core.facts import Customer, Event
from engine.core.permission import Consent, Standing
from engine.decide.begun import Begun, begun
from engine.decide.guards import case_of, judge
from engine.decide.moment import Occasion, event_facts
from engine.decide.rule import load
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


def test_a_date_rule_keeps_the_date_that_it_is_about() -> None:
    text = QUOTE.replace('event = "quote.sent"', 'date = "customer.birthday"')
    text = text.replace('"Ask after a quote"', '{ en = "Wish", it = "Auguri" }')
    rule = load({"rules/quote.toml": text}, vocabulary=WORDS, templates=["email/ask"])[0]
    situation = Situation(customer=WHO, now=NOW, time_zone=ROME, currency="EUR")
    verdict = judge(rule, case_of(situation, words=WORDS, standing=YES, key="key"), None)
    why = Occasion(occurrence="2026-03-05", anchor=NOW, years=46)
    found = begun(rule, verdict, why, None, customer=3, facts=WHO, tz=ROME, now=NOW)
    assert found.steps[1]["facts"] == {
        "title": {"en": "Wish", "it": "Auguri"}, "years": 46, "day": "2026-03-05", "points": 20,
    }  # fmt: skip


def happened(kind: str, days: int = 0, **payload: str) -> Event:
    return Event(customer="C1", kind=kind, ext_key="E1", occurred_at=NOW + timedelta(days=days), payload=payload)


def quoted() -> Begun:
    rule = load({"rules/quote.toml": QUOTE}, vocabulary=WORDS, templates=["email/ask"])[0]
    event = happened("quote.sent", reference="Q1")
    why = Occasion(occurrence="shop/E1", anchor=NOW, event=event, event_id=7)
    situation = Situation(customer=WHO, now=NOW, time_zone=ROME, currency="EUR", event=event)
    verdict = judge(rule, case_of(situation, words=WORDS, standing=YES, key="key"), None)
    return begun(rule, verdict, why, event_facts(event, ROME), customer=3, facts=WHO, tz=ROME, now=NOW)


def test_each_step_has_its_instant_and_its_name() -> None:
    steps = quoted().steps

    assert [step["dedupe_key"] for step in steps] == [f"quote:C1:shop/E1:{name}" for name in ("gift", "ask", "thank")]
    assert [step["not_before"] - NOW for step in steps] == [timedelta(days=days) for days in (0, 1, 9)]
    assert [(step["state"], step["awaits"]) for step in steps] == [
        (State.PLANNED, ""),
        (State.PLANNED, ""),
        (State.WAITING, "quote.accepted"),
    ]
    assert {(step["customer_id"], step["event_id"], step["rule_id"]) for step in steps} == {(3, 7, "quote")}


def test_points_are_told_by_what_goes_ahead_with_them() -> None:
    gift, ask, thank = (step["facts"] for step in quoted().steps)

    assert (gift["points"], ask["points"], "points" in thank) == (20, 20, False)
    assert gift["event"] == {"reference": "Q1", "occurred_on": "2026-03-02"}


def test_only_what_concerns_it_ends_it() -> None:
    ending = quoted().ending

    assert ending.comes_with(happened("complaint.opened", reference="Q1"))
    assert ending.comes_with(happened("complaint.opened"))
    assert not ending.comes_with(happened("complaint.opened", reference="Q2"))
    assert not ending.comes_with(happened("complaint.opened", days=-1))
    assert not ending.comes_with(happened("complaint.resolved"))


def test_what_ended_before_it_was_stored_is_stored_as_ended() -> None:
    assert quoted().is_under_way
    one = quoted()
    one.stop("complaint.opened on 2026-03-02", NOW)

    assert not one.is_under_way
    assert (one.journey["state"], one.journey["ended_at"]) == ("stopped", NOW)
    assert {(step["state"], step["reason"]) for step in one.steps} == {
        (State.CANCELLED, "complaint.opened on 2026-03-02")
    }
