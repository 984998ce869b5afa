"""Rules that are asked together about one occasion, with what is known of them before anybody is asked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.core.answers import short
from engine.core.texts import documents
from engine.decide.closure import together
from engine.decide.rule import Rule


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What the conditions of a panel say: the signs of the clauses by the version, as records have it, of each rule
    whose condition is false, also as JSON; and the rules whose condition is true, each with its signs."""

    no: Mapping[str, str]
    kept: str
    further: tuple[tuple[Rule, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Rules that one occasion asks.

    name: a rule that is asked alone, or empty for all that an event starts. reads: the names in their
    conditions; those of steps are read only of whom a rule gets so far, and are not among them. says: what the
    conditions say of each row, which has the values of these names; the same object whenever they say the same.
    """

    name: str
    rules: tuple[Rule, ...]
    says: Callable[[Iterable[Sequence[Any]]], list[Said]]
    reads: tuple[str, ...]
    steps_read: bool

    @classmethod
    def of(cls, rules: Iterable[Rule], name: str = "") -> Panel:
        """These rules together."""
        them = tuple(rules)
        reads = dict.fromkeys(name for rule in them if rule.when for name in rule.when.names)
        asked = together(([part.tree for part in rule.when.parts] if rule.when else () for rule in them), tuple(reads))
        said = lru_cache(maxsize=4096)(lambda held: _said(them, asked.signs(held)))
        return cls(
            name=name,
            rules=them,
            says=lambda rows: list(map(said, asked.held(rows))),
            reads=tuple(reads),
            steps_read=any(rule.asks_further for rule in them),
        )

    @classmethod
    def alone(cls, rule: Rule) -> Panel:
        """A rule that is asked by itself."""
        return cls.of((rule,), rule.id)

    def read_by(self, further: Iterable[Rule]) -> tuple[str, ...]:
        """The names that were read when these rules got as far as their steps."""
        if not self.steps_read:
            return self.reads
        return tuple(dict.fromkeys((*self.reads, *(name for rule in further for name in rule.reads))))


def _said(rules: tuple[Rule, ...], signs: tuple[str, ...]) -> Said:
    asked = list(zip(rules, signs, strict=True))
    no = {short(rule.hash): held for rule, held in asked if "0" in held}
    return Said(no, documents([no])[0], tuple((rule, held) for rule, held in asked if "0" not in held))
