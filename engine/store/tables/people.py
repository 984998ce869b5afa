"""Customers, and what they said about being written to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import BIG, json, key, public, ref_to


class Customer(SQLModel, table=True):
    """Somebody who buys, or may; `ref` is the shop's own key, `household` its key of those who live together."""

    __table_args__ = (
        Index(
            "customer_household",
            "household",
            sqlite_where=text("household <> ''"),
            postgresql_where=text("household <> ''"),
        ),
    )
    id: int | None = key()
    public_id: str = public()
    ref: str = Field(unique=True)
    household: str = ""
    given_name: str = ""
    family_name: str = ""
    company: str = ""
    email: str = Field(default="", index=True)
    phone: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    locale: str = ""
    time_zone: str = ""
    birthday: date | None = None
    first_contact_on: date | None = None
    source: str = ""
    acquisition_cost_minor: int | None = Field(default=None, sa_type=BIG)
    attributes: dict[str, Any] = json()
    created_at: datetime
    updated_at: datetime


class Consent(SQLModel, table=True):
    """Append-only: each yes or no for a purpose and a channel, as it was given."""

    __table_args__ = (UniqueConstraint("customer_id", "purpose", "channel", "given", "at", "source"),)
    id: int | None = key()
    customer_id: int = ref_to("customer.id")
    purpose: str
    channel: str
    given: bool
    source: str
    wording: str
    at: datetime


class Suppression(SQLModel, table=True):
    """An address never to write to: a keyed hash, so that it outlives the erasure of the customer."""

    __table_args__ = (UniqueConstraint("address_hash", "channel"),)
    id: int | None = key()
    address_hash: str = Field(max_length=64)
    channel: str
    reason: str
    at: datetime
