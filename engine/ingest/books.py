"""What a row may not contradict: what was booked before it. A stored transaction or event never changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Protocol

from engine.core.calendar import at_local, local_date
from engine.core.facts import Event, Transaction
from engine.core.money import to_major

_FOR_GOOD = "what is stored never changes"


class Told(Protocol):
    """An event as the store has it."""

    @property
    def customer_id(self) -> int:
        """Whose it is, by the key."""

    @property
    def facts(self) -> Event:
        """What happened."""


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
    return f"this id is stored already, as {_amount(booked)} on {day.isoformat()}{whose}; {_FOR_GOOD}"


def retold(fact: Event, customer: int | None, stored: Told | None, tz: str) -> str:
    """Why a row cannot be the event that is stored under its id, or "".

    Whose, of what kind, when, and every field that both tell; what a later export adds or leaves out is no
    contradiction, nor is the time of day of what was known by its date alone.
    """
    if stored is None:
        return ""
    said, known = fact.payload, stored.facts
    other = [name for name in said if name in known.payload and said[name] != known.payload[name]]
    if stored.customer_id != customer:
        other = ["customer", *other]
    if fact.kind != known.kind:
        other = ["kind", *other]
    if not _same_time(fact.occurred_at, known.occurred_at, tz):
        other = ["date", *other]
    if not other:
        return ""
    day = local_date(known.occurred_at, tz).isoformat()
    return f"this id is stored already, as {known.kind} on {day}, with another {' and '.join(other)}; {_FOR_GOOD}"


def _same_time(one: datetime, other: datetime, tz: str) -> bool:
    """Whether two instants are the same, as far as they are known: a bare date is kept as noon."""
    day = local_date(one, tz)
    return one == other or (local_date(other, tz) == day and at_local(day, time(12), tz) in (one, other))


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
