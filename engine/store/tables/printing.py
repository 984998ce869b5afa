"""Notes that were drawn."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from engine.store.tables.columns import BIG, json, key


class PrintJob(SQLModel, table=True):
    """One note: its files and what became of them."""

    __tablename__ = "print_job"
    id: int | None = key()
    action_id: int = Field(unique=True, foreign_key="action.id", sa_type=BIG)
    files: list[str] = json()
    pages: int
    state: str  # rendered
    at: datetime
