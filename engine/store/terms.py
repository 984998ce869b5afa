"""What the leaves of a condition compare, in SQL: names, constants, and what is reckoned from them.

Instants and spans are whole microseconds. What does not exist (a quotient by zero, a whole number beyond 64 bits, a
double beyond `HUGE`, an instant outside the calendar) is NULL, on PostgreSQL instead of an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Numeric,
    String,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
)

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
    instants,
    microseconds,
    type_of,
)

Columns = Mapping[str, ColumnElement[Any]]
"""From names to what SQL has for them, of the declared type; timestamps as microseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Terms over some columns. exact: PostgreSQL, which has numbers of any size, and errors."""

    columns: Columns
    exact: bool

    def term(self, term: Term) -> ColumnElement[Any]:
        """A term of its type."""
        match term:
            case Name():
                return self.columns[term.name]
            case Constant():
                return _constant(term.value)
            case Size():
                return func.length(self.term(term.term))
            case Convert(to=Type.DOUBLE):
                return cast(self.term(term.term), Double)
            case Convert():
                return self._cut(self.term(term.term))
            case Negative() if type_of(term) is Type.DOUBLE:
                return self._double("*", self.term(term.term), literal(-1.0, Double))
            case Negative():
                return self._whole("-", literal(0, BigInteger), self.term(term.term), INT64)
            case Arithmetic():
                reckon = self._double if type_of(term) is Type.DOUBLE else self._whole
                among = (instants(),) if type_of(term) is Type.TIMESTAMP else ()
                return reckon(term.operator, self.term(term.left), self.term(term.right), *among)

    def _cut(self, number: ColumnElement[Any]) -> ColumnElement[Any]:
        """A double without its decimals, where it is a whole number of 64 bits."""
        whole = cast(func.trunc(number), Numeric) if self.exact else cast(number, BigInteger)
        return case((and_(number >= float(INT64.start), number < float(INT64.stop)), whole), else_=null())

    def _whole(
        self, sign: str, left: ColumnElement[Any], right: ColumnElement[Any], among: range = INT64
    ) -> ColumnElement[Any]:
        """What becomes too large is a double for SQLite, and an error for PostgreSQL unless numbers have any size."""
        if self.exact:
            left, right = cast(left, Numeric), cast(right, Numeric)
        quotient = self.exact and sign in _QUOTIENTS
        found: ColumnElement[Any] = _QUOTIENTS[sign](left, func.nullif(right, 0)) if quotient else left.op(sign)(right)
        inside = found.between(among.start, among.stop - 1)
        return case((inside if self.exact else and_(func.typeof(found) == "integer", inside), found), else_=null())

    def _double(self, sign: str, left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
        """PostgreSQL has an error for what is too large or too small: its numbers are looked at before."""
        if sign == "/":
            right = func.nullif(right, 0.0)
        found, size, other = left.op(sign)(right), func.abs(left), func.abs(right)
        if not self.exact:
            return case((func.abs(found) < HUGE, found), else_=null())
        fits: ColumnElement[Any]
        match sign:
            case "*":
                fits = case((size > 1, other < HUGE / size), else_=other < HUGE)
                tiny = and_(size < 1 / HUGE, other < 1 / HUGE)
            case "/":
                fits = case((other < 1, size < other * HUGE), else_=size < HUGE)
                tiny = and_(size < 1 / HUGE, other > HUGE)
            case _:
                fits, tiny = and_(size < HUGE, other < HUGE, func.abs(found) < HUGE), and_(false())
        return case((tiny, 0.0), (fits, found), else_=null())


_QUOTIENTS = {"/": func.div, "%": func.mod}  # of PostgreSQL's numbers of any size, towards zero


def _constant(value: Any) -> ColumnElement[Any]:
    match value:
        case bool():
            return literal(value, Boolean)
        case int():
            return literal(value, BigInteger)
        case float():
            return literal(value, Double)
        case datetime() | timedelta():
            return literal(microseconds(value), BigInteger)
        case _:
            return literal(value, String)
