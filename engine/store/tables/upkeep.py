"""Who may do what only one may do, how far recurring work has come, what all know of each adapter, and restores."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from engine.store.tables.columns import key


class Lease(SQLModel, table=True):
    """Who may do what only one process may do at a time."""

    name: str = Field(primary_key=True)
    owner: str
    holder: str  # for people: host and process
    since: datetime  # when this owner took it; to renew it does not change that
    until: datetime


class Mark(SQLModel, table=True):
    """How far a recurring piece of work has come, by name."""

    name: str = Field(primary_key=True)
    value: str
    at: datetime


class Bucket(SQLModel, table=True):
    """How many messages an adapter may send at once, as of an instant: what all workers share of its rate."""

    adapter: str = Field(primary_key=True)
    tokens: float
    at: datetime


class Breaker(SQLModel, table=True):
    """What is known of an adapter whose provider fails; see core/breaker."""

    adapter: str = Field(primary_key=True)
    failures: int
    open_until: datetime | None = None
    trips: int
    probing: bool
    reason: str


class Restore(SQLModel, table=True):
    """The store was an older copy once: what it does not know of, and who has said that work may go on."""

    id: int | None = key()
    since: datetime
    until: datetime
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
