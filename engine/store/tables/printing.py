"""Notes that were drawn."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from engine.store.tables.columns import action, json, key


class PrintJob(SQLModel, table=True):
    """One note: its files and what became of them."""

    __tablename__ = "print_job"
    id: int | None = key()
    action_id: int = action(unique=True)
    files: list[str] = json()
    pages: int
    state: str  # rendered
    at: datetime
