"""The polars back-end says of a million rows what the closure says of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from engine.core.condition import Test, Type
from engine.decide.closure import closure
from engine.decide.condition import compile_condition
from engine.decide.frame import expression, which
from engine.decide.frame_terms import column
from engine.decide.vocabulary import vocabulary
from tests.decide.oracles import NAMES, SCOPE, VALUES, a_thousand, conditions, contexts, trees

ROWS = contexts(300, missing=0.25)


def framed(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame({name: column([row[name] for row in rows], kind) for name, kind in NAMES.items()})


FRAME = framed(ROWS).with_row_index("row")


def holds(tree: Test, frame: pl.DataFrame = FRAME) -> list[int]:
    found: list[int] = frame.filter(expression(tree))["row"].to_list()
    return found


def test_a_thousand_conditions_say_what_the_closure_says() -> None:
    for start in range(0, 1000, 100):
        some = trees()[start : start + 100]
        asked = FRAME.select(expression(tree).fill_null(value=False).alias(str(n)) for n, tree in enumerate(some))
        for source, tree, column_ in zip(a_thousand()[start:], some, asked, strict=False):
            assert column_.to_list() == list(map(closure(tree), ROWS)), source


@settings(max_examples=60)
@given(conditions())
def test_it_says_what_the_closure_says(source: str) -> None:
    tree = compile_condition(source, SCOPE).tree
    one = closure(tree)
    assert holds(tree) == [number for number, row in enumerate(ROWS) if one(row)]


@pytest.mark.parametrize(
    "source",
    [
        "score.frequency * 9223372036854775807 > 0",
        "score.frequency / (score.frequency - score.frequency) == 0",
        "-(-9223372036854775807 - score.frequency) < 0",
        "event.amount * 1e149 * 1e10 > 0.0",
        "event.amount / 0.0 > 0.0 || event.amount / 0.0 <= 0.0",
        "int(event.amount * 1e19) > 0",
        "event.occurred_at + duration('99999999h') > now.instant",
        "event.occurred_at - duration('99999999h') < now.instant",
    ],
)
def test_what_does_not_exist_is_missing(source: str) -> None:
    tree = compile_condition(source, SCOPE).tree
    one = closure(tree)
    assert holds(tree) == [number for number, row in enumerate(ROWS) if one(row)]


def test_a_column_of_each_type() -> None:
    for kind, values in VALUES.items():
        made = column([*values, None], kind)
        assert made.null_count() == 1
        assert len(made) == len(values) + 1
    assert column([datetime.fromisoformat("1970-01-01T00:00:01Z")], Type.TIMESTAMP).to_list() == [1_000_000]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("score.p_alive >= 0.9", [True, False, False]),
        ("score.p_alive < 0.9", [False, False, True]),
        ("score.frequency == 3", [False, True, False]),
        ("!known(score.frequency)", [True, False, False]),
        ("score.tier != 'gold'", [False, False, True]),
        ("score.clv > 1.5 || known(score.p_alive)", [True, True, True]),
    ],
)
def test_arrays_are_asked_too_with_what_is_missing_in_each_kind(source: str, expected: list[bool]) -> None:
    columns = {
        "score.p_alive": (Type.DOUBLE, np.array([0.9, np.nan, 0.1], dtype=np.float32)),
        "score.frequency": (Type.INT, np.ma.masked_array(np.array([3, 3, 4]), [True, False, False])),
        "score.tier": (Type.STRING, np.array([None, "gold", "silver"], dtype=object)),
        "score.clv": (Type.DOUBLE, np.array([np.nan, 2.0, np.nan])),
    }
    condition = compile_condition(source, vocabulary().plain)
    assert which(condition.tree, {name: columns[name] for name in condition.names}).tolist() == expected
