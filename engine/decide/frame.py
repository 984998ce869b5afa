"""The polars back-end of a condition: a tree becomes an expression that says of each row what the closure says of it.

For many customers at once, while their values are in memory. Null is what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.core.condition import (
    And,
    Compare,
    Constant,
    Known,
    Member,
    Name,
    Not,
    Or,
    Test,
    TextTest,
    Type,
    normal_form,
)
from engine.decide.frame_terms import KINDS, column, term


def expression(test: Test) -> pl.Expr:
    """Whether the test holds of a row, for `DataFrame.filter`: null is not true."""
    return _test(normal_form(test))


def which(test: Test, columns: Mapping[str, tuple[Type, NDArray[Any]]]) -> NDArray[np.bool_]:
    """Of which rows the test, which reads some name, holds.

    columns: by the names that it reads, their types and values, of one length. What is missing is None in an array of
    objects, masked among integers, and not-a-number among floats; 32-bit floats are those that the history of scores
    keeps, and stand for the shortest number that each may be.
    """
    frame = pl.DataFrame({name: _series(values, kind) for name, (kind, values) in columns.items()})
    holds = frame.select(expression(test).fill_null(value=False).alias("holds"))["holds"]
    found: NDArray[np.bool_] = holds.to_numpy()
    return found


def _series(values: NDArray[Any], kind: Type) -> pl.Series:
    if values.dtype == object:
        plain = kind not in (Type.TIMESTAMP, Type.DURATION)
        return pl.Series(values.tolist(), dtype=KINDS[kind]) if plain else column(values.tolist(), kind)
    if values.dtype == np.float32:
        return pl.Series(values).fill_nan(None).cast(pl.String).cast(pl.Float64)
    if values.dtype.kind == "f":
        return pl.Series(values).fill_nan(None)
    missing = pl.Series(np.ma.getmaskarray(values))
    return pl.Series(np.ma.getdata(values)).set(missing, None).cast(KINDS[kind])


def _test(test: Test) -> pl.Expr:
    match test:
        case And():
            return reduce(pl.Expr.__and__, (_test(part) for part in test.parts))
        case Or():
            return reduce(pl.Expr.__or__, (_test(part) for part in test.parts))
        case Not(part=Known() as known):
            return term(known.name).is_null()
        case Not():
            return ~_leaf(test.part)
        case _:
            return _leaf(test)


def _leaf(test: Test) -> pl.Expr:
    match test:
        case Known():
            return term(test.name).is_not_null()
        case Name() | Constant():
            return term(test)
        case Member():
            item = term(test.term)
            return reduce(pl.Expr.__or__, (item == term(option) for option in test.options))
        case TextTest():
            return _looked(test)
        case Compare():
            left, right = term(test.left), term(test.right)
            compared: pl.Expr = getattr(left, _COMPARE[test.operator])(right)
            return compared
        case _:
            raise TypeError(f"{type(test).__name__} is no leaf")


_COMPARE = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def _looked(test: TextTest) -> pl.Expr:
    text, part = term(test.text).str, term(test.part)
    match test.operator:
        case "contains":
            return text.contains(part, literal=True)
        case "startsWith":
            return text.starts_with(part)
        case "endsWith":
            return text.ends_with(part)
