"""What all kinds of files share while one is taken in: who is known by now, and what was refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from engine.ingest.columns import Reading
from engine.ingest.formats import Reject
from engine.ingest.intake import Intake, Summary
from engine.ingest.sayings import Sayings
from engine.store import customers
from engine.store.session import Store

_NAMED = 5
"""Rows that the summary names; the rejects file has them all."""


class Taker(Protocol):
    """What takes the rows of one file."""

    def take(self, read: Any, /) -> None:
        """Store a batch, in a transaction of its own; its wrong rows are rejected."""

    def finish(self) -> None:
        """Store what had to wait for the whole file."""


@dataclass(slots=True, kw_only=True)
class Taking:
    """One file, from its first batch to its end."""

    store: Store
    intake: Intake
    reading: Reading
    columns: Mapping[str, str]
    now: datetime
    summary: Summary
    rejects: list[Reject] = field(default_factory=list)
    sayings: Sayings = field(default_factory=Sayings)
    people: dict[str, int] = field(default_factory=dict)
    contradicted: list[int] = field(default_factory=list)  # the first rows that contradict what is stored

    @property
    def source(self) -> str:
        """The name under which the keys of this file are unique."""
        return self.reading.source or self.summary.kind

    @property
    def zone(self) -> str:
        """The shop's time zone."""
        return self.intake.shop.time_zone

    def refuse(self, number: int, name: str, value: str, reason: str) -> None:
        """A row that can be read, but cannot be."""
        self.rejects.append(Reject(row=number, column=self.columns.get(name, name), value=value, reason=reason))

    def refuse_stored(self, number: int, key: str, reason: str) -> None:
        """A row that says of something stored what it cannot have been."""
        self.summary.contradicted += 1
        if len(self.contradicted) < _NAMED:
            self.contradicted.append(number)
        self.refuse(number, "id", key, reason)

    def repeated(
        self,
        numbers: Sequence[int],
        keys: Sequence[str],
        digests: Sequence[int],
        values: Sequence[str],
        name: str = "id",
    ) -> Collection[int]:
        """Refuse rows that an earlier row of this file contradicts; says at which places they stand."""
        found = self.sayings.contradicted(numbers, keys, digests)
        for place, earlier in found.items():
            reason = f"row {earlier} has the same {name} and says something else"
            self.refuse(numbers[place], name, values[place], reason)
        return found

    def strangers(self, connection: Connection, refs: Collection[str]) -> set[str]:
        """Those of these customers who are not known; the others' keys are asked for once, since nobody is deleted."""
        asked = set(refs).difference(self.people)
        self.people |= customers.ids_of(connection, asked)
        return asked.difference(self.people)

    def unwanted(self, numbers: Sequence[int], refs: Sequence[str], strangers: Collection[str]) -> set[int]:
        """Refuse the rows of strangers, where the shop wants that; says at which places they stand."""
        if not strangers or not self.intake.reject_unknown_customers:
            return set()
        found = {place for place, ref in enumerate(refs) if ref in strangers}
        for place in found:
            reason = "this customer is not known (hint: ingest the customers first)"
            self.refuse(numbers[place], "customer", refs[place], reason)
        return found

    def welcome(self, connection: Connection, strangers: set[str], refs: Collection[str]) -> None:
        """Make customers of the strangers among these."""
        if met := strangers.intersection(refs):
            customers.add_unknown(connection, met, self.now)
            self.strangers(connection, met)
