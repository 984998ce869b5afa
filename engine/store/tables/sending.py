"""The outbox: actions, attempts, what customers heard."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.store.tables.columns import BIG, action, json, key


class ActionColumns(SQLModel):
    """A decided step with a due instant; states and moves are those of core/actions.

    Its customer and its rule are those of its journey, which is written with it. `dedupe_key` is its name, made of what
    tells the journey and of the step: of both the database takes each only once.
    """

    id: int | None = key()
    public_id: str = Field(max_length=36)  # uuid7, made of the dedupe key; no index, as each change would write it
    dedupe_key: str
    journey_id: int = Field(sa_type=BIG)
    rule_id: str
    rule_hash: str = Field(max_length=64)
    customer_id: int = Field(sa_type=BIG)
    event_id: int | None = Field(default=None, sa_type=BIG)
    step: str
    purpose: str
    channel: str
    adapter: str = ""
    plan: dict[str, Any] = json()
    facts: dict[str, Any] = json()  # what the template needs of the moment that triggered it
    payload: str | None = None  # canonical JSON, to the byte
    payload_sha256: str = Field(default="", max_length=64)
    state: str
    reason: str = ""  # why it stands where it stands, in words
    awaits: str = ""  # the event kind that it waits for, or waited
    not_before: datetime  # the anchor, or the awaited event, plus the step's `after`
    due_at: datetime  # the same inside windows and caps, less the adapter's lead days; while it waits: until when
    scheduled_at: datetime | None = None
    valid_until: datetime | None = None
    approve: bool = False  # a person is to see the content before it goes
    worth_micro: int | None = Field(default=None, sa_type=BIG)  # what the rule says that it brings: who goes first
    attempts: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = None
    provider_ref: str = ""
    unit_cost_micro: int = Field(default=0, sa_type=BIG)  # in millionths of a unit, as is the worth: see core/money
    approved_by: str = ""
    created_at: datetime
    finished_at: datetime | None = None


class Action(ActionColumns, table=True):
    """The outbox: what is still to happen, and what has happened lately.

    Rows of other tables name an action without a foreign key: it may have moved to `action_history`.
    """

    __table_args__ = (
        Index(
            "action_due",
            "adapter",
            "due_at",
            "id",
            sqlite_where=text("state IN ('ready', 'retry_at')"),
            postgresql_where=text("state IN ('ready', 'retry_at')"),
        ),
        Index(
            "action_waiting",
            "customer_id",
            "awaits",
            sqlite_where=text("awaits <> ''"),
            postgresql_where=text("awaits <> ''"),
        ),
        Index(
            "action_undated",
            "state",
            "scheduled_at",
            sqlite_where=text("state = 'planned' AND scheduled_at IS NULL"),
            postgresql_where=text("state = 'planned' AND scheduled_at IS NULL"),
        ),
        Index(
            "action_to_show",
            "state",
            "approve",
            "due_at",
            sqlite_where=text("state = 'planned' AND approve = true"),
            postgresql_where=text("state = 'planned' AND approve = true"),
        ),
        Index("action_state", "state", "due_at", "id", "valid_until"),
        Index(
            "action_customer",  # what has a date: caps ask for nothing else
            "customer_id",
            "due_at",
            sqlite_where=text("scheduled_at IS NOT NULL"),
            postgresql_where=text("scheduled_at IS NOT NULL"),
        ),
        Index("action_journey", "journey_id", "step", unique=True),
        {"sqlite_autoincrement": True},  # else SQLite would give the key of a row that has moved to another one
    )


class Delivery(SQLModel, table=True):
    """Append-only: one attempt. The row is committed before any I/O and closed by what came of it."""

    __table_args__ = (
        UniqueConstraint("action_id", "attempt"),
        Index("delivery_parcel", "parcel", sqlite_where=text("parcel <> ''"), postgresql_where=text("parcel <> ''")),
    )
    id: int | None = key()
    action_id: int = action()
    attempt: int | None  # counts from 1; none when it was given back before it went
    parcel: str = ""  # the key of the call that carried it with others, in the order of their ids
    adapter: str
    owner: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str = "submitting"  # submitting | accepted | retry | rejected | unknown | not sent
    settled: str = ""  # of an attempt in doubt, when it came out: found | absent
    provider_ref: str = ""
    detail: str = ""


class Touchpoint(SQLModel, table=True):
    """A delivered action as the customer sees it; what caps count."""

    __table_args__ = (Index("touchpoint_customer", "customer_id", "at"),)
    action_id: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    customer_id: int = Field(sa_type=BIG)  # its action's; to look whether it is there locks the row
    channel: str
    purpose: str
    rule_id: str
    at: datetime
