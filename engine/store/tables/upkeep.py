"""Who may do what only one may do, and how far recurring work has come."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel


class Lease(SQLModel, table=True):
    """Who may do what only one process may do at a time."""

    name: str = Field(primary_key=True)
    owner: str
    holder: str  # for people: host and process
    until: datetime


class Mark(SQLModel, table=True):
    """How far a recurring piece of work has come, by name."""

    name: str = Field(primary_key=True)
    value: str
    at: datetime
