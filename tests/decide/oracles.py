"""Random conditions and contexts, and two evaluators that know nothing of ours: cel-cpp, and WHERE in SQLite."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
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
from engine.decide.condition import compile_condition
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


Pick = Callable[[Sequence[Any]], Any]
"""Chooses one of several: hypothesis does, which then finds the shortest that fails, or chance with a seed."""
Form = Callable[[Pick, int], str]
"""Writes a part of a condition; the number says how deep its own parts may still be."""
_LITERALS = {
    Type.DOUBLE: tuple(repr(one) for one in VALUES[Type.DOUBLE]),
    Type.INT: tuple(repr(one) for one in VALUES[Type.INT]),
    Type.STRING: tuple(f"'{one}'" for one in VALUES[Type.STRING]),
    Type.TIMESTAMP: tuple(f"timestamp('{one:%Y-%m-%dT%H:%M:%SZ}')" for one in VALUES[Type.TIMESTAMP]),
}


def _of(options: Iterable[str]) -> Form:
    known = tuple(options)
    return lambda pick, _: str(pick(known))


def _around(text: str, inner: Form) -> Form:
    return lambda pick, depth: text.format(inner(pick, depth))


def _pair(left: Form, signs: str, right: Form) -> Form:
    known = signs.split()
    return lambda pick, depth: f"({left(pick, depth)} {pick(known)} {right(pick, depth)})"


def _either(*forms: Form) -> Form:
    return lambda pick, depth: str(pick(forms)(pick, depth))


def _names(kind: Type) -> Form:
    return _of(name for name, one in NAMES.items() if one is kind)


def _term(kind: Type) -> Form:
    plain = (_names(kind), _names(kind), _of(_LITERALS[kind]))
    return lambda pick, depth: str(pick((*plain, *_DEEPER[kind]) if depth else plain)(pick, depth - 1))


_DOUBLE, _WHOLE, _TEXT_TERM, _INSTANT = (_term(kind) for kind in _LITERALS)
_SPAN = _of(("duration('0s')", "duration('72h')", "duration('-1h30m')"))
_DEEPER: dict[Type, tuple[Form, ...]] = {
    # Doubles are not divided by what may be 0: cel-cpp has an infinite number there, the rule language has none.
    Type.DOUBLE: (
        _pair(_DOUBLE, "+ - *", _DOUBLE),
        _pair(_DOUBLE, "/", _of(("0.5", "-2.0"))),
        _around("-({})", _DOUBLE),
        _around("double({})", _WHOLE),
    ),
    Type.INT: (
        _pair(_WHOLE, "+ - * / %", _WHOLE),
        _around("-({})", _WHOLE),
        _around("int({})", _DOUBLE),
        _around("size({})", _TEXT_TERM),
        _around("{}.size()", _TEXT_TERM),
    ),
    Type.STRING: (),
    Type.TIMESTAMP: (_pair(_INSTANT, "+ -", _SPAN),),
}


def _listed(kind: Type) -> Form:
    def form(pick: Pick, depth: int) -> str:
        options = [pick(_LITERALS[kind]) for _ in range(pick((1, 2, 3)))]
        return f"{_term(kind)(pick, depth)} in [{', '.join(options)}]"

    return form


def _looked(pick: Pick, depth: int) -> str:
    text, part = _TEXT_TERM(pick, depth), _TEXT_TERM(pick, depth)
    return f"{text}.{pick(('startsWith', 'endsWith', 'contains'))}({part})"


_ORDER = "== != < <= > >="
_BOOLEAN = _names(Type.BOOL)
_LEAF = _either(
    *(_pair(_term(kind), _ORDER, _term(kind)) for kind in _LITERALS),
    _pair(_pair(_INSTANT, "-", _INSTANT), _ORDER, _SPAN),
    *(_listed(kind) for kind in (Type.DOUBLE, Type.INT, Type.STRING)),
    _looked,
    _BOOLEAN,
    _pair(_BOOLEAN, "== !=", _either(_BOOLEAN, _of(("true", "false")))),
    _of(("true",)),
    _around("known({})", _of(SCOPE.fields)),
)


def _condition(pick: Pick, depth: int) -> str:
    shape = pick(("leaf", "not", "and", "or")) if depth else "leaf"
    if shape == "leaf":
        return _LEAF(pick, 2)
    if shape == "not":
        return f"!({_condition(pick, depth - 1)})"
    return f"({_condition(pick, depth - 1)} {'&&' if shape == 'and' else '||'} {_condition(pick, depth - 1)})"


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """The text of a condition over `NAMES`."""
    return _condition(lambda options: draw(st.sampled_from(options)), 3)


@cache
def a_thousand() -> tuple[str, ...]:
    """A thousand conditions that read something, no two the same, and the same ones every time."""
    rng = np.random.default_rng(20261122)
    found: dict[str, None] = {}
    while len(found) < 1000:
        source = _condition(lambda options: options[int(rng.integers(len(options)))], 3)
        if any(name in source for name in NAMES):
            found[source] = None
    return tuple(found)


@cache
def trees() -> tuple[Test, ...]:
    """What the thousand say."""
    return tuple(compile_condition(source, SCOPE).tree for source in a_thousand())


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
