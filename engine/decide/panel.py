"""Rules that are asked together about one occasion, with what is known of them before anybody is asked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.core.answers import short
from engine.decide.closure import signs_of_all
from engine.decide.closure_terms import Context
from engine.decide.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Rules that one occasion asks.

    name: a rule that is asked alone, or empty for all that an event starts. asked: each with its version, as records
    have it; signs: of their conditions, in the same order. reads: the names in their conditions; those of steps are
    read only of whom a rule gets so far, and are not among them.
    """

    name: str
    rules: tuple[Rule, ...]
    asked: tuple[tuple[Rule, str], ...]
    signs: Callable[[Context], tuple[str, ...]]
    reads: tuple[str, ...]
    steps_read: bool

    @classmethod
    def of(cls, rules: Iterable[Rule], name: str = "") -> Panel:
        """These rules together."""
        them = tuple(rules)
        reads = dict.fromkeys(name for rule in them if rule.when for name in rule.when.names)
        further = any(step.when is not None for rule in them for step in rule.steps)
        asked = tuple((rule, short(rule.hash)) for rule in them)
        signs = signs_of_all([part.tree for part in rule.when.parts] if rule.when else () for rule in them)
        return cls(name=name, rules=them, asked=asked, signs=signs, reads=tuple(reads), steps_read=further)

    @classmethod
    def alone(cls, rule: Rule) -> Panel:
        """A rule that is asked by itself."""
        return cls.of((rule,), rule.id)

    def read_by(self, further: Iterable[Rule]) -> tuple[str, ...]:
        """The names that were read when these rules got as far as their steps."""
        if not self.steps_read:
            return self.reads
        return tuple(dict.fromkeys((*self.reads, *(name for rule in further for name in rule.reads))))
