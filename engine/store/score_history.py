"""What was known of each customer's worth at any time before: packed, never changed, thinned when it gets old.

A row for each customer would be millions a night, so a row (a block) holds up to `BLOCK` customers of one save. Its
`content` is, in this order:

- one byte, the version of this layout: 1;
- the length of the header in bytes, 4 bytes, unsigned, little endian;
- the header, JSON in UTF-8: ``rows``, their number; ``first``, which the customer numbers of the rows are counted from;
  ``tiers``, the names that the tier numbers stand for; ``columns``, pairs of name and numpy type code, such as
  ``["clv_minor", "<i4"]``;
- the rows one after another, each the values of its columns without gaps, little endian on every machine.

Integers, and so all money, are exact, each column in the narrowest type that holds those of the save; the lowest
number of the type stands for None. Other numbers are 32-bit floats (7 digits); not-a-number stands for None.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, delete, func, insert, select

from engine.core.facts import Score
from engine.errors import StoreError
from engine.store import tables
from engine.store.scores import COLUMNS, Columns

BLOCK = 2000
KEPT_WHOLE = timedelta(days=35)
_HISTORY = tables.table(tables.ScoreHistory)
_VERSION = 1
_FLOATS = frozenset({"recency", "T", "p_alive", "expected_purchases", "percentile"})
_INTEGERS = ("<i1", "<i2", "<i4", "<i8")
_LEAST = {kind: int(np.iinfo(kind).min) for kind in _INTEGERS}
MISSING = int(np.iinfo(np.int64).min)
"""Stands for None among unpacked integers."""
_TIER = COLUMNS.index("tier")
Block: TypeAlias = tuple[int, int, bytes]
"""The first customer and the last, and the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A customer's score as it was written at an instant."""

    facts: Score
    run_id: int
    scored_at: datetime


def append(connection: Connection, run: int, blocks: Iterable[Block], now: datetime) -> None:
    """Keep the scores of a save, as `pack` makes them."""
    for first, last, content in blocks:
        block = {"first_customer": first, "last_customer": last, "content": content}
        connection.execute(insert(_HISTORY), {"run_id": run, "scored_at": now, **block})


def as_of(connection: Connection, customer: int, instant: datetime) -> Past | None:
    """The last score of a customer that was written at or before an instant."""
    query = _blocks(customer).where(_HISTORY.c.scored_at <= instant)
    newest_first = query.order_by(_HISTORY.c.scored_at.desc(), _HISTORY.c.id.desc())
    return next(_found(connection, newest_first, customer), None)


def of_customer(connection: Connection, customer: int) -> list[Past]:
    """All that is kept of a customer's worth, the oldest first."""
    return list(_found(connection, _blocks(customer).order_by(_HISTORY.c.scored_at, _HISTORY.c.id), customer))


def thin(connection: Connection, now: datetime) -> int:
    """Keep all of the last 35 days, and before that the first run of each month (UTC); says how many blocks went.

    Whoever was scored between two runs belongs to the earlier one.
    """
    began = func.min(_HISTORY.c.scored_at)
    runs = connection.execute(select(_HISTORY.c.run_id, began).group_by(_HISTORY.c.run_id).order_by(began))
    kept: dict[tuple[int, int], int] = {}
    for run, at in runs:
        kept.setdefault((at.year, at.month), run)
    old = delete(_HISTORY).where(_HISTORY.c.scored_at < now - KEPT_WHOLE, _HISTORY.c.run_id.not_in(kept.values()))
    return connection.execute(old).rowcount


def pack(columns: Columns) -> Iterator[Block]:
    """The blocks of a save; best in the order of the customers, as it is neighbours who share one.

    Types are chosen for all blocks of a save together: to look at each block by itself takes three times as long.
    """
    if not columns or not len(columns[0]):
        return
    customers = columns[0]
    starts = np.arange(0, len(customers), BLOCK)
    firsts, lasts = np.minimum.reduceat(customers, starts), np.maximum.reduceat(customers, starts)
    names = sorted(set(columns[_TIER].tolist()))
    tier = np.zeros(len(customers), dtype=np.int64)
    for number, name in enumerate(names):
        tier[columns[_TIER] == name] = number
    apart = customers - np.repeat(firsts, BLOCK)[: len(customers)]
    packed = [
        _packed(name, column)
        for name, column in zip(COLUMNS, [apart, *columns[1:_TIER], tier, *columns[_TIER + 1 :]], strict=True)
    ]
    kinds = [(name, column.dtype.str) for name, column in zip(COLUMNS, packed, strict=True)]
    records = np.empty(len(tier), dtype=kinds)
    for name, column in zip(COLUMNS, packed, strict=True):
        records[name] = column
    for start, first, last in zip(starts.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
        block = records[start : start + BLOCK]
        about = {"rows": len(block), "first": first, "tiers": names, "columns": kinds}
        header = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
        yield first, last, bytes([_VERSION]) + len(header).to_bytes(4, "little") + header + block.tobytes()


def find(content: bytes, customer: int) -> Score | None:
    """A customer's score in the content of a block. Raises StoreError for a version that is not known here."""
    about, records = _read(content)
    place = np.flatnonzero(records["customer_id"] == customer - about["first"])
    if not len(place):
        return None
    values = {name: _value(records[name][place[0]]) for name in COLUMNS[1:]}
    return Score(customer="", **values | {"tier": about["tiers"][values["tier"]]})


def unpack(content: bytes) -> dict[str, NDArray[Any]]:
    """The content of a block by column, under the names of `COLUMNS`; customers by their keys, tiers as texts.

    Integers are 64-bit, with `MISSING` for None; floats are 32-bit, with not-a-number for None. Raises StoreError for a
    version that is not known here.
    """
    about, records = _read(content)
    found: dict[str, NDArray[Any]] = {}
    for name in COLUMNS:
        column = records[name]
        if name in _FLOATS:
            found[name] = column
        else:
            found[name] = column.astype(np.int64)
            found[name][column == np.iinfo(column.dtype).min] = MISSING
    found["customer_id"] = records["customer_id"].astype(np.int64) + about["first"]
    found["tier"] = np.array(about["tiers"])[found["tier"]]
    return found


def _read(content: bytes) -> tuple[dict[str, Any], NDArray[Any]]:
    """The header and the rows of a block."""
    if content[0] != _VERSION:
        raise StoreError(f"score_history has a block of version {content[0]} (hint: upgrade Premura)")
    begin = 5 + int.from_bytes(content[1:5], "little")
    about = json.loads(content[5:begin])
    kinds = np.dtype([(name, kind) for name, kind in about["columns"]])
    return about, np.frombuffer(content, dtype=kinds, count=about["rows"], offset=begin)


def _packed(name: str, column: NDArray[Any]) -> NDArray[Any]:
    """A column in the type in which it is kept."""
    if not np.ma.isMaskedArray(column):
        return column.astype("<f4" if name in _FLOATS else _narrowest(column))
    data, missing = np.ma.getdata(column), np.ma.getmaskarray(column)
    known = data[~missing]
    kind = "<f4" if name in _FLOATS else _narrowest(known)
    packed = np.full(len(data), _LEAST.get(kind, np.nan), dtype=kind)
    packed[~missing] = known
    return packed


def _narrowest(values: NDArray[np.int64]) -> str:
    """The type that holds these and, below them, the number that stands for None."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    return next((kind for kind, least in _LEAST.items() if least < low and high < -least), "<i8")


def _value(stored: Any) -> Any:
    if stored.dtype.kind == "f":
        return None if np.isnan(stored) else float(str(stored))  # 0.9, as it was, and not 0.8999999761581421
    return None if stored == np.iinfo(stored.dtype).min else int(stored)


def _blocks(customer: int) -> Select[*tuple[Any, ...]]:
    """The blocks that a customer may be in."""
    columns = (_HISTORY.c.id, _HISTORY.c.run_id, _HISTORY.c.scored_at)
    return select(*columns).where(_HISTORY.c.first_customer <= customer, _HISTORY.c.last_customer >= customer)


def _found(connection: Connection, blocks: Select[*tuple[Any, ...]], customer: int) -> Iterator[Past]:
    """The customer's scores in these blocks, in their order; a block is read when it is asked for."""
    for block in connection.execute(blocks).all():
        content = connection.execute(select(_HISTORY.c.content).where(_HISTORY.c.id == block.id)).scalar_one()
        score = find(content, customer)
        if score is not None:
            yield Past(facts=score, run_id=block.run_id, scored_at=block.scored_at)
