"""The answers of guards: what is alike is made once, and what differs stays apart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.core.arms import Arm
from engine.decide.rule import Rule, load
from engine.decide.rulings import Ruling, Rulings, refused
from engine.decide.vocabulary import vocabulary

WORDS = vocabulary()
TEXT = """
id = "thanks"
title = "Thanks"
purpose = "relationship"
holdout = 0.25
[on]
event = "service_call.completed"
[[step]]
id = "mail"
channel = "email"
template = "email/thanks"
[[step]]
id = "gift"
channel = "reward"
points = 20
when = "event.amount > 100.0"
[[step]]
id = "later"
channel = "email"
template = "email/thanks"
await = "review.received"
within = "P9D"
"""
RULE = load({"rules/thanks.toml": TEXT}, vocabulary=WORDS, templates=["email/thanks"])[0]
FREE = ("", "", "")


def said(ruling: Ruling) -> tuple[str, str, list[str]]:
    return ruling.outcome, ruling.held, [step.id for step in ruling.steps]


def test_the_same_answer_is_made_once_and_told_by_whatever_it_depends_on() -> None:
    rulings = Rulings()
    one = rulings.of(RULE, "1", ("", "1", ""), FREE)

    assert rulings.of(RULE, "1", ("", "1", ""), FREE) is one
    assert said(one) == ("act", "11", ["mail", "gift", "later"])
    assert said(rulings.of(RULE, "1", ("", "0", ""), FREE)) == ("act", "10", ["mail", "later"])
    assert said(rulings.of(RULE, "11", ("", "1", ""), FREE)) == ("act", "111", ["mail", "gift", "later"])
    assert said(rulings.of(RULE, "1", ("", "1", ""), ("no", "", "no"))) == ("refused", "11", [])
    assert said(rulings.of(other(), "1", ("", "1", ""), FREE)) == said(one)
    assert rulings.of(other(), "1", ("", "1", ""), FREE).rule is not RULE


def test_what_was_answered_counts_for_people_who_stand_otherwise() -> None:
    rulings = Rulings(0.2)
    one = rulings.of(RULE, "1", ("", "1", ""), FREE)
    again = Rulings(0.2, known=rulings.known)

    assert again.of(RULE, "1", ("", "1", ""), FREE) is one
    assert again.hindered is not rulings.hindered


def other() -> Rule:
    return load({"rules/thanks.toml": f"{TEXT}# else"}, vocabulary=WORDS, templates=["email/thanks"])[0]


def test_a_step_whose_condition_is_false_is_not_asked_whether_it_is_permitted() -> None:
    alone = load({"rules/thanks.toml": TEXT.replace('channel = "email"', 'channel = "reward"')
                  .replace('template = "email/thanks"', "points = 1").partition("[[step]]\nid = \"later")[0]},
                 vocabulary=WORDS, templates=[])[0]  # fmt: skip
    ruling = Rulings().of(alone, "", ("", "0"), ("no consent", "no consent"))

    assert ruling.outcome == "refused"
    assert ruling.besides["steps"] == {"mail": "no consent", "gift": "its condition is false"}
    assert Rulings().of(alone, "", ("", "0"), ("", "no consent")).outcome == "act"


@pytest.mark.parametrize(
    ("whole", "own", "outcome", "arm"),
    [
        (Arm.TREATED, Arm.TREATED, "act", "treated"),
        (Arm.TREATED, Arm.COMPARISON, "act", "comparison"),
        (Arm.TREATED, Arm.HOLDOUT, "holdout", "holdout"),
        (Arm.COMPARISON, Arm.HOLDOUT, "holdout", "holdout+workspace_comparison"),
        (Arm.COMPARISON, Arm.TREATED, "act", "treated+workspace_comparison"),
        (Arm.HOLDOUT, Arm.TREATED, "holdout", "workspace_holdout"),
        (Arm.HOLDOUT, Arm.HOLDOUT, "holdout", "workspace_holdout"),
    ],
)
def test_lots_say_what_becomes_of_a_yes(whole: Arm, own: Arm, outcome: str, arm: str) -> None:
    rulings = Rulings(share=0.2)
    yes = rulings.of(RULE, "1", ("", "1", ""), FREE)
    drawn = rulings.drawn(yes, whole, own, at_home=False)
    home = rulings.drawn(yes, whole, own, at_home=True)

    assert (drawn.outcome, drawn.arm, bool(drawn.steps)) == (outcome, arm, outcome == "act")
    assert rulings.drawn(yes, whole, own, at_home=False) is drawn is not home
    if outcome == "holdout":
        share = "20%" if whole is Arm.HOLDOUT else "25%"
        assert share in drawn.besides["guard"][1]
        assert home.besides["guard"][1] == f"{drawn.besides['guard'][1]}, with the whole household"


def test_an_answer_is_kept_as_records_have_it() -> None:
    kept: Any = json.loads(refused(RULE, "11", "again_after", "too soon").answer)

    assert kept == [RULE.hash[:12], "refused", "none", "11", {"guard": ["again_after", "too soon"]}]
    yes = Rulings().of(RULE, "1", ("", "1", ""), FREE)
    assert json.loads(yes.answer)[4] == {
        "steps": {"mail": "", "gift": "", "later": ""},
        "waits": {"later": "waits for review.received within P9D"},
    }
    assert (json.loads(yes.title), yes.points[""], yes.points["review.received"]) == ("Thanks", 20, 0)
