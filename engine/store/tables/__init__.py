"""The tables (design §5). Instants are aware UTC, money is integer minor units, keys are bigint plus a public uuid7.

Rows are read and written by the store's query files, mostly with SQLAlchemy Core on `table(...)`; migrations/ holds the
same shapes as Alembic sees them, and a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import Table
from sqlmodel import SQLModel, UTCDateTime

from engine.store.tables.answers import Decision, Journey, RuleVersion, Tally
from engine.store.tables.columns import Instant
from engine.store.tables.log import DirtyCustomer, Event, NewEvent, Txn
from engine.store.tables.people import Consent, Customer, Suppression
from engine.store.tables.printing import PrintJob
from engine.store.tables.programme import LedgerEntry, Referral
from engine.store.tables.retention import ActionHistory
from engine.store.tables.sending import Action, Delivery, Touchpoint
from engine.store.tables.upkeep import Breaker, Bucket, Lease, Mark, Restore
from engine.store.tables.worth import ModelRun, Score, ScoreHistory

__all__ = [
    "Action",
    "ActionHistory",
    "Breaker",
    "Bucket",
    "Consent",
    "Customer",
    "Decision",
    "Delivery",
    "DirtyCustomer",
    "Event",
    "Journey",
    "Lease",
    "LedgerEntry",
    "Mark",
    "ModelRun",
    "NewEvent",
    "PrintJob",
    "Referral",
    "Restore",
    "RuleVersion",
    "Score",
    "ScoreHistory",
    "Suppression",
    "Tally",
    "Touchpoint",
    "Txn",
    "table",
]

for _column in (each for one in SQLModel.metadata.tables.values() for each in one.columns):
    if isinstance(_column.type, UTCDateTime):  # what SQLModel takes for a datetime
        _column.type = Instant()


def table(model: type[SQLModel]) -> Table:
    """The Core table of a model, for the hot paths."""
    return SQLModel.metadata.tables[str(model.__tablename__)]
