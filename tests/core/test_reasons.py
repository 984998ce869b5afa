"""The reasons of an answer: what is kept of them tells all of them again."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from engine.core.reasons import Clause, told

BIG = Clause(code="when", source="event.amount > 50.0", names=("event.amount",))
GOLD = Clause(code="when", source="score.tier == 'gold'", names=("score.tier",))
CARD = Clause(code="step card", source="event.amount > 800.0", names=("event.amount",))
CLAUSES = (BIG, GOLD, CARD)


def test_a_condition_that_was_false_is_all_that_was_asked() -> None:
    kept = {"held": "10", "values": {"event.amount": 80.0, "score.tier": None}}

    assert list(told(CLAUSES, kept)) == [
        {"code": "when", "clause": "event.amount > 50.0", "holds": True, "values": {"event.amount": 80.0}},
        {"code": "when", "clause": "score.tier == 'gold'", "holds": False, "values": {"score.tier": None}},
    ]


def test_each_step_follows_its_own_clauses() -> None:
    values = {"event.amount": 80.0, "score.tier": "gold"}
    kept = {"held": "110", "values": values, "steps": {"mail": "", "card": "its condition is false"}}

    assert list(told(CLAUSES, kept))[2:] == [
        {"code": "step", "step": "mail", "holds": True, "text": "goes ahead"},
        {"code": "step card", "clause": "event.amount > 800.0", "holds": False, "values": {"event.amount": 80.0}},
        {"code": "step", "step": "card", "holds": False, "text": "its condition is false"},
    ]


def test_what_refused_the_whole_comes_last() -> None:
    kept = {"held": "11", "values": {"event.amount": 80.0, "score.tier": "gold"}, "guard": ["again_after", "too soon"]}

    assert list(told(CLAUSES, kept))[-1] == {"code": "again_after", "text": "too soon"}


def test_a_rule_without_conditions_has_no_clauses() -> None:
    assert list(told((), {"held": "", "values": {}})) == []


@given(st.text(), st.text(), st.lists(st.text()))
def test_a_clause_is_kept_as_json(code: str, source: str, names: list[str]) -> None:
    clause = Clause(code=code, source=source, names=tuple(names))

    assert Clause.from_json(json.loads(json.dumps(clause.to_json()))) == clause
