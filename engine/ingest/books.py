"""What a transaction may not contradict: what was booked before it. A booked transaction never changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.core.calendar import local_date
from engine.core.facts import Transaction
from engine.core.money import to_major


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A transaction that is stored, or about to be. customer: the key, or the reference of one who has no key yet."""

    customer: int | str
    occurred_at: datetime
    amount_minor: int
    currency: str


def contradiction(fact: Transaction, customer: int | str, booked: Booked, tz: str) -> str:
    """Why a row cannot be the transaction that is stored under its id, or "".

    Whose, how much, on which local day; what else a later export adds (a time, a code) is no contradiction.
    """
    day = local_date(booked.occurred_at, tz)
    same = (booked.customer, booked.amount_minor, booked.currency) == (customer, fact.amount_minor, fact.currency)
    if same and day == local_date(fact.occurred_at, tz):
        return ""
    whose = "" if booked.customer == customer else " of another customer"
    return f"this id is stored already, as {_amount(booked)} on {day.isoformat()}{whose}; what is stored never changes"


def unfounded(refund: Transaction, customer: int | str, sale: Booked | None) -> str:
    """Why a refund cannot reverse the sale that it names, or ""."""
    if sale is None:
        return "there is no such sale, in this file or stored (hint: ingest the sales first)"
    if sale.customer != customer:
        return "this is a sale to another customer"
    if sale.amount_minor < 0:
        return "this is no sale but a refund itself"
    if sale.currency != refund.currency:
        return f"this sale was {_amount(sale)}, and the refund is in {refund.currency}"
    return ""


def _amount(booked: Booked) -> str:
    return f"{to_major(booked.amount_minor, booked.currency)} {booked.currency}"
