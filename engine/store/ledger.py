"""The loyalty ledger: append-only, double entry. A balance is a sum; a correction is an entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, true

from engine.core.records import LedgerPosting
from engine.store import rows, tables
from engine.store.session import in_chunks

_ENTRY = tables.table(tables.LedgerEntry)
_VERSION = tables.table(tables.RuleVersion)
PROGRAMME = "programme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A posting with its name, the transfer: the public id of the action that caused it.

    customer: key and reference. rule_hash: the version of the rule that granted it.
    """

    posting: LedgerPosting
    transfer: str
    customer: tuple[int, str]
    rule_hash: str
    action: int


def post(connection: Connection, bookings: Sequence[Booking], now: datetime) -> int:
    """Book each as two entries that add up to zero, but for transfers that are booked already; says how many."""
    names = {booking.transfer for booking in bookings}
    booked: set[str] = set()
    for some in in_chunks(names):
        booked.update(connection.execute(select(_ENTRY.c.transfer).where(_ENTRY.c.transfer.in_(some))).scalars())
    new = [booking for booking in bookings if booking.transfer not in booked]
    rows.add(connection, _ENTRY, [entry for booking in new for entry in _both(booking)], {"booked_at": now},
             leave_known=False)  # fmt: skip
    return len(new)


def _both(booking: Booking) -> tuple[dict[str, Any], dict[str, Any]]:
    (key, ref), posting = booking.customer, booking.posting
    shared = {
        "transfer": booking.transfer,
        "customer_id": key,
        "unit": posting.unit,
        "kind": posting.kind,
        "memo": posting.memo,
        "rule_hash": booking.rule_hash,
        "action_id": booking.action,
    }
    return (
        {**shared, "account": PROGRAMME, "amount": -posting.amount},
        {**shared, "account": f"customer:{ref}", "amount": posting.amount},
    )


def of_customer(connection: Connection, ref: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a customer's account, each with the id of the rule that granted it, oldest first."""
    query = _with_rule().where(_ENTRY.c.account == f"customer:{ref}").order_by(_ENTRY.c.booked_at, _ENTRY.c.id)
    return [row._asdict() for row in connection.execute(query)]


def balances(connection: Connection, account: str) -> dict[str, int]:
    """What an account holds, by unit."""
    return _sums(connection, _ENTRY.c.account == account)


def totals(connection: Connection) -> dict[str, int]:
    """The sum of all entries by unit: zero, always."""
    return _sums(connection, true())


def entries(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """All entries of customers' accounts, oldest first."""
    query = _with_rule().where(_ENTRY.c.account != PROGRAMME).order_by(_ENTRY.c.booked_at, _ENTRY.c.id)
    return [row._asdict() for row in connection.execute(query)]


def _sums(connection: Connection, where: ColumnElement[bool]) -> dict[str, int]:
    query = select(_ENTRY.c.unit, func.sum(_ENTRY.c.amount)).where(where).group_by(_ENTRY.c.unit)
    return {unit: int(total) for unit, total in connection.execute(query)}  # PostgreSQL sums to numeric


def _with_rule() -> Select[*tuple[Any, ...]]:
    return select(_ENTRY, _VERSION.c.rule_id).join(_VERSION, _VERSION.c.hash == _ENTRY.c.rule_hash)
