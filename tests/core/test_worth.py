"""What conditions read of scores has the names of scores."""

from __future__ import annotations

from engine.core.facts import Score
from engine.core.worth import Before, Worth


def test_its_names_are_those_of_a_score_and_of_what_it_was_before() -> None:
    now = [name for name in Worth._fields if not name.startswith("prev_")]
    before = [name.removeprefix("prev_") for name in Worth._fields if name.startswith("prev_")]

    assert set(now) <= set(Score.__slots__)
    assert tuple(before) == Before._fields
    assert set(before) <= set(now)


def test_what_it_was_before_goes_by_the_same_names() -> None:
    worth = Worth._make(Worth._fields)

    assert worth.previous == Before._make(f"prev_{name}" for name in Before._fields)
