"""Rows of a file to events: who, what and when, and whatever else a row holds as the payload."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

from engine.core.facts import Event
from engine.ingest import values as read
from engine.ingest.cells import WRONG, Cells, Meanings, odd
from engine.ingest.columns import KNOWN, Reading
from engine.ingest.formats import Block, Reject, Row
from engine.ingest.happened import Happened
from engine.ingest.identity import RowKeys, reference
from engine.ingest.rows import Shop, fields, instants, notation

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
        types = {of: fields(of, how) for each in kinds.values() for of in each.values()}
        self._typed = {kind: {name: types[of] for name, of in each.items()} for kind, each in kinds.items()}
        self._plain = fields("", how)

    def row(self, row: Row) -> Event | list[Reject]:
        """The event of a row, or what is wrong with it."""
        found = self.block(Block(rows=[row]))
        return list(found.rejects) or found.fact(0)

    def _read(self, row: Row) -> tuple[Any, ...]:
        """A value for each column; when one is wrong, the cells tell."""
        cells = self._cells
        cells.turn_to(row)
        customer, occurred_at = cells.need("customer", self._refs), cells.need("date", self._dates)
        kind, key = cells.need("kind", self._kinds), cells.read("id", self._refs)
        return customer, kind, key, occurred_at, self._payload(row.values, self._typed.get(kind, {}))

    def _payload(self, values: Mapping[str, Any], typed: Mapping[str, Meanings]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for column, said in values.items():
            name = self._names.get(column, column)
            nested = isinstance(said, dict) and name == NESTED and column not in self._own
            for inner, value in said.items() if nested else [(name, said)] if column not in self._own else ():
                where = f"{NESTED}.{inner}" if nested else column
                found[inner] = self._cells.understand(where, value, typed.get(inner, self._plain))
        return {name: value for name, value in found.items() if value is not None}

    def block(self, block: Block) -> Happened:
        """The events of many rows, column by column; those that are not plain are read as rows."""
        everywhere = range(len(block))
        try:
            columns, told, strange = self._columns_of(block) if block.cells else ([], {}, everywhere)
        except TypeError:  # an object or a list
            columns, told, strange = [], {}, everywhere
        columns = columns or [[None] * len(block) for _ in range(4)]
        rejects: list[Reject] = []
        wrong: set[int] = set()
        alike = bool(told) and not strange and not any(None in one for one in told.values())
        each = [] if alike else _each(told, block)
        for place in sorted(strange):
            row = block.row(place)
            said = self._read(row)
            if found := row.rejected or self._cells.rejects:
                rejects += found
                wrong.add(place)
            for column, value in zip((*columns, each), said, strict=True):
                column[place] = value
        customers, kinds, keys, dates = columns
        read = Happened(
            numbers=block.places,
            customers=customers,
            kinds=kinds,
            keys=keys,
            dates=dates,
            payloads=told if alike else each,
            rejects=rejects,
        ).without(wrong)
        return read if all(read.keys) else replace(read, keys=list(map(self._key, range(len(read)), repeat(read))))

    def _columns_of(self, block: Block) -> tuple[list[list[Any]], dict[str, list[Any]], Collection[int]]:
        """Who, what, the id and when; the payload's fields; and where a row must be looked at. Raises TypeError."""
        customers, dates, kinds = (
            means.column(block.column(self._columns[name]))
            for name, means in (("customer", self._refs), ("date", self._dates), ("kind", self._kinds))
        )
        ids = self._refs.column(block.column(self._columns.get("id")))
        names = [column for column in block.cells if column not in self._own]
        payload = [self._field(column, kinds, block.cells[column]) for column in names]
        strange = set().union(*(odd(one, (None, WRONG)) for one in (customers, dates, kinds)))
        strange |= set().union(odd(ids), *(odd(one) for one in payload))
        told = dict(zip([self._names.get(column, column) for column in names], payload, strict=True))
        return [customers, kinds, ids, dates], told, strange

    def _field(self, column: str, kinds: Sequence[Any], said: Sequence[Any]) -> list[Any]:
        """What a column means, which depends on the kind of each event."""
        name = self._names.get(column, column)
        means = {kind: self._typed.get(kind, {}).get(name, self._plain) for kind in set(kinds)}
        if all(one.verbatim for one in means.values()) and set(map(type, said)) == {str}:
            return self._plain.column(said)
        several = {id(one): one for one in means.values()}
        found = {
            key: iter(one.column([value for kind, value in zip(kinds, said, strict=True) if means[kind] is one]))
            for key, one in several.items()
        }
        turn = {kind: found[id(one)] for kind, one in means.items()}
        return [next(turn[kind]) for kind in kinds]

    def _key(self, place: int, read: Happened) -> str:
        """The id of a row, or what stands for it."""
        if read.keys[place]:
            return read.keys[place]
        who, kind, at = read.customers[place], read.kinds[place], str(read.dates[place])
        return self._keys.key({"of": who, "kind": kind, "at": at, "payload": read.payload(place)})


def _each(told: Mapping[str, Sequence[Any]], block: Block) -> list[dict[str, Any]]:
    """The payload of each row, of the fields of all of them: what a row does not tell is left out."""
    return [
        {name: value for name, value in zip(told, values, strict=True) if value is not None}
        for values in (zip(*told.values(), strict=True) if told else repeat((), len(block)))
    ]
