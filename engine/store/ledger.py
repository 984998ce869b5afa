"""The loyalty ledger: append-only, double entry. A balance is a sum; a correction is an entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, true

from engine.core.records import LedgerPosting
from engine.store import tables

_ENTRY = tables.table(tables.LedgerEntry)
_VERSION = tables.table(tables.RuleVersion)
PROGRAMME = "programme"


def post(
    connection: Connection, posting: LedgerPosting, *, transfer: str, customer: tuple[int, str], rule_hash: str,
    action: int, now: datetime,
) -> bool:  # fmt: skip
    """Book a posting as two entries that add up to zero; False when that transfer is booked already.

    customer: key and reference. rule_hash: the version of the rule that granted it.
    """
    if connection.execute(select(_ENTRY.c.id).where(_ENTRY.c.transfer == transfer)).first():
        return False
    key, ref = customer
    shared = {
        "transfer": transfer,
        "customer_id": key,
        "unit": posting.unit,
        "kind": posting.kind,
        "memo": posting.memo,
        "rule_hash": rule_hash,
        "action_id": action,
        "booked_at": now,
    }
    rows = [
        {**shared, "account": PROGRAMME, "amount": -posting.amount},
        {**shared, "account": f"customer:{ref}", "amount": posting.amount},
    ]
    connection.execute(insert(_ENTRY), rows)
    return True


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
