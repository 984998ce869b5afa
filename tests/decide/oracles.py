"""Random conditions and contexts, and two evaluators that know nothing of ours: cel-cpp, and WHERE in SQLite."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from cel_expr_python import cel  # type: ignore[import-untyped]  # has stubs but no py.typed marker
from hypothesis import strategies as st

from engine.core.condition import (
    And,
    Arithmetic,
    Compare,
    Constant,
    Convert,
    Known,
    Member,
    Name,
    Negative,
    Not,
    Or,
    Size,
    Term,
    Test,
    TextTest,
    Type,
)
from engine.core.lookback import lookbacks
from engine.decide.names import Field
from engine.decide.vocabulary import Scope

NAMES = {
    "score.p_alive": Type.DOUBLE,
    "event.amount": Type.DOUBLE,
    "score.frequency": Type.INT,
    "now.month": Type.INT,
    "score.tier": Type.STRING,
    "customer.city": Type.STRING,
    "customer.has_email": Type.BOOL,
    "customer.has_open_complaint": Type.BOOL,
    "event.occurred_at": Type.TIMESTAMP,
    "now.instant": Type.TIMESTAMP,
    "has_event('quote.sent')": Type.BOOL,
    "has_event('review.received', 'P90D')": Type.BOOL,
    "count_events('quote.sent', 'P1Y')": Type.INT,
    "count_purchases()": Type.INT,
    "sum_purchases('P1M')": Type.DOUBLE,
}
ASKED = tuple(one.name for one in lookbacks(NAMES))
"""The questions about the history among them: there always is an answer."""
SCOPE = Scope(
    fields={
        name: Field(name=name, type=kind, meaning="", read=lambda *_: None)
        for name, kind in NAMES.items()
        if name not in ASKED
    },
    kinds=("quote.sent", "review.received"),
)
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_DOUBLES = (-1.5, 0.0, 0.25, 0.3, 1.0, 3.0, 800.0, 812.5)
_HOURS = (-96, -72, -71, -1, 0, 1, 24, 72)
VALUES: dict[Type, tuple[Any, ...]] = {
    Type.DOUBLE: _DOUBLES,
    Type.INT: tuple(range(-3, 13)),
    Type.STRING: ("", "a", "gold", "gol", "old", "Roma", "San Remo", "è"),
    Type.BOOL: (True, False),
    Type.TIMESTAMP: tuple(_EPOCH + timedelta(hours=hours) for hours in _HOURS),
}


def contexts(rows: int, *, missing: float) -> list[dict[str, Any]]:
    """Rows with a value for each of the names, always the same; `missing` is the share of values that are None."""
    rng = np.random.default_rng(20261121)

    def value(name: str, kind: Type) -> Any:
        gap = rng.random() < missing and name not in ASKED
        return None if gap else VALUES[kind][rng.integers(len(VALUES[kind]))]

    return [{name: value(name, kind) for name, kind in NAMES.items()} for _ in range(rows)]


def _names(kind: Type) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name, one in NAMES.items() if one is kind])


def _pair(left: st.SearchStrategy[str], signs: str, right: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(left, st.sampled_from(signs.split()), right).map(lambda parts: f"({' '.join(parts)})")


_LITERAL = {
    Type.DOUBLE: st.sampled_from([repr(one) for one in VALUES[Type.DOUBLE]]),
    Type.INT: st.sampled_from([repr(one) for one in VALUES[Type.INT]]),
    Type.STRING: st.sampled_from([f"'{one}'" for one in VALUES[Type.STRING]]),
    Type.TIMESTAMP: st.sampled_from([f"timestamp('{one:%Y-%m-%dT%H:%M:%SZ}')" for one in VALUES[Type.TIMESTAMP]]),
}
_SPAN = st.sampled_from(("duration('0s')", "duration('72h')", "duration('-1h30m')"))


def _terms(depth: int) -> dict[Type, st.SearchStrategy[str]]:
    terms = {kind: _names(kind) | literal for kind, literal in _LITERAL.items()}
    if depth == 0:
        return terms
    inner = _terms(depth - 1)
    double, whole, text, instant = (inner[kind] for kind in _LITERAL)
    # Doubles are not divided by what may be 0: cel-cpp has an infinite number there, the rule language has none.
    terms[Type.DOUBLE] |= (
        _pair(double, "+ - *", double)
        | _pair(double, "/", st.sampled_from(("0.5", "-2.0")))
        | double.map(lambda one: f"-({one})")
        | whole.map(lambda one: f"double({one})")
    )
    terms[Type.INT] |= (
        _pair(whole, "+ - * / %", whole)
        | whole.map(lambda one: f"-({one})")
        | double.map(lambda one: f"int({one})")
        | text.map(lambda one: f"size({one})")
        | text.map(lambda one: f"{one}.size()")
    )
    terms[Type.TIMESTAMP] |= _pair(instant, "+ -", _SPAN)
    return terms


def _leaves() -> st.SearchStrategy[str]:
    terms = _terms(2)
    order = "== != < <= > >="
    compared = [_pair(term, order, term) for term in terms.values()]
    spans = _pair(_pair(terms[Type.TIMESTAMP], "-", terms[Type.TIMESTAMP]), order, _SPAN)
    listed = [
        st.tuples(terms[kind], st.lists(_LITERAL[kind], min_size=1, max_size=3)).map(
            lambda parts: f"{parts[0]} in [{', '.join(parts[1])}]"
        )
        for kind in (Type.DOUBLE, Type.INT, Type.STRING)
    ]
    text = st.tuples(terms[Type.STRING], st.sampled_from(("startsWith", "endsWith", "contains")), terms[Type.STRING])
    looked = text.map(lambda parts: f"{parts[0]}.{parts[1]}({parts[2]})")
    boolean = _names(Type.BOOL)
    plain = boolean | _pair(boolean, "== !=", boolean | st.sampled_from(("true", "false"))) | st.just("true")
    known = st.sampled_from(list(SCOPE.fields)).map(lambda name: f"known({name})")
    return st.one_of(*compared, spans, *listed, looked, plain, known)


def conditions() -> st.SearchStrategy[str]:
    """The text of a condition over `NAMES`."""
    return st.recursive(
        _leaves(),
        lambda inner: _pair(inner, "&& ||", inner) | inner.map(lambda one: f"!({one})"),
        max_leaves=6,
    )


_PLAIN = {name: f"past{ASKED.index(name)}" if name in ASKED else name for name in NAMES}
_CEL = cel.NewEnv(variables={_PLAIN[name]: cel.Type(kind) for name, kind in NAMES.items()})


def by_cel(source: str, rows: Iterable[dict[str, Any]]) -> list[bool]:
    """What cel-cpp says of rows without missing values, with all of CEL; an error (divided by 0) is not true."""
    source = re.sub(r"known\([^)]*\)", "true", source)
    for name in ASKED:
        source = source.replace(name, _PLAIN[name])
    expression = _CEL.compile(source)
    named = ({_PLAIN[name]: value for name, value in row.items()} for row in rows)
    return [expression.eval(data=row).value() is True for row in named]


def by_sqlite(tree: Test, rows: Iterable[dict[str, Any]]) -> list[bool]:
    """Whether rows, with NULL for what is missing, pass WHERE."""
    with closing(sqlite3.connect(":memory:")) as connection:
        found = []
        for row in rows:
            values: list[Any] = []
            text = _sql(tree, row, values)
            found.append(bool(connection.execute(f"SELECT 1 WHERE {text}", values).fetchall()))
        return found


def _bound(value: Any, values: list[Any]) -> str:
    if isinstance(value, datetime):
        value -= _EPOCH
    values.append(value // timedelta(microseconds=1) if isinstance(value, timedelta) else value)
    return f"?{len(values)}"


def _sql(node: Test | Term, context: dict[str, Any], values: list[Any]) -> str:
    def sql(one: Test | Term) -> str:
        return _sql(one, context, values)

    match node:
        case Name():
            return _bound(context[node.name], values)
        case Constant():
            return _bound(node.value, values)
        case And() | Or():
            return f"({(' AND ' if isinstance(node, And) else ' OR ').join(sql(part) for part in node.parts)})"
        case Member():
            return f"({sql(node.term)} IN ({', '.join(sql(option) for option in node.options)}))"
        case TextTest():
            return _TEXT[node.operator].format(text=sql(node.text), part=sql(node.part))
        case Compare() | Arithmetic():
            return f"({sql(node.left)} {node.operator} {sql(node.right)})"
        case Convert():
            return f"CAST({sql(node.term)} AS {'REAL' if node.to is Type.DOUBLE else 'INTEGER'})"
        case _:
            form, inner = _UNARY[type(node)]
            return form.format(sql(getattr(node, inner)))


_TEXT = {
    "contains": "(instr({text}, {part}) > 0)",
    "startsWith": "(substr({text}, 1, length({part})) = {part})",
    "endsWith": "(substr({text}, length({text}) - length({part}) + 1) = {part})",
}
_UNARY: dict[type, tuple[str, str]] = {
    Not: ("(NOT {})", "part"),
    Known: ("({} IS NOT NULL)", "name"),
    Negative: ("(- {})", "term"),
    Size: ("length({})", "term"),
}
