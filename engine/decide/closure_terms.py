"""What the leaves of a closure compare: a term becomes a function of a context, None where its result is missing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from engine.core.condition import HUGE, INT64, Arithmetic, Constant, Convert, Name, Negative, Size, Term, Type

Context = Mapping[str, Any]
Reads = Callable[[Context], Any]


def reads(term: Term) -> Reads:
    """The value of a term; the context must have every name that it reads."""
    match term:
        case Name():
            return operator.itemgetter(term.name)
        case Constant():
            value = term.value
            return lambda _: value
        case Size():
            return _function(len, reads(term.term))
        case Convert():
            return _function(int if term.to is Type.INT else float, reads(term.term))
        case Negative():
            return _function(operator.neg, reads(term.term))
        case Arithmetic():
            return _arithmetic(_ARITHMETIC[term.operator], reads(term.left), reads(term.right))


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, float):
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": lambda left, right: left - right * _divide(left, right),
}


def _existing(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < HUGE else None  # which is false of infinity, and of what is no number
    return None if isinstance(value, int) and value not in INT64 else value


def _function(function: Callable[[Any], Any], read: Reads) -> Reads:
    def apply(context: Context) -> Any:
        value = read(context)
        return None if value is None else _existing(function(value))

    return apply


def _arithmetic(function: Callable[[Any, Any], Any], left: Reads, right: Reads) -> Reads:
    def apply(context: Context) -> Any:
        one, other = left(context), right(context)
        if one is None or other is None:
            return None
        try:
            return _existing(function(one, other))
        except (ZeroDivisionError, OverflowError):  # the latter: a timestamp outside the calendar
            return None

    return apply
