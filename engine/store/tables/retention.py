"""Finished actions that were moved away, so that the outbox stays small."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from engine.store.tables.columns import BIG
from engine.store.tables.sending import ActionColumns


class ActionHistory(ActionColumns, table=True):
    """An action of which nothing more is to come; under the key that it had in `action`."""

    __tablename__ = "action_history"
    __table_args__ = (
        UniqueConstraint("public_id"),
        Index("action_history_journey", "journey_id", "step", unique=True),
        Index("action_history_customer", "customer_id", "due_at"),
        Index("action_history_due", "due_at"),  # what a month cost
        Index("action_history_counts", "rule_id", "channel", "state"),  # reports count without reading a row
        Index(
            "action_history_contents",
            "due_at",
            sqlite_where=text("payload IS NOT NULL"),
            postgresql_where=text("payload IS NOT NULL"),
        ),
    )
    id: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
