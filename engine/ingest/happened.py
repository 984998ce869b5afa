"""Many events at once, as columns: no object for each of them, and no step in Python that a whole column can take."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import compress
from typing import Any

from engine.core.facts import Event
from engine.ingest.formats import Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """The events of some rows, each at the same place of every column. rejects: what was wrong with other rows.

    numbers: of the rows in the file. customers: references.
    """

    numbers: Sequence[int]
    customers: Sequence[str]
    kinds: Sequence[str]
    keys: Sequence[str]
    dates: Sequence[datetime]
    payloads: Sequence[Mapping[str, Any]]
    rejects: Sequence[Reject] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    def fact(self, place: int) -> Event:
        """One of them."""
        return Event(
            customer=self.customers[place],
            kind=self.kinds[place],
            ext_key=self.keys[place],
            occurred_at=self.dates[place],
            payload=self.payloads[place],
        )

    def without(self, places: Collection[int]) -> Happened:
        """All but those at these places."""
        if not places:
            return self
        wanted = [place not in places for place in range(len(self))]
        names = [one.name for one in fields(self) if one.name != "rejects"]
        return replace(self, **{name: list(compress(getattr(self, name), wanted)) for name in names})

    def digests(self) -> list[int]:
        """A hash of all that each says; it holds in this process."""
        each = list(zip(self.customers, self.kinds, self.dates, self.payloads, strict=True))
        try:
            return [hash((who, kind, at, *said, *said.values())) for who, kind, at, said in each]
        except TypeError:  # lists and objects
            return [hash((who, kind, at, repr(said))) for who, kind, at, said in each]
