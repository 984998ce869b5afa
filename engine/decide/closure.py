"""The Python back-end of a condition: a tree becomes a function of a context (name -> value, None where missing).

It runs for every rule and every event, and there a call costs more than what it compares: so a condition is written as
one expression, in words of ours only. Its names and constants lie beside it, and a leaf that is none of the common ones
is a function that the expression calls.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import CodeType
from typing import Any

from engine.core.condition import And, Compare, Constant, Known, Member, Name, Not, Or, Test, TextTest, normal_form
from engine.decide.closure_terms import Context, Reads, reads

Holds = Callable[[Context], bool]
_Beside = dict[str, Any]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WITH_CONSTANT = {
    "==": "context[{0}] == {1}",  # None equals no constant
    "!=": "((value := context[{0}]) is not None and value != {1})",
    "<": "((value := context[{0}]) is not None and value < {1})",
    "<=": "((value := context[{0}]) is not None and value <= {1})",
    ">": "((value := context[{0}]) is not None and value > {1})",
    ">=": "((value := context[{0}]) is not None and value >= {1})",
}
_AMONG = {True: "context[{0}] in {1}", False: "((value := context[{0}]) is not None and value not in {1})"}
_KNOWN = {True: "context[{0}] is not None", False: "context[{0}] is None"}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}


def closure(test: Test) -> Holds:
    """Whether the test holds of a context. The context must have every name that the test reads.

    Parts may stand within parts about a hundred deep; CEL reads no more than 32.
    """
    beside: _Beside = {"__builtins__": {}}
    code = _compiled(_written(normal_form(test), beside))
    holds: Holds = eval(code, beside)  # noqa: S307 - words of this file alone; what a rule says lies beside
    return holds


def signs(tests: Iterable[Test]) -> Callable[[Context], str]:
    """A sign for each of these tests, 1 where it holds of a context and 0 where not: all of them by one call."""
    beside: _Beside = {"__builtins__": {}}
    words = "".join(f"'1' if {_written(normal_form(test), beside)} else '0', " for test in tests)
    held: Callable[[Context], str] = eval(_compiled(f"''.join(({words}))"), beside)  # noqa: S307 - as above
    return held


def signs_of_all(conditions: Iterable[Iterable[Test]]) -> Callable[[Context], tuple[str, ...]]:
    """The signs of the tests of many conditions by one call; a test that several share is asked once."""
    beside: _Beside = {"__builtins__": {}}
    known: dict[str, str] = {}

    def sign(test: Test) -> str:
        words = _written(normal_form(test), beside)
        if words in known:
            return known[words]
        known[words] = f"sign{len(known)}"
        return f"({known[words]} := '1' if {words} else '0')"

    joined = (" + ".join(map(sign, tests)) or "''" for tests in conditions)
    code = _compiled("".join(["(", *(f"{each}, " for each in joined), ")"]))
    held: Callable[[Context], tuple[str, ...]] = eval(code, beside)  # noqa: S307 - as above
    return held


@lru_cache(maxsize=4096)
def _compiled(words: str) -> CodeType:
    """Most clauses have one of a few forms, which Python need not read each time."""
    return compile(f"lambda context: {words}", "a condition", "eval")


def _put(beside: _Beside, value: Any) -> str:
    """The name of a value that lies beside; the same for the same one."""
    names = beside.setdefault("names", {})
    name: str = names.setdefault((type(value), value), f"beside{len(beside)}")
    beside[name] = value
    return name


def _written(test: Test, beside: _Beside) -> str:
    match test:
        case And() | Or():
            sign = " and " if isinstance(test, And) else " or "
            return f"({sign.join(_written(part, beside) for part in test.parts)})"
        case Not():
            return _leaf(test.part, beside, wanted=False)
        case _:
            return _leaf(test, beside, wanted=True)


def _leaf(test: Test, beside: _Beside, *, wanted: bool) -> str:
    match test:
        case Compare(left=Name(name=name), right=Constant(value=value)):
            return _WITH_CONSTANT[test.operator].format(_put(beside, name), _put(beside, value))
        case Member(term=Name(name=name)):
            return _AMONG[wanted].format(_put(beside, name), _put(beside, _options(test)))
        case Known():
            return _KNOWN[wanted].format(_put(beside, test.name.name))
        case Name():
            return _WITH_CONSTANT["=="].format(_put(beside, test.name), wanted)
        case Constant():
            return str(bool(test.value))
        case _:
            return f"{_put(beside, _called(test, wanted=wanted))}(context)"


def _called(test: Test, *, wanted: bool) -> Holds:
    match test:
        case Compare():
            return _both(_COMPARE[test.operator], reads(test.left), reads(test.right))
        case Member():
            return _member(reads(test.term), _options(test), wanted)
        case TextTest():
            compare = _TEXT[test.operator]
            return _both(lambda text, part: compare(text, part) is wanted, reads(test.text), reads(test.part))
        case _:
            raise TypeError(f"{type(test).__name__} is no leaf")


def _options(test: Member) -> frozenset[Any]:
    return frozenset(option.value for option in test.options)


def _both(compare: Callable[[Any, Any], bool], left: Reads, right: Reads) -> Holds:
    def leaf(context: Context) -> bool:
        one, other = left(context), right(context)
        return one is not None and other is not None and compare(one, other)

    return leaf


def _member(read: Reads, options: frozenset[Any], wanted: bool) -> Holds:
    if wanted:
        return lambda context: read(context) in options
    return lambda context: (value := read(context)) is not None and value not in options
