"""What was known of each customer's worth at any time before: append-only, packed, thinned when it gets old.

A row a customer and night would be millions a night, so one row (a block) holds up to `BLOCK` customers of one save.
Its `content` is, in this order:

- one byte, the version of this layout: 1;
- the length of the header in bytes, 4 bytes, unsigned, little endian;
- the header, JSON in UTF-8: ``rows``, their number; ``first``, which the customer numbers of the rows are counted from;
  ``tiers``, the names that the tier numbers stand for; ``columns``, pairs of name and numpy type code, such as
  ``["clv_minor", "<i4"]``;
- the rows one after another, each the values of its columns without gaps, little endian on every machine.

Integers are exact, in the narrowest type that holds the block's own; the lowest number of the type stands for None.
Other numbers are 32-bit floats (7 digits); not-a-number stands for None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, delete, func, insert, select

from engine.core.facts import Score
from engine.errors import StoreError
from engine.store import tables
from engine.store.scores import COLUMNS, Row

BLOCK = 2000
KEPT_WHOLE = timedelta(days=35)
_HISTORY = tables.table(tables.ScoreHistory)
_VERSION = 1
_FLOATS = frozenset({"recency", "T", "p_alive", "expected_purchases", "percentile"})
_INTEGERS = ("<i1", "<i2", "<i4", "<i8")
_TIER = COLUMNS.index("tier")
Columns: TypeAlias = Sequence[NDArray[Any]]
"""Arrays of the same length in the order of `scores.COLUMNS`; where some have no value, masked arrays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A customer's score as it was written at an instant."""

    facts: Score
    run_id: int
    scored_at: datetime


def append(connection: Connection, run: int, columns: Columns, now: datetime) -> None:
    """Keep the scores of a save as they are now; customers that are near each other in the columns share a block."""
    for some in _slices(columns, BLOCK):
        values = {
            "run_id": run,
            "scored_at": now,
            "first_customer": int(some[0].min()),
            "last_customer": int(some[0].max()),
            "content": pack(some),
        }
        connection.execute(insert(_HISTORY), values)


def rows(columns: Columns) -> Iterator[Row]:
    """The same scores as `scores.save` takes them."""
    for some in _slices(columns, 10 * BLOCK):
        yield from zip(*(column.tolist() for column in some), strict=True)


def _slices(columns: Columns, size: int) -> Iterator[Columns]:
    for start in range(0, len(columns[0]), size):
        yield [column[start : start + size] for column in columns]


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


def pack(columns: Columns) -> bytes:
    """The content of a block."""
    first = int(columns[0].min())
    tiers, tier = np.unique(np.asarray(columns[_TIER]), return_inverse=True)
    numbers = [columns[0] - first, *columns[1:_TIER], tier, *columns[_TIER + 1 :]]
    packed = [_packed(name, column) for name, column in zip(COLUMNS, numbers, strict=True)]
    kinds = [(name, column.dtype.str) for name, column in zip(COLUMNS, packed, strict=True)]
    records = np.empty(len(tier), dtype=kinds)
    for name, column in zip(COLUMNS, packed, strict=True):
        records[name] = column
    about = {"rows": len(records), "first": first, "tiers": tiers.tolist(), "columns": kinds}
    header = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
    return bytes([_VERSION]) + len(header).to_bytes(4, "little") + header + records.tobytes()


def find(content: bytes, customer: int) -> Score | None:
    """A customer's score in the content of a block, if there. Raises StoreError for a version that is not known here."""
    if content[0] != _VERSION:
        raise StoreError(f"score_history has a block of version {content[0]} (hint: upgrade Premura)")
    begin = 5 + int.from_bytes(content[1:5], "little")
    about = json.loads(content[5:begin])
    kinds = np.dtype([(name, kind) for name, kind in about["columns"]])
    records = np.frombuffer(content, dtype=kinds, count=about["rows"], offset=begin)
    place = np.flatnonzero(records["customer_id"] == customer - about["first"])
    if not len(place):
        return None
    values = {name: _value(records[name][place[0]]) for name in COLUMNS[1:]}
    return Score(customer="", **values | {"tier": about["tiers"][values["tier"]]})


def _packed(name: str, column: NDArray[Any]) -> NDArray[Any]:
    data, nothing = np.ma.getdata(column), np.ma.getmaskarray(column)
    if name in _FLOATS:
        kind, stands_for_nothing = "<f4", np.nan
    else:
        known = data[~nothing]
        low, high = (int(known.min()), int(known.max())) if len(known) else (0, 0)
        kind = next(kind for kind in _INTEGERS if np.iinfo(kind).min < low and high <= np.iinfo(kind).max)
        stands_for_nothing = np.iinfo(kind).min
    packed = data.astype(kind)
    packed[nothing] = stands_for_nothing
    return packed


def _value(stored: Any) -> Any:
    nothing = np.isnan(stored) if stored.dtype.kind == "f" else stored == np.iinfo(stored.dtype).min
    return None if nothing else stored.item()


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
