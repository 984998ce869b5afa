"""What score reads of transactions: a few whole numbers of each, as arrays, millions of them in seconds.

A database hands out rows one by one, and Python makes an object of every number. So the database writes the numbers of
some thousand rows one after another in a text, and numpy reads it: three times faster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, String, cast, func, or_, select

from engine.store import tables
from engine.store.session import among

_TXN = tables.table(tables.Txn)
_CUSTOMERS = 1000
_NARROW = 2  # the first columns, customers and days, take half the memory where they can
NO_COST = -(2**63)
Integers: TypeAlias = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """Transactions, an element each, in no order. customer_id, day, amount_minor, cost_minor (`NO_COST` where it is not
    known), sale_day: as in `tables.Txn`; the last two are None where nothing is known of any.

    foreign: how many others are in another currency.
    """

    customer_id: Integers
    day: Integers
    amount_minor: Integers
    cost_minor: Integers | None = None
    sale_day: Integers | None = None
    foreign: int = 0

    def __len__(self) -> int:
        return len(self.day)


def spans(connection: Connection, pieces: int) -> list[range]:
    """The keys of all customers who have transactions, in some pieces that can be read side by side."""
    ends = (select(end(_TXN.c.customer_id)) for end in (func.min, func.max))  # two questions: each is one look
    first, last = (connection.execute(end).scalar() for end in ends)
    if first is None or last is None:
        return []
    step = (last - first) // pieces + 1
    return [range(start, min(start + step, last + 1)) for start in range(first, last + 1, step)]


def between(connection: Connection, currency: str, through_day: int, keys: range, newest: int) -> Iterator[Booked]:
    """The transactions of the customers with these keys up to and including a day, in pieces.

    newest: the key of the last transaction that counts, so that pieces that are read side by side fit together.
    """
    chosen = (
        _TXN.c.customer_id.between(start, min(start + _CUSTOMERS, keys.stop) - 1)
        for start in range(keys.start, keys.stop, _CUSTOMERS)
    )
    return _read(connection, currency, (_TXN.c.day <= through_day, _TXN.c.id <= newest), chosen)


def of_customers(connection: Connection, currency: str, through_day: int, customers: Collection[int]) -> Booked:
    """The transactions of these customers up to and including a day."""
    chosen = [among(connection, _TXN.c.customer_id, customers)]
    return joined(list(_read(connection, currency, (_TXN.c.day <= through_day,), chosen)))


def joined(parts: Sequence[Booked]) -> Booked:
    """Pieces as one."""
    known = any(part.cost_minor is not None for part in parts)

    def column(name: str, missing: int) -> Integers:
        pieces = [getattr(part, name) for part in parts]
        pieces = [
            np.full(len(part), missing) if piece is None else piece
            for part, piece in zip(parts, pieces, strict=True)
            if len(part)
        ]
        found: Integers = np.concatenate(pieces or [np.zeros(0, dtype=np.int64)])
        return found

    return Booked(
        customer_id=column("customer_id", 0),
        day=column("day", 0),
        amount_minor=column("amount_minor", 0),
        cost_minor=column("cost_minor", NO_COST) if known else None,
        sale_day=column("sale_day", 0) if known else None,
        foreign=sum(part.foreign for part in parts),
    )


def _read(
    connection: Connection,
    currency: str,
    wanted: Sequence[ColumnElement[bool]],
    chosen: Iterable[ColumnElement[bool]],
) -> Iterator[Booked]:
    """Most shops have one currency and know no costs: two columns less to write and to read."""
    plain, whole = _queries(connection, currency, wanted)
    is_plain = True
    for some in chosen:
        if is_plain:
            *texts, odd = connection.execute(plain.where(some)).one()
            is_plain = not odd
        if not is_plain:
            *texts, foreign = connection.execute(whole.where(some)).one()
        yield _booked([text or "" for text in texts], 0 if is_plain else foreign)


def _queries(
    connection: Connection, currency: str, wanted: Sequence[ColumnElement[bool]]
) -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    """The plain columns, and how many rows are not plain; all columns in our currency, and how many rows are not."""
    ours = _TXN.c.currency == currency
    odd = or_(~ours, _TXN.c.cost_minor.is_not(None), _TXN.c.sale_day != 0)

    def text(column: ColumnElement[Any]) -> Any:
        written = column if connection.dialect.name == "sqlite" else cast(column, String)
        return func.aggregate_strings(written, ",")

    names = (_TXN.c.customer_id, _TXN.c.day, _TXN.c.amount_minor)
    more = (func.coalesce(_TXN.c.cost_minor, NO_COST), _TXN.c.sale_day)
    plain = select(*(text(name) for name in names), func.count().filter(odd)).where(*wanted)
    whole = select(*(text(name).filter(ours) for name in (*names, *more)), func.count().filter(~ours)).where(*wanted)
    return plain, whole


def _booked(texts: Sequence[str], foreign: int) -> Booked:
    columns: list[Integers] = []
    for text in texts:
        values = np.fromstring(text, dtype=np.int64, sep=",") if text else np.zeros(0, dtype=np.int64)
        small = len(values) and values.min() > -(2**31) and values.max() < 2**31
        columns.append(values.astype(np.int32) if small and len(columns) < _NARROW else values)
    cost, sale_day = columns[3:] or (None, None)
    return Booked(
        customer_id=columns[0],
        day=columns[1],
        amount_minor=columns[2],
        cost_minor=cost,
        sale_day=sale_day,
        foreign=foreign,
    )
