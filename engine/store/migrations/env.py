"""Alembic's entry: the connection comes from store/session, the shapes from store/tables."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from engine.store import tables

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
assert tables  # noqa: S101 - imported for its effect: it fills SQLModel.metadata
