"""What a step says of its waiting: the keys together, and what is wrong with them told at once."""

from __future__ import annotations

import pytest

from engine.core.actions import Wait
from engine.core.calendar import Duration
from engine.decide.rule import Step, load
from engine.decide.vocabulary import vocabulary
from engine.errors import Fault, RuleError

WORDS = vocabulary(events={"boiler.inspected": {"pressure": "double"}})
HEAD = """id = "small"
title = "Say hello"
purpose = "relationship"
[on]
event = "quote.sent"
[journey]
stop_on = ["quote.declined"]
[[step]]
id = "mail"
channel = "email"
template = "email/hello"
"""


def step(lines: str) -> Step:
    (rule,) = load({"rules/small.toml": HEAD + lines}, vocabulary=WORDS, templates=("email/hello",))
    return rule.steps[0]


def faults(lines: str) -> list[tuple[str, int, int]]:
    with pytest.raises(RuleError) as caught:
        step(lines)
    return [(one.code, one.line, one.column) for one in caught.value.faults]


def test_a_step_that_waits_pins_what_it_waits_for() -> None:
    found = step('await = "quote.accepted"\nwithin = "P30D"\nafter = "P1D"\nwhen = "event.amount > 10.0"\n')

    wait = Wait(kind="quote.accepted", within=Duration(days=30), after=Duration(days=1), when="event.amount > 10.0")
    assert (found.awaits, found.plan.wait) == ("quote.accepted", wait)
    assert (found.after, found.when) == (Duration(), None)  # neither is asked when the rule is


def test_a_step_that_waits_may_say_no_more_than_that() -> None:
    found = step('await = "boiler.inspected"\nwithin = "P1M"\n')

    assert found.plan.wait == Wait(kind="boiler.inspected", within=Duration(months=1))


def test_a_step_may_wait_for_a_purchase_and_ask_what_it_came_to() -> None:
    found = step('await = "purchase"\nwithin = "P30D"\nwhen = "event.amount > 10.0 && event.kind == \'purchase\'"\n')
    assert found.awaits == "purchase"

    assert faults('await = "purchase"\nwithin = "P30D"\nwhen = "event.reference == \'P-1\'"\n') == [("R031", 14, 9)]
    assert faults('await = "purchase"\nwithin = "P30D"\nunless = "purchase"\n') == [("R024", 14, 10)]
    assert faults('await = "purchases"\nwithin = "P30D"\n') == [("R011", 12, 9)]


def test_a_purchase_is_no_event_that_starts_a_rule_or_lies_in_the_past() -> None:
    assert "purchase" not in WORDS.kinds
    assert [code for code, *_ in faults("when = \"has_event('purchase')\"\n")] == ["R037"]


def test_a_step_waits_for_nothing_unless_it_says_so() -> None:
    assert (step("").awaits, step("").plan.wait, step("").plan.unless) == ("", None, "")


def test_what_keeps_a_step_back_is_pinned() -> None:
    assert step('unless = "quote.accepted"\n').plan.unless == "quote.accepted"


def test_the_condition_speaks_of_the_awaited_event() -> None:
    wait = 'await = "boiler.inspected"\nwithin = "P1M"\n'
    assert step(wait + 'when = "event.pressure < 1.0 && customer.has_email"\n').plan.wait is not None

    assert faults(wait + "when = \"event.reference == 'P-1'\"\n") == [("R031", 14, 9)]
    assert faults('when = "event.pressure < 1.0"\n') == [("R031", 12, 9)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('await = "quote.accepted"\n', [("R023", 12, 1)]),
        ('within = "P14D"\n', [("R023", 12, 1)]),
        ('await = "quote.declined"\nwithin = "P14D"\n', [("R024", 12, 9)]),
        ('await = "quote.accepted"\nwithin = "P14D"\nunless = "quote.accepted"\n', [("R024", 14, 10)]),
        ('await = "quote.declined"\n', [("R023", 12, 1), ("R024", 12, 9)]),
        ('await = "quote.acepted"\nwithin = "P14D"\nwhen = "event.amount > 1.0"\n', [("R011", 12, 9)]),
        ('unless = "quote.acepted"\n', [("R011", 12, 10)]),
        ('await = "quote.accepted"\nwithin = "14D"\n', [("R014", 13, 10)]),
        ('await = "quote.accepted"\nwithin = "P0D"\n', [("R014", 13, 10)]),
        ('await = ["quote.accepted"]\nwithin = "P14D"\n', [("R004", 12, 9)]),
        ('unless = true\n', [("R004", 12, 10)]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(lines: str, expected: list[tuple[str, int, int]]) -> None:
    assert faults(lines) == expected


def test_a_fault_says_what_to_write() -> None:
    with pytest.raises(RuleError) as caught:
        step('await = "quote.accepted"\n')

    (fault,) = caught.value.faults
    assert isinstance(fault, Fault)
    assert 'write within = "P14D"' in fault.hint
