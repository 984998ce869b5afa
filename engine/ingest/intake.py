"""What a reading of a file begins with, and what it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.ingest.columns import Kind, Reading
from engine.ingest.rows import Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """How this shop's files are read."""

    shop: Shop
    readings: Mapping[Kind, Reading]
    event_kinds: Mapping[str, Mapping[str, str]]
    reject_unknown_customers: bool = False

    def more(self, kind: Kind) -> list[str]:
        """The columns that a file may have besides the usual ones."""
        if kind == "customers":
            return list(self.shop.attributes)
        if kind == "events":
            return sorted({name for fields in self.event_kinds.values() for name in fields})
        return []


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of a file. known: good rows that said nothing new."""

    file: str
    kind: Kind
    columns: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    new: int = 0
    changed: int = 0
    known: int = 0
    rejected: int = 0
    contradicted: int = 0  # of those rejected: what is stored under their id says something else
    rejects_file: str = ""
    notes: list[str] = field(default_factory=list)
