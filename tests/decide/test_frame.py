"""The polars back-end says of a million rows what the closure says of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from engine.core.condition import Test, Type
from engine.decide.closure import closure
from engine.decide.condition import compile_condition
from engine.decide.frame import expression
from engine.decide.frame_terms import column
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
