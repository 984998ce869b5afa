"""What the leaves of a condition compare, in polars; instants and spans are whole microseconds, as in SQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from engine.core.condition import (
    HUGE,
    INT64,
    Arithmetic,
    Constant,
    Convert,
    Name,
    Negative,
    Size,
    Term,
    Type,
    Value,
    instants,
    microseconds,
    type_of,
)

KINDS: dict[Type, pl.DataType] = {
    Type.DOUBLE: pl.Float64(),
    Type.INT: pl.Int64(),
    Type.STRING: pl.String(),
    Type.BOOL: pl.Boolean(),
    Type.TIMESTAMP: pl.Int64(),
    Type.DURATION: pl.Int64(),
}
"""How a column of each type is kept in a frame whose columns are named as the names are."""


def column(values: list[Value | None], kind: Type) -> pl.Series:
    """A column of values of a type."""
    plain = [microseconds(value) if isinstance(value, datetime | timedelta) else value for value in values]
    return pl.Series(plain, dtype=KINDS[kind])


def term(node: Term) -> pl.Expr:
    """A term of its type."""
    match node:
        case Name():
            return pl.col(node.name)
        case Constant(value=value):
            kind = KINDS[type_of(node)]
            return pl.lit(microseconds(value) if isinstance(value, datetime | timedelta) else value, dtype=kind)
        case Size():
            return term(node.term).str.len_chars().cast(pl.Int64)
        case Convert():
            return term(node.term).cast(KINDS[node.to], strict=False)
        case Negative() if type_of(node) is Type.DOUBLE:
            return _double(-term(node.term))
        case Negative():
            return _whole(pl.lit(0, dtype=pl.Int128) - term(node.term).cast(pl.Int128), INT64)
        case Arithmetic():
            left, right = term(node.left), term(node.right)
            if type_of(node) is Type.DOUBLE:
                return _double(_DOUBLE[node.operator](left, right))
            found = _WHOLE[node.operator](left.cast(pl.Int128), right.cast(pl.Int128))
            return _whole(found, instants() if type_of(node) is Type.TIMESTAMP else INT64)


def _whole(found: pl.Expr, among: range) -> pl.Expr:
    inside = (found >= pl.lit(among.start, dtype=pl.Int128)) & (found <= pl.lit(among.stop - 1, dtype=pl.Int128))
    return pl.when(inside).then(found).cast(pl.Int64)


def _double(found: pl.Expr) -> pl.Expr:
    return pl.when(found.abs() < HUGE).then(found)


def _quotient(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return pl.when(right != 0).then((left.abs() // right.abs()) * left.sign() * right.sign())


_DOUBLE: dict[str, Any] = {
    "+": pl.Expr.__add__,
    "-": pl.Expr.__sub__,
    "*": pl.Expr.__mul__,
    "/": pl.Expr.__truediv__,
}
_WHOLE: dict[str, Any] = {
    **_DOUBLE,
    "/": _quotient,
    "%": lambda left, right: left - right * _quotient(left, right),
}
