"""What rules answered: their versions, decisions and journeys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import BIG, json, key, ref_to


class RuleVersion(SQLModel, table=True):
    """The text of a rule as it stood when something was decided by it; the key is its sha256."""

    __tablename__ = "rule_version"
    hash: str = Field(primary_key=True, max_length=64)
    rule_id: str = Field(index=True)
    text: str
    clauses: list[Any] = json()  # of its conditions, which its decisions answer to
    first_used_at: datetime


class Journey(SQLModel, table=True):
    """One customer's passage through one rule, pinned to the rule's version."""

    __table_args__ = (
        UniqueConstraint("rule_id", "customer_id", "occurrence"),
        Index("journey_customer", "customer_id", "state"),
    )
    id: int | None = key()
    rule_id: str
    rule_hash: str = Field(foreign_key="rule_version.hash", max_length=64)
    customer_id: int = ref_to("customer.id", index=False)
    occurrence: str
    state: str  # active | finished | stopped
    anchor_at: datetime  # what the steps' `after` counts from
    stop_on: list[str] = json()
    reference: str = ""  # of the event that began it: a quote's number, say; a stop event must name the same
    started_at: datetime
    ended_at: datetime | None = None
    exit_reason: str = ""


class Decision(SQLModel, table=True):
    """What a rule answered for a customer and an occurrence, "no" included, with what re-derives the reasons."""

    __table_args__ = (UniqueConstraint("customer_id", "occurrence", "rule_id"),)
    id: int | None = key()
    rule_id: str
    rule_hash: str = Field(foreign_key="rule_version.hash", max_length=64)
    customer_id: int = ref_to("customer.id", index=False)
    occurrence: str
    event_id: int | None = Field(default=None, foreign_key="event.id", sa_type=BIG)
    outcome: str  # act | no | refused | holdout
    reasons: dict[str, Any] = json()  # what re-derives them, with the version's clauses (core/reasons)
    arm: str  # as engine.core.arms explains
    decided_at: datetime
