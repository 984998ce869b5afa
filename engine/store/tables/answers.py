"""What rules answered: their versions, decisions, how often they gave each answer, and journeys.

No foreign keys: whoever decides holds the customer and has just read the event, writes the version and the journey in
the same transaction, and none of them is ever deleted. To look at each again was a seventh of all work on PostgreSQL.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import BIG, json, key


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
        # begins with the customer, as every question does: a hundred rules of one event write in one place of it
        UniqueConstraint("customer_id", "occurrence", "rule_id"),
        Index(
            "journey_active",
            "rule_id",
            "id",
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )
    id: int | None = key()
    rule_id: str
    rule_hash: str = Field(max_length=64)
    customer_id: int = Field(sa_type=BIG)
    occurrence: str
    state: str  # active | finished | stopped
    anchor_at: datetime  # what the steps' `after` counts from
    stop_on: list[str] = json()
    reference: str = ""  # of the event that began it: a quote's number, say; a stop event must name the same
    started_at: datetime
    ended_at: datetime | None = None
    exit_reason: str = ""


class Decision(SQLModel, table=True):
    """What the rules answered that one occasion asked about a customer, "no" included, with what tells the reasons.

    `rule_id` is a rule that was asked alone, or empty: all were that an event starts.
    """

    __table_args__ = (UniqueConstraint("customer_id", "occurrence", "rule_id"),)
    id: int | None = key()
    rule_id: str
    customer_id: int = Field(sa_type=BIG)
    occurrence: str
    event_id: int | None = Field(default=None, sa_type=BIG)
    answers: dict[str, Any] = json()  # of each rule: see core/answers
    decided_at: datetime


class Tally(SQLModel, table=True):
    """How often a version of a rule gave an answer, and when last: nobody has to read all decisions to say so."""

    rule_hash: str = Field(primary_key=True, foreign_key="rule_version.hash", max_length=64)
    outcome: str = Field(primary_key=True)  # act | no | refused | holdout
    number: int = Field(sa_type=BIG)
    last_at: datetime
