"""What a fake provider can be told, and what is said about a script that makes no sense."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.wire.fate import WORDS, read

NAMES = ("C-7", "0199-a1", "rule:C-7:1:mail")


def fates(data: dict[str, Any], *, verb: str = "send", names: tuple[str, ...] = NAMES, calls: int = 4) -> list[str]:
    script = read(data)
    return [script.fate(verb, names, number) for number in range(1, calls + 1)]


def test_told_nothing_it_does_well() -> None:
    assert fates({}) == ["ok"] * 4


def test_each_call_has_its_entry_and_the_last_holds_for_all_that_follow() -> None:
    assert fates({"send": ["lost_after", "later", "ok"]}) == ["lost_after", "later", "ok", "ok"]
    assert fates({"send": ["refuse"]}) == ["refuse"] * 4
    assert fates({"send": ["refuse"], "find": ["nothing", "ok"]}, verb="find") == ["nothing", "ok", "ok", "ok"]


@pytest.mark.parametrize("name", NAMES)
def test_one_customer_action_or_key_can_fare_otherwise(name: str) -> None:
    script = {"send": ["ok"], "only": {name: {"send": ["refuse"]}}}
    assert fates(script) == ["refuse"] * 4
    assert fates(script, names=("C-8", "0199-a2", "rule:C-8:1:mail")) == ["ok"] * 4
    assert fates(script, verb="find") == ["ok"] * 4


def test_shares_are_drawn_by_lot_the_same_lot_each_time() -> None:
    script = read({"send": [{"lost_after": 0.1, "later": 0.3}]})
    drawn = [script.fate("send", (f"key {number}",), 1) for number in range(2000)]
    assert drawn == [script.fate("send", (f"key {number}",), 1) for number in range(2000)]
    counted = Counter(drawn)
    assert counted.keys() == {"ok", "lost_after", "later"}
    assert 140 < counted["lost_after"] < 260
    assert 500 < counted["later"] < 700
    again = [script.fate("send", (f"key {number}",), 2) for number in range(2000)]
    assert again != drawn


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"sned": ["ok"]}, "'sned' is none of send, call, find, cancel, only, wait"),
        ({"send": "ok"}, 'send is a list, such as ["lost_after", "ok"]'),
        ({"send": []}, "send is a list"),
        ({"send": ["late"]}, "send: 'late' is none of ok, refuse, later"),
        ({"find": ["refuse"]}, "find: 'refuse' is none of ok, nothing, away"),
        ({"send": [7]}, "send: each entry is a word or a table of shares"),
        ({"send": [{"later": 2}]}, "send: the share of later is a number from 0 to 1"),
        ({"send": [{"later": True}]}, "send: the share of later is a number from 0 to 1"),
        ({"wait": "long"}, "wait is a number of seconds"),
        ({"wait": -1}, "wait is a number of seconds"),
        ({"wait": float("nan")}, "wait is a number of seconds"),
        ({"only": ["C-7"]}, "only holds a table for each name"),
        ({"only": {"C-7": "refuse"}}, "only holds a table for each name"),
        ({"only": {"C-7": {"send": ["never"]}}}, "send: 'never' is none of"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as fault:
        read(data)
    assert "\n" not in str(fault.value)


ENTRIES = {
    verb: st.sampled_from(sorted(words)) | st.dictionaries(st.sampled_from(sorted(words)), st.floats(0, 1), max_size=3)
    for verb, words in WORDS.items()
}
SCRIPTS = st.fixed_dictionaries({}, optional={verb: st.lists(one, min_size=1) for verb, one in ENTRIES.items()})


@given(SCRIPTS, st.sampled_from(sorted(WORDS)), st.text(), st.integers(1, 50))
def test_whatever_it_is_told_each_call_has_one_of_its_words(
    data: dict[str, Any], verb: str, name: str, number: int
) -> None:
    assert read(data).fate(verb, (name,), number) in WORDS[verb]
