"""Rows of a file to events: who, what and when, and whatever else a row holds as the payload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.facts import Event
from engine.ingest import values as read
from engine.ingest.cells import WRONG, Cells, Meanings, odd
from engine.ingest.columns import KNOWN, Reading
from engine.ingest.formats import Block, Reject, Row
from engine.ingest.identity import RowKeys, reference
from engine.ingest.rows import Shop, instants, notation

NESTED = "payload"
"""The key under which an event in JSON may hold its fields together."""


class Events:
    """The reader of one file. kinds: the event kinds there are, each with the types of its payload."""

    def __init__(
        self,
        columns: Mapping[str, str],
        reading: Reading,
        shop: Shop,
        keys: RowKeys,
        kinds: Mapping[str, Mapping[str, str]],
    ) -> None:
        how = notation(reading, shop)
        self._columns, self._keys, self._cells = columns, keys, Cells(columns)
        self._refs = Meanings(reference, verbatim=True)
        self._dates = instants(reading, shop)
        self._kinds = Meanings(lambda said: read.known_kind(read.text(said), kinds))
        self._names = {theirs: ours for ours, theirs in columns.items()}
        self._own = {theirs for theirs, ours in self._names.items() if ours in KNOWN["events"]}
        self._typed = {
            kind: {name: Meanings(read.typed(of, how), verbatim=of == "string") for name, of in types.items()}
            for kind, types in kinds.items()
        }
        self._plain = Meanings(read.typed("", how), verbatim=True)

    def row(self, row: Row) -> Event | list[Reject]:
        """The event of a row, or what is wrong with it."""
        cells = self._cells
        cells.turn_to(row)
        customer, occurred_at = cells.need("customer", self._refs), cells.need("date", self._dates)
        kind, key = cells.need("kind", self._kinds), cells.read("id", self._refs)
        payload = self._payload(row.values, self._typed.get(kind, {}))
        return cells.rejects or self._event(customer, kind, key, occurred_at, payload)

    def _payload(self, values: Mapping[str, Any], typed: Mapping[str, Meanings]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for column, said in values.items():
            name = self._names.get(column, column)
            nested = isinstance(said, dict) and name == NESTED and column not in self._own
            for inner, value in said.items() if nested else [(name, said)] if column not in self._own else ():
                where = f"{NESTED}.{inner}" if nested else column
                found[inner] = self._cells.understand(where, value, typed.get(inner, self._plain))
        return {name: value for name, value in found.items() if value is not None}

    def block(self, block: Block) -> list[Event | list[Reject]]:
        """The same of many rows at once, column by column; those that are not plain are read as rows."""
        try:
            customers, dates, kinds = (
                means.column(block.column(self._columns[name]))
                for name, means in (("customer", self._refs), ("date", self._dates), ("kind", self._kinds))
            )
            ids = self._refs.column(block.column(self._columns.get("id")))
            names = [column for column in block.cells if column not in self._own]
            payload = [self._field(column, kinds, block.cells[column]) for column in names]
        except TypeError:  # an object or a list
            return [self.row(block.row(place)) for place in range(len(block))]
        strange = set().union(*(odd(one, (None, WRONG)) for one in (customers, dates, kinds)))
        strange |= set().union(odd(ids), *(odd(one) for one in payload))
        ours = [self._names.get(column, column) for column in names]
        said = _payloads(ours, payload, len(block))
        return [
            self.row(block.row(place)) if place in strange else self._event(*each)
            for place, each in enumerate(zip(customers, kinds, ids, dates, said, strict=True))
        ]

    def _field(self, column: str, kinds: Sequence[Any], said: Sequence[Any]) -> list[Any]:
        name = self._names.get(column, column)
        means = {kind: self._typed.get(kind, {}).get(name, self._plain) for kind in set(kinds)}
        if all(one.verbatim for one in means.values()) and set(map(type, said)) == {str}:
            return self._plain.column(said)
        return [means[kind][value] for kind, value in zip(kinds, said, strict=True)]

    def _event(self, customer: str, kind: str, key: str | None, occurred_at: Any, payload: dict[str, Any]) -> Event:
        if not key:
            key = self._keys.key({"of": customer, "kind": kind, "at": str(occurred_at), "payload": payload})
        return Event(customer=customer, kind=kind, ext_key=key, occurred_at=occurred_at, payload=payload)


def _payloads(names: Sequence[str], columns: Sequence[Sequence[Any]], rows: int) -> list[dict[str, Any]]:
    if not columns:
        return [{} for _ in range(rows)]
    if not any(None in column for column in columns):
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    return [
        {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for values in zip(*columns, strict=True)
    ]
