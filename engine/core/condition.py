"""The tree of a checked condition: what every back-end reads (design §4).

A condition is a test over named values, each of which may be missing. A leaf (a comparison, a list, a text test, a
yes-or-no name) holds when no operand is missing and it is true of them. Negation is pushed to the leaves before that is
applied, which is what WHERE does with NULL in SQL: neither `x < 1` nor `!(x < 1)` holds of a missing x.
Nodes carry the offset of their sign in the source, counted in characters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal


class Type(StrEnum):
    """What a name or a term is."""

    DOUBLE = "double"
    INT = "int"
    STRING = "string"
    BOOL = "bool"
    TIMESTAMP = "timestamp"  # an aware instant
    DURATION = "duration"  # exact, in seconds; only constants and differences of timestamps


Value = bool | int | float | str | datetime | timedelta
Comparison = Literal["==", "!=", "<", "<=", ">", ">="]
Operator = Literal["+", "-", "*", "/", "%"]
TextOperator = Literal["startsWith", "endsWith", "contains"]
INT64 = range(-(2**63), 2**63)
"""Whole numbers; an arithmetic result outside is missing, as is a division by zero."""
HUGE = 1e150
"""A double that is as large or larger, as the result of a calculation, is missing too: no database reckons further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A declared name with its full prefix, such as ``score.p_alive``; as a test it must be a bool."""

    name: str
    type: Type
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A literal; as a test it must be a bool."""

    value: Value
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """Two numbers of one type (whole ones divide towards zero), or timestamps and durations with + and -."""

    operator: Operator
    left: Term
    right: Term
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """Minus a number."""

    term: Term
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many characters (code points) a text has."""

    term: Term
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """A whole number as a double, or a double cut to a whole number."""

    to: Literal[Type.INT, Type.DOUBLE]
    term: Term
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """Two terms of one type; texts compare by code point."""

    operator: Comparison
    left: Term
    right: Term
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A term equals one of the constants, which have its type."""

    term: Term
    options: tuple[Constant, ...]
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTest:
    """A text begins with, ends with or contains another; upper and lower case differ."""

    operator: TextOperator
    text: Term
    part: Term
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The name has a value. The only test that sees whether something is missing."""

    name: Name
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """All parts hold; no part is an And itself."""

    parts: tuple[Test, ...]
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """At least one part holds; no part is an Or itself."""

    parts: tuple[Test, ...]
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The part does not hold. In the normal form it stands only before a leaf that has no opposite sign."""

    part: Test
    offset: int


Term = Name | Constant | Arithmetic | Negative | Size | Convert
Test = And | Or | Not | Compare | Member | TextTest | Known | Name | Constant

_OPPOSITE: dict[Comparison, Comparison] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def normal_form(test: Test, *, negate: bool = False) -> Test:
    """The same test with negation pushed to the leaves; `negate` gives its opposite."""
    match test:
        case Not():
            return normal_form(test.part, negate=not negate)
        case And() | Or():
            parts = tuple(normal_form(part, negate=negate) for part in test.parts)
            kind = And if isinstance(test, And) != negate else Or
            return kind(parts=parts, offset=test.offset)
        case _ if not negate:
            return test
        case Compare():
            return replace(test, operator=_OPPOSITE[test.operator])
        case Constant():
            return replace(test, value=not test.value)
        case _:
            return Not(part=test, offset=test.offset)


def implied(test: Test, known: Collection[str]) -> Test | None:
    """The strongest test that reads only known names and holds wherever this one does; None when there is none.

    So a database that knows some of the names can leave out most rows, and the whole test be asked about the others.
    """
    return _implied(normal_form(test), known)


def _implied(test: Test, known: Collection[str]) -> Test | None:
    if not isinstance(test, And | Or):
        return test if all(name in known for name in names_in(test)) else None
    parts = tuple(_implied(part, known) for part in test.parts)
    left = tuple(part for part in parts if part is not None)
    if isinstance(test, Or) and len(left) < len(parts):
        return None
    return replace(test, parts=left) if len(left) > 1 else next(iter(left), None)


def type_of(term: Term) -> Type:
    """The type of a checked term."""
    match term:
        case Name():
            return term.type
        case Constant():
            return next(kind for python, kind in _TYPES if isinstance(term.value, python))
        case Size():
            return Type.INT
        case Convert():
            return term.to
        case Negative():
            return type_of(term.term)
        case Arithmetic():
            pair = type_of(term.left), type_of(term.right)
            if pair == (Type.TIMESTAMP, Type.TIMESTAMP):
                return Type.DURATION
            return Type.TIMESTAMP if Type.TIMESTAMP in pair else pair[0]


_TYPES: tuple[tuple[type, Type], ...] = (  # bool first: in Python it is an int
    (bool, Type.BOOL),
    (int, Type.INT),
    (float, Type.DOUBLE),
    (str, Type.STRING),
    (datetime, Type.TIMESTAMP),
    (timedelta, Type.DURATION),
)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def microseconds(value: datetime | timedelta) -> int:
    """An instant as microseconds since 1970, or a span as microseconds: how databases and frames reckon with them."""
    return (value - _EPOCH if isinstance(value, datetime) else value) // _TICK


def instants() -> range:
    """The microseconds that are instants: the years 1 to 9999."""
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return range(microseconds(first), microseconds(last) + 1)


def names_in(node: Test | Term) -> tuple[str, ...]:
    """The names that a node reads, each once, in the order of the source."""
    return tuple(dict.fromkeys(_names(node)))


def _names(node: Test | Term) -> Iterator[str]:
    match node:
        case Name():
            yield node.name
        case And() | Or():
            for part in node.parts:
                yield from _names(part)
        case Not():
            yield from _names(node.part)
        case Compare() | Arithmetic():
            yield from _names(node.left)
            yield from _names(node.right)
        case TextTest():
            yield from _names(node.text)
            yield from _names(node.part)
        case Known():
            yield node.name.name
        case Member() | Negative() | Size() | Convert():
            yield from _names(node.term)
