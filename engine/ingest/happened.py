"""Many events at once, as columns: no object for each of them, and no step in Python that a whole column can take."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import compress, repeat
from typing import Any

from engine.core import texts
from engine.core.facts import Event
from engine.core.texts import Texts
from engine.ingest.formats import Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """The events of some rows, each at the same place of every column. rejects: what was wrong with other rows.

    numbers: of the rows in the file. customers: references. payloads: the fields as columns, where all events have the
    same ones; else each event's own. dates: instants. Both may be packed. digests: a hash of all that each says, once
    they were asked for.
    """

    numbers: Sequence[int]
    customers: Sequence[str]
    kinds: Sequence[str]
    keys: Sequence[str]
    dates: Sequence[Any]
    payloads: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]] | Texts
    rejects: Sequence[Reject] = ()
    digests: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    def payload(self, place: int) -> Mapping[str, Any]:
        """What one of them holds besides who, what and when."""
        if isinstance(self.payloads, Mapping):
            return {name: column[place] for name, column in self.payloads.items()}
        known: Mapping[str, Any] = (
            json.loads(self.payloads[place]) if isinstance(self.payloads, Texts) else self.payloads[place]
        )
        return known

    def fact(self, place: int) -> Event:
        """One of them."""
        return Event(
            customer=self.customers[place],
            kind=self.kinds[place],
            ext_key=self.keys[place],
            occurred_at=texts.instant(self.dates[place]) if isinstance(self.dates, Texts) else self.dates[place],
            payload=self.payload(place),
        )

    def without(self, places: Collection[int]) -> Happened:
        """All but those at these places."""
        if not places:
            return self
        wanted = [place not in places for place in range(len(self))]

        def left(column: Any) -> Any:
            if isinstance(column, Mapping):
                return {name: left(one) for name, one in column.items()}
            return (Texts if isinstance(column, Texts) else list)(compress(column, wanted))

        return replace(
            self, **{one.name: left(getattr(self, one.name)) for one in fields(self) if one.name != "rejects"}
        )

    def digested(self) -> Happened:
        """With a hash of all that each says, whether told as columns or not; it holds in this process."""
        shared = (self.customers, self.kinds, self.dates)
        try:
            if isinstance(self.payloads, Mapping):
                told = (*map(repeat, self.payloads), *self.payloads.values())
                return replace(self, digests=list(map(hash, zip(*shared, *told, strict=False))))
        except TypeError:  # lists and objects
            pass
        return replace(self, digests=list(map(_digest, *shared, map(self.payload, range(len(self))))))

    def packed(self) -> Happened:
        """The same as the store keeps it, which is quicker to hand over and to write; after the digests were made."""
        told = self.payloads
        payloads = texts.objects(told) if isinstance(told, Mapping) else texts.documents(told)
        return replace(self, dates=Texts(map(str, texts.instants(self.dates))), payloads=Texts(payloads))


def _digest(who: str, kind: str, at: datetime, said: Mapping[str, Any]) -> int:
    try:
        return hash((who, kind, at, *said, *said.values()))
    except TypeError:  # lists and objects
        return hash((who, kind, at, repr(said)))
