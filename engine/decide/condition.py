"""Conditions: CEL text in, something that can be asked and that can explain itself out.

The language is a subset of CEL (docs/rules.md). The tree is kept, so that other back-ends can read the same condition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.core.condition import And, Test, Value, names_in
from engine.decide.checker import check
from engine.decide.closure import Holds, closure, signs
from engine.decide.closure_terms import Context
from engine.decide.tree import decode
from engine.decide.vocabulary import Scope

_TOKEN = re.compile(
    r'''[rR]?""".*?"""|[rR]?\'\'\'.*?\'\'\'|[rR]"[^"]*"|[rR]'[^']*'|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|//[^\n]*|&&|.''',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One of the parts that && joins: its text, whether it held, and the values that it read (None: missing)."""

    source: str
    holds: bool
    values: Mapping[str, Value | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A clause before it is asked: its text, its tree, the names that it reads, and the answer."""

    source: str
    tree: Test
    names: tuple[str, ...]
    holds: Holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A checked condition. `holds(context)` answers; what is said of a missing value (None) is false, not an error.

    names: what it reads, which a context must have. held: a sign for each clause, 1 where it holds and 0 where not.
    """

    source: str
    tree: Test
    names: tuple[str, ...]
    holds: Holds = field(repr=False, compare=False)
    parts: tuple[Part, ...] = field(repr=False, compare=False)
    held: Callable[[Context], str] = field(repr=False, compare=False)

    def explain(self, context: Context) -> tuple[Clause, ...]:
        """What each clause said; the condition holds when all of them do."""
        return tuple(
            Clause(source=part.source, holds=part.holds(context), values={name: context[name] for name in part.names})
            for part in self.parts
        )


def compile_condition(source: str, scope: Scope) -> Condition:
    """Check and build a condition over the names of a scope.

    Raises ConditionError with every problem, each with its offset in `source`.
    """
    tree = decode(check(source, scope), source, scope)
    parts = tuple(_parts(source, tree))
    return Condition(
        source=source,
        tree=tree,
        names=names_in(tree),
        holds=closure(tree),
        parts=parts,
        held=signs(part.tree for part in parts),
    )


def _parts(source: str, tree: Test) -> Iterator[Part]:
    spans = _spans(source) if isinstance(tree, And) else [(0, len(source))]
    parts = tree.parts if isinstance(tree, And) else (tree,)
    for start, end in spans:
        inside = tuple(part for part in parts if start <= part.offset < end)
        joined = inside[0] if len(inside) == 1 else And(parts=inside, offset=start)
        yield Part(source=source[start:end].strip(), tree=joined, names=names_in(joined), holds=closure(joined))


def _spans(source: str) -> list[tuple[int, int]]:
    depth, start, spans = 0, 0, []
    for token in _TOKEN.finditer(source):
        sign = token.group()
        depth += (sign in ("(", "[")) - (sign in (")", "]"))
        if sign == "&&" and depth == 0:
            spans.append((start, token.start()))
            start = token.end()
    return [*spans, (start, len(source))]
