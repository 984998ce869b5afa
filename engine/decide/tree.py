"""From a checked expression to the plain tree of core/condition; what passed the checker but has no place in the rule
language (lists outside `in`, conditions compared with each other) is refused here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, get_args

from engine.core.condition import (
    And,
    Arithmetic,
    Compare,
    Comparison,
    Constant,
    Convert,
    Known,
    Member,
    Name,
    Negative,
    Not,
    Operator,
    Or,
    Size,
    Term,
    Test,
    TextOperator,
    TextTest,
    Type,
    type_of,
)
from engine.core.lookback import ABOUT_EVENTS, ANSWERS, Lookback
from engine.decide.lookback import problems
from engine.decide.problems import ConditionError, Problem
from engine.decide.vocabulary import Scope

_COMPARISONS: dict[str, Comparison] = {f"_{sign}_": sign for sign in get_args(Comparison)}
_ARITHMETIC: dict[str, Operator] = {f"_{sign}_": sign for sign in get_args(Operator)}
_TEXT: dict[str, TextOperator] = {name: name for name in get_args(TextOperator)}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_SPAN = re.compile(r"(-?)(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


def decode(checked: Any, source: str, scope: Scope) -> Test:
    """The tree of a checked expression. Raises ConditionError with every problem."""
    positions = {one.key: one.value for one in checked.source_info.positions}
    decoder = _Decoder(source=source, scope=scope, positions=positions)
    tree = decoder.test(checked.expr)
    if decoder.problems:
        raise ConditionError(decoder.problems)
    return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoder:
    source: str
    scope: Scope
    positions: dict[int, int]
    problems: list[Problem] = field(default_factory=list)

    def test(self, node: Any) -> Test:
        call = node.call_expr
        match node.WhichOneof("kind"), call.function:
            case "const_expr", _:
                return self.constant(node)
            case "ident_expr", _:
                return self.name(node)
            case _, "_&&_" | "_||_":
                kind = And if call.function == "_&&_" else Or
                return kind(parts=tuple(self.parts(node, kind)), offset=self.offset(node))
            case _, "!_":
                return Not(part=self.test(call.args[0]), offset=self.offset(node))
            case _, "known":
                return self.known(node)
            case _, name if name in ANSWERS:
                return self.lookback(node)
            case _, "@in":
                return self.member(node)
            case _, name if name in _TEXT:
                text, part = self.term(call.target), self.term(call.args[0])
                return TextTest(operator=_TEXT[name], text=text, part=part, offset=self.offset(node))
            case _:
                left, right = (self.term(one) for one in call.args)
                operator = _COMPARISONS[call.function]
                return Compare(operator=operator, left=left, right=right, offset=self.offset(node))

    def term(self, node: Any) -> Term:
        call = node.call_expr
        match node.WhichOneof("kind"), call.function:
            case "const_expr", _:
                return self.constant(node)
            case "ident_expr", _:
                return self.name(node)
            case "list_expr" | "struct_expr", _:
                return self.refuse(node, "a list stands only behind 'in'", "score.tier in ['gold', 'silver']")
            case _, "-_":
                return Negative(term=self.term(call.args[0]), offset=self.offset(node))
            case _, "size":
                text = call.target if call.HasField("target") else call.args[0]
                return Size(term=self.term(text), offset=self.offset(node))
            case _, "int" | "double":
                inner, offset = self.term(call.args[0]), self.offset(node)
                return Convert(to=Type.INT if call.function == "int" else Type.DOUBLE, term=inner, offset=offset)
            case _, name if name in ANSWERS:
                return self.lookback(node)
            case _, name if name in _LITERALS:
                return self.literal(node, *_LITERALS[name])
            case _, name if name in _ARITHMETIC:
                left, right = (self.term(one) for one in call.args)
                return Arithmetic(operator=_ARITHMETIC[name], left=left, right=right, offset=self.offset(node))
            case _:
                return self.refuse(node, "conditions cannot be compared with each other", "join them with && and ||")

    def parts(self, node: Any, kind: type[And | Or]) -> list[Test]:
        found: list[Test] = []
        for one in node.call_expr.args:
            part = self.test(one)
            found.extend(part.parts if isinstance(part, And | Or) and isinstance(part, kind) else (part,))
        return found

    def known(self, node: Any) -> Test:
        (inner,) = node.call_expr.args
        if inner.WhichOneof("kind") != "ident_expr":
            return self.refuse(node, "known() asks for the value of one name", "known(score.tier)")
        return Known(name=self.name(inner), offset=self.offset(node))

    def member(self, node: Any) -> Test:
        item, options = node.call_expr.args
        if any(one.WhichOneof("kind") != "const_expr" for one in options.list_expr.elements):
            return self.refuse(options, "a list holds texts or numbers as they are", "['gold', 'silver']")
        term = self.term(item)
        constants = tuple(self.constant(one) for one in options.list_expr.elements)
        if any(type_of(one) is not type_of(term) for one in constants) and not self.problems:
            return self.refuse(options, f"the list holds something else than {type_of(term)}s", "1.0 is a double")
        return Member(term=term, options=constants, offset=self.offset(node))

    def lookback(self, node: Any) -> Name | Constant:
        """A question about the history: a name that is written as it is called."""
        function, offset = node.call_expr.function, max(self.offset(node) - len(node.call_expr.function), 0)
        said = [(self.text(one), self.offset_of_name(one)) for one in node.call_expr.args]
        found = list(problems(function, said, offset, self.scope))
        if found:
            self.problems.extend(found)
            return Constant(value=False, offset=0)
        texts = [text or "" for text, _ in said]
        kind = texts.pop(0) if function in ABOUT_EVENTS else ""
        name = Lookback(function=function, kind=kind, period="".join(texts)).name
        return Name(name=name, type=ANSWERS[function], offset=offset)

    def text(self, node: Any) -> str | None:
        """A text that is written out, or None."""
        return node.const_expr.string_value if node.WhichOneof("kind") == "const_expr" else None

    def name(self, node: Any) -> Name:
        short = node.ident_expr.name
        name = self.scope.aliases.get(short, short)
        return Name(name=name, type=self.scope.fields[name].type, offset=self.offset_of_name(node))

    def offset_of_name(self, node: Any) -> int:
        """Where a dotted name begins; its place is the last dot. Of anything else its place."""
        return max(self.offset(node) - len(node.ident_expr.name.rpartition(".")[0]), 0)

    def constant(self, node: Any) -> Constant:
        kind = node.const_expr.WhichOneof("kind")
        if kind in ("null_value", "uint64_value", "bytes_value"):
            what = kind.removesuffix("_value").removesuffix("64")
            return self.refuse(node, f"there is no {what} in a condition", "known(score.tier) asks for a value")
        return Constant(value=getattr(node.const_expr, kind), offset=self.offset(node))

    def literal(self, node: Any, read: Callable[[str], datetime | timedelta | None], example: str) -> Constant:
        function, (inner,) = node.call_expr.function, node.call_expr.args
        value = read(inner.const_expr.string_value)
        if inner.WhichOneof("kind") == "const_expr" and value is not None:
            return Constant(value=value, offset=self.offset(node))
        return self.refuse(inner, f"{function}() cannot read this", f"write {function}('{example}')", code="R036")

    def offset(self, node: Any) -> int:
        return self.positions.get(node.id, 0)

    def refuse(self, node: Any, text: str, hint: str, code: str = "R034") -> Constant:
        self.problems.append(Problem(offset=self.offset(node), code=code, text=text, hint=hint))
        return Constant(value=False, offset=0)


def _timestamp(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None
    except ValueError:  # 30 February
        return None


def _duration(text: str) -> timedelta | None:
    match = _SPAN.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -span if match[1] else span


_LITERALS: dict[str, tuple[Callable[[str], datetime | timedelta | None], str]] = {
    "timestamp": (_timestamp, "2026-01-31T00:00:00Z"),
    "duration": (_duration, "72h"),
}
