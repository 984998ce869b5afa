"""Rules that are asked together, and what was read of whom they were asked about."""

from __future__ import annotations

import json

from engine.decide.panel import Panel
from engine.decide.rule import Rule, load
from engine.decide.vocabulary import vocabulary

WORDS = vocabulary()
HEAD = """
id = "{name}"
title = "{name}"
purpose = "relationship"
[on]
event = "service_call.completed"
{when}
[[step]]
id = "mail"
channel = "task"
template = "task/call"
{step}
"""


def rule(name: str, when: str = "", step: str = "") -> Rule:
    lines = {"when": f'when = "{when}"' if when else "", "step": f'when = "{step}"' if step else ""}
    text = HEAD.format(name=name, **lines)
    return load({f"rules/{name}.toml": text}, vocabulary=WORDS, templates=["task/call"])[0]


def test_what_two_conditions_read_is_read_once() -> None:
    one, other = rule("a", "event.amount > 5.0 && score.T > 1.0"), rule("b", "score.T > 2.0 && customer.has_email")
    panel = Panel.of([one, other])

    assert (panel.name, panel.rules) == ("", (one, other))
    assert panel.reads == ("event.amount", "score.T", "customer.has_email")
    assert panel.read_by([one, other]) == panel.reads
    assert Panel.of([rule("c")]).reads == ()


def test_what_steps_ask_is_read_only_of_whom_the_rule_gets_so_far() -> None:
    one, other = rule("a", "score.T > 1.0", "event.amount > 5.0"), rule("b", step="customer.has_email")
    panel = Panel.of([one, other])

    assert panel.reads == panel.read_by([]) == ("score.T",)
    assert panel.read_by([one]) == ("score.T", "event.amount")
    assert panel.read_by([other, one]) == ("score.T", "customer.has_email", "event.amount")


def test_a_rule_that_is_asked_alone_gives_its_name() -> None:
    assert Panel.alone(rule("a")).name == "a"


def test_a_panel_says_no_or_further_of_each_rule() -> None:
    one, other, always = rule("a", "score.T > 1.0 && customer.has_email"), rule("b", "score.T > 2.0"), rule("c")
    panel = Panel.of([one, other, always])

    (said, all_yes) = panel.says([(3.0, False), (3.0, True)])

    assert (said.no, json.loads(said.kept)) == ({one.hash[:12]: "10"}, {one.hash[:12]: "10"})
    assert said.further == ((other, "1"), (always, ""))
    assert (all_yes.no, all_yes.kept) == ({}, "{}")
    assert all_yes.further == ((one, "11"), (other, "1"), (always, ""))


def test_what_is_the_same_is_said_by_the_same_object() -> None:
    panel = Panel.of([rule("a", "score.T > 1.0")])

    one, other, missing = panel.says([(3.0,), (4.0,), (None,)])
    assert one is other is panel.says([(5.0,)])[0]
    assert one is not missing


def test_rules_without_a_condition_are_asked_without_reading_anything() -> None:
    said = Panel.of([rule("a")]).says([(), ()])

    assert [[of.id for of, _ in one.further] for one in said] == [["a"], ["a"]]
    assert Panel.of([]).says([()])[0].further == ()
