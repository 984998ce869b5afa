"""The Python back-end of a condition: a tree becomes a function of a context (name -> value, None where missing).

It runs for every rule and every event, and there a call costs more than what it compares: so a condition is written as
one expression, in words of ours only. Its names and constants lie beside it, and a leaf that is none of the common ones
is a function that the expression calls.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

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
    names_in,
    normal_form,
)
from engine.decide.closure_terms import Context, Reads, reads

Holds = Callable[[Context], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# {plain} reads a value once; {first} reads it and {again} is the same value; None equals no constant.
_WITH_CONSTANT = {
    "==": "{plain} == {constant}",
    "!=": "({first} is not None and {again} != {constant})",
    "<": "({first} is not None and {again} < {constant})",
    "<=": "({first} is not None and {again} <= {constant})",
    ">": "({first} is not None and {again} > {constant})",
    ">=": "({first} is not None and {again} >= {constant})",
}
_AMONG = {True: "{plain} in {constant}", False: "({first} is not None and {again} not in {constant})"}
_KNOWN = {True: "{plain} is not None", False: "{plain} is None"}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}


def closure(test: Test) -> Holds:
    """Whether the test holds of a context. The context must have every name that the test reads.

    Parts may stand within parts about a hundred deep; CEL reads no more than 32.
    """
    words = _Words()
    holds: Holds = words.function(f"lambda context: {words.test(normal_form(test))}")
    return holds


def signs(tests: Iterable[Test]) -> Callable[[Context], str]:
    """A sign for each of these tests, 1 where it holds of a context and 0 where not: all of them by one call."""
    words = _Words()
    asked = "".join(f"'1' if {words.test(normal_form(test))} else '0', " for test in tests)
    held: Callable[[Context], str] = words.function(f"lambda context: ''.join(({asked}))")
    return held


class Together(NamedTuple):
    """Many conditions that are asked at once of many.

    held: of each row, which has the value of each name, what each of the different tests of all conditions says;
    signs: what that means for each condition, as `signs` has it.
    """

    held: Callable[[Iterable[Sequence[Any]]], list[tuple[bool, ...]]]
    signs: Callable[[tuple[bool, ...]], tuple[str, ...]]


def together(conditions: Iterable[Iterable[Test]], names: Sequence[str]) -> Together:
    """The tests of many conditions by one call for all rows; a test that several share is asked once.

    names: of what is in a row, in that order.
    """
    columns = {name: f"column{number}" for number, name in enumerate(names)}
    words, asked = _Words(columns), dict[str, int]()
    places = [
        [asked.setdefault(words.test(normal_form(test)), len(asked)) for test in condition] for condition in conditions
    ]
    tests, row = ("".join(f"{each}, " for each in some) for some in (asked, columns.values()))
    held = words.function(f"lambda rows: [({tests}) for ({row}) in rows]")
    return Together(held, lambda said: tuple("".join("01"[said[one]] for one in some) for some in places))


@lru_cache(maxsize=4096)
def _compiled(words: str) -> CodeType:
    """Most clauses have one of a few forms, which Python need not read each time."""
    return compile(words, "a condition", "eval")


class _Words:
    """A function while it is written: words of this file alone; what a rule says lies beside.

    columns: the variables that hold the values by their names; without them they are in a context.
    """

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        self._beside: dict[str, Any] = {"__builtins__": {}}
        self._names: dict[tuple[type, Any], str] = {}
        self._columns = columns

    def function(self, words: str) -> Any:
        """What these words do."""
        return eval(_compiled(words), self._beside)  # noqa: S307 - see the class

    def test(self, test: Test) -> str:
        """A test in normal form."""
        match test:
            case And() | Or():
                sign = " and " if isinstance(test, And) else " or "
                return f"({sign.join(map(self.test, test.parts))})"
            case Not():
                return self._leaf(test.part, wanted=False)
            case _:
                return self._leaf(test, wanted=True)

    def _leaf(self, test: Test, *, wanted: bool) -> str:
        match test:
            case Compare(left=Name(name=name), right=Constant(value=value)):
                return self._of(_WITH_CONSTANT[test.operator], name, self._put(value))
            case Member(term=Name(name=name)):
                return self._of(_AMONG[wanted], name, self._put(_options(test)))
            case Known():
                return self._of(_KNOWN[wanted], test.name.name)
            case Name():
                return self._of(_WITH_CONSTANT["=="], test.name, str(wanted))
            case Constant():
                return str(bool(test.value))
            case _:
                return f"{self._put(_called(test, wanted=wanted))}({self._context(test)})"

    def _of(self, form: str, name: str, constant: str = "") -> str:
        if self._columns is not None:
            column = self._columns[name]
            return form.format(plain=column, first=column, again=column, constant=constant)
        plain = f"context[{self._put(name)}]"
        return form.format(plain=plain, first=f"(value := {plain})", again="value", constant=constant)

    def _context(self, test: Test) -> str:
        """The context of a leaf that is no more than a comparison."""
        if self._columns is None:
            return "context"
        return f"{{{', '.join(f'{self._put(name)}: {self._columns[name]}' for name in names_in(test))}}}"

    def _put(self, value: Any) -> str:
        """The name of a value that lies beside; the same for the same one."""
        name = self._names.setdefault((type(value), value), f"beside{len(self._names)}")
        self._beside[name] = value
        return name


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
