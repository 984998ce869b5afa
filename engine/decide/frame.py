"""The polars back-end of a condition: a tree becomes an expression that says of each row what the closure says of it.

For many customers at once, while their values are in memory. Null is what is missing.
"""

from __future__ import annotations

from functools import reduce

import polars as pl

from engine.core.condition import And, Compare, Constant, Known, Member, Name, Not, Or, Test, TextTest, normal_form
from engine.decide.frame_terms import term


def expression(test: Test) -> pl.Expr:
    """Whether the test holds of a row, for `DataFrame.filter`: null is not true."""
    return _test(normal_form(test))


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
