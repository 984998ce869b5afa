"""What score reads of transactions: a few whole numbers of each, as arrays, millions of them in seconds.

A database hands out rows one by one, and Python makes an object of every number. So the database writes the numbers of
some thousand rows one after another in a text, and numpy reads it: three times faster. Whose a row is and of which day
is one number there, as each number that is written and read costs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, String, cast, func, or_, select

from engine.store import tables
from engine.store.listed import among

_TXN = tables.table(tables.Txn)
_CUSTOMERS = 10_000  # a question, which takes a millisecond to ask
_DAY_BITS = 22  # the last day of the calendar, 3,652,059, fits
_SPAN_BITS = 40  # and so does a customer's distance from another in a span of so many bits
NO_COST = -(2**63)
Integers: TypeAlias = NDArray[np.signedinteger[Any]]
_NOTHING = np.zeros(0, dtype=np.int64)


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
        (start, _TXN.c.customer_id.between(start, min(start + _CUSTOMERS, keys.stop) - 1))
        for start in range(keys.start, keys.stop, _CUSTOMERS)
    )
    return _read(connection, currency, _through(connection, through_day, newest), chosen)


def of_customers(
    connection: Connection, currency: str, through_day: int, customers: Collection[int], newest: int
) -> Booked:
    """The transactions of these customers up to and including a day. newest: as in `between`."""
    spans = groupby(sorted(customers), key=lambda customer: customer >> _SPAN_BITS)
    chosen = ((span << _SPAN_BITS, among(connection, _TXN.c.customer_id, some)) for span, some in spans)
    return joined(list(_read(connection, currency, _through(connection, through_day, newest), chosen)))


def _through(connection: Connection, day: int, newest: int) -> list[ColumnElement[bool]]:
    """What counts up to a day and a transaction."""
    wanted = [_TXN.c.day <= day]
    if (connection.execute(select(func.max(_TXN.c.id))).scalar() or 0) > newest:  # to ask each row is a tenth of it
        wanted.append(_TXN.c.id <= newest)
    return wanted


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
    chosen: Iterable[tuple[int, ColumnElement[bool]]],
) -> Iterator[Booked]:
    """Most shops have one currency and know no costs: two columns less to write and to read.

    chosen: some customers, and a key that is not above theirs.
    """
    is_plain = True
    for first, some in chosen:
        if is_plain:
            *texts, odd = connection.execute(_query(connection, currency, first).where(*wanted, some)).one()
            is_plain = not odd
        if not is_plain:
            *texts, foreign = connection.execute(
                _query(connection, currency, first, whole=True).where(*wanted, some)
            ).one()
        yield _booked([text or "" for text in texts], first, 0 if is_plain else foreign)


def _query(connection: Connection, currency: str, first: int, *, whole: bool = False) -> Select[*tuple[Any, ...]]:
    """The plain columns, and how many rows are not plain; or all columns in our currency, and how many rows are not."""
    ours = _TXN.c.currency == currency

    def text(column: ColumnElement[Any]) -> Any:
        written = column if connection.dialect.name == "sqlite" else cast(column, String)
        return func.aggregate_strings(written, ",")

    whose_and_when = (_TXN.c.customer_id - first) * 2**_DAY_BITS + _TXN.c.day
    names = (whose_and_when, _TXN.c.amount_minor)
    if whole:
        more = (func.coalesce(_TXN.c.cost_minor, NO_COST), _TXN.c.sale_day)
        return select(*(text(name).filter(ours) for name in (*names, *more)), func.count().filter(~ours))
    odd = or_(~ours, _TXN.c.cost_minor.is_not(None), _TXN.c.sale_day != 0)
    return select(*(text(name) for name in names), func.count().filter(odd))


def _booked(texts: Sequence[str], first: int, foreign: int) -> Booked:
    both, amount, *more = (np.fromstring(text, dtype=np.int64, sep=",") if text else _NOTHING for text in texts)
    cost, sale_day = more or (None, None)
    customer = (both >> _DAY_BITS) + first
    day = (both & (2**_DAY_BITS - 1)).astype(np.int32)
    return Booked(
        customer_id=customer.astype(np.int32) if len(customer) and customer.max() < 2**31 else customer,
        day=day,
        amount_minor=amount,
        cost_minor=cost,
        sale_day=sale_day,
        foreign=foreign,
    )
