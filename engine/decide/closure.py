"""The Python back-end of a condition: a tree becomes a function of a context (name -> value, None where missing).

Built by composition, leaf by leaf; the commonest leaf, a name against a constant, has a form of its own because it is
what runs for every rule and every event.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from engine.core.condition import (
    HUGE,
    INT64,
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
    normal_form,
)

Context = Mapping[str, Any]
Holds = Callable[[Context], bool]
Reads = Callable[[Context], Any]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WITH_CONSTANT: dict[str, Callable[[str, Any], Holds]] = {
    "==": lambda name, constant: lambda context: context[name] == constant,  # None equals no constant
    "!=": lambda name, constant: lambda context: (value := context[name]) is not None and value != constant,
    "<": lambda name, constant: lambda context: (value := context[name]) is not None and value < constant,
    "<=": lambda name, constant: lambda context: (value := context[name]) is not None and value <= constant,
    ">": lambda name, constant: lambda context: (value := context[name]) is not None and value > constant,
    ">=": lambda name, constant: lambda context: (value := context[name]) is not None and value >= constant,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}


def closure(test: Test) -> Holds:
    """Whether the test holds of a context. The context must have every name that the test reads."""
    return _normal(normal_form(test))


def _normal(test: Test) -> Holds:
    match test:
        case And():
            return _all(tuple(_normal(part) for part in test.parts))
        case Or():
            return _any(tuple(_normal(part) for part in test.parts))
        case Not():
            return _leaf(test.part, wanted=False)
        case _:
            return _leaf(test, wanted=True)


def _all(parts: tuple[Holds, ...]) -> Holds:
    match parts:  # the usual lengths are written out: it halves the time
        case (one, two):
            return lambda context: one(context) and two(context)
        case (one, two, three):
            return lambda context: one(context) and two(context) and three(context)
        case (one, two, three, four):
            return lambda context: one(context) and two(context) and three(context) and four(context)
        case _:
            return lambda context: all(part(context) for part in parts)


def _any(parts: tuple[Holds, ...]) -> Holds:
    match parts:
        case (one, two):
            return lambda context: one(context) or two(context)
        case _:
            return lambda context: any(part(context) for part in parts)


def _leaf(test: Test, *, wanted: bool) -> Holds:
    match test:
        case Compare(left=Name(name=name), right=Constant(value=value)):
            return _WITH_CONSTANT[test.operator](name, value)
        case Compare():
            return _both(_COMPARE[test.operator], _term(test.left), _term(test.right))
        case Member(term=Name(name=name)) if wanted:
            options = frozenset(option.value for option in test.options)
            return lambda context: context[name] in options  # None is in no list
        case Member():
            return _member(_term(test.term), frozenset(option.value for option in test.options), wanted)
        case TextTest():
            compare = _TEXT[test.operator]
            return _both(lambda text, part: compare(text, part) is wanted, _term(test.text), _term(test.part))
        case Known():
            return _known(test.name.name, wanted)
        case Name():
            return _WITH_CONSTANT["=="](test.name, wanted)
        case Constant():
            truth = bool(test.value)
            return lambda _: truth
        case _:
            raise TypeError(f"{type(test).__name__} is no leaf")


def _both(compare: Callable[[Any, Any], bool], left: Reads, right: Reads) -> Holds:
    def leaf(context: Context) -> bool:
        one, other = left(context), right(context)
        return one is not None and other is not None and compare(one, other)

    return leaf


def _member(read: Reads, options: frozenset[Any], wanted: bool) -> Holds:
    if wanted:
        return lambda context: read(context) in options
    return lambda context: (value := read(context)) is not None and value not in options


def _known(name: str, wanted: bool) -> Holds:
    return lambda context: (context[name] is not None) is wanted


def _term(term: Term) -> Reads:
    match term:
        case Name():
            return operator.itemgetter(term.name)
        case Constant():
            value = term.value
            return lambda _: value
        case Size():
            return _function(len, _term(term.term))
        case Convert():
            return _function(int if term.to is Type.INT else float, _term(term.term))
        case Negative():
            return _function(operator.neg, _term(term.term))
        case Arithmetic():
            return _arithmetic(_ARITHMETIC[term.operator], _term(term.left), _term(term.right))


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
