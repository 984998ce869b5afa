"""What happened: transactions and events, and whose history changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import BIG, json, key, ref_at_commit


class Txn(SQLModel, table=True):
    """A transaction: signed and immutable; a refund is its own negative row that may name the sale it reverses."""

    __table_args__ = (
        UniqueConstraint("source", "ext_key"),
        # all that score reads and in its order, so that it need not look at the table
        Index("txn_history", "customer_id", "day", "amount_minor", "cost_minor", "currency", "sale_day"),
    )
    id: int | None = key()
    customer_id: int = ref_at_commit("customer.id")
    source: str
    ext_key: str
    kind: str
    occurred_at: datetime
    day: int  # the shop's local calendar day of it, as date.toordinal
    amount_minor: int = Field(sa_type=BIG)
    currency: str = Field(max_length=3)
    cost_minor: int | None = Field(default=None, sa_type=BIG)
    reverses: str | None = None
    sale_day: int = 0  # the day of the sale that it reverses, 0 when it reverses none that is known
    referral_code: str = ""
    lines: list[dict[str, Any]] = json()
    received_at: datetime


class Event(SQLModel, table=True):
    """Something that happened to a customer; written once, and never changed."""

    __table_args__ = (
        UniqueConstraint("source", "ext_key"),
        Index("event_customer", "customer_id", "kind", "occurred_at"),
    )
    id: int | None = key()
    customer_id: int = ref_at_commit("customer.id")
    source: str
    ext_key: str
    kind: str
    occurred_at: datetime
    received_at: datetime
    payload: dict[str, Any] = json()


class NewEvent(SQLModel, table=True):
    """An event that nobody has decided on yet: written with it, deleted in the transaction that decides.

    What there is to find is as small as what is new; a mark on the event itself would copy it, with all its indexes.
    """

    __tablename__ = "event_new"
    event_id: int = Field(primary_key=True, sa_type=BIG)  # no foreign key: no event is ever deleted
    customer_id: int = Field(sa_type=BIG)
    occurred_at: datetime


class DirtyCustomer(SQLModel, table=True):
    """A customer whose history changed since the last score, when it last did, and the newest transaction by then."""

    __tablename__ = "dirty_customer"
    customer_id: int = Field(primary_key=True, sa_type=BIG)  # no foreign key: with one, no table is emptied at once
    since: datetime
    txn_id: int = Field(sa_type=BIG)
