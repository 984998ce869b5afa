"""The loyalty ledger and the referrals."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import BIG, action, key, ref_to


class LedgerEntry(SQLModel, table=True):
    """Append-only, double entry: the entries of one transfer add up to zero; a balance is a sum, never a number."""

    __tablename__ = "ledger_entry"
    __table_args__ = (UniqueConstraint("transfer", "account"), Index("ledger_account", "account", "unit"))
    id: int | None = key()
    transfer: str  # public id of the action that granted, or of the entry that reverses
    account: str  # "programme", or "customer:<ref>"
    customer_id: int = ref_to("customer.id")
    amount: int = Field(sa_type=BIG)
    unit: str
    kind: str  # grant | reverse | redeem | expire
    memo: str
    rule_hash: str = Field(foreign_key="rule_version.hash", max_length=64)
    action_id: int = action(index=True)
    reverses: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BIG)
    booked_at: datetime


class Referral(SQLModel, table=True):
    """An invite by its code and, once a newcomer used it, the conversion. One row a referrer and newcomer."""

    __table_args__ = (
        UniqueConstraint("code", "newcomer_id"),
        Index(
            "referral_invite",
            "code",
            unique=True,
            sqlite_where=text("newcomer_id IS NULL"),
            postgresql_where=text("newcomer_id IS NULL"),
        ),
    )
    id: int | None = key()
    code: str = Field(index=True)
    referrer_id: int = ref_to("customer.id")
    newcomer_id: int | None = Field(default=None, foreign_key="customer.id", sa_type=BIG, unique=True)
    state: str  # invited | converted | reversed
    link: str = ""
    txn_id: int | None = Field(default=None, foreign_key="txn.id", sa_type=BIG)
    action_id: int | None = action(optional=True)
    at: datetime
