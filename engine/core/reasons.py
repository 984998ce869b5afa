"""The reasons of an answer: kept as no more than what re-derives them, told in full when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Kept = Mapping[str, Any]
"""What is kept of an answer, as plain JSON.

held: a sign for each clause that was asked, in the rule's order, 1 where it held and 0 where not; values: what they
read; steps: by id, why a step could not go (empty: it goes ahead); waits: by id, what it waits for before it does;
guard: code and words of what refused the whole.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A part of one of a rule's conditions. code: ``when``, or ``step`` and its id; names: what it reads."""

    code: str
    source: str
    names: tuple[str, ...]

    def to_json(self) -> list[Any]:
        """As it is kept with the version of its rule."""
        return [self.code, self.source, list(self.names)]

    @classmethod
    def from_json(cls, kept: Sequence[Any]) -> Clause:
        """The opposite of `to_json`."""
        code, source, names = kept
        return cls(code=code, source=source, names=tuple(names))


def told(clauses: Sequence[Clause], kept: Kept) -> Iterator[dict[str, Any]]:
    """The reasons one by one: each clause with what it read, what became of each step, and what refused the whole.

    clauses: those of the version of the rule that answered.
    """
    asked = list(zip(clauses, kept["held"], strict=False))  # the rest was not asked
    values = kept["values"]
    yield from _of("when", asked, values)
    for step, why in kept.get("steps", {}).items():
        yield from _of(f"step {step}", asked, values)
        ahead = kept.get("waits", {}).get(step, "goes ahead")
        yield {"code": "step", "step": step, "holds": not why, "text": why or ahead}
    if "guard" in kept:
        code, text = kept["guard"]
        yield {"code": code, "text": text}


def _of(code: str, asked: Sequence[tuple[Clause, str]], values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for clause, sign in asked:
        if clause.code == code:
            read = {name: values[name] for name in clause.names}
            yield {"code": code, "clause": clause.source, "holds": sign == "1", "values": read}
