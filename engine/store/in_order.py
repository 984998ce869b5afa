"""What is in the log is there in the order of its keys, for whoever remembers how far it has read.

PostgreSQL gives a key before the row is there for others, so that a row may come to be behind a newer one. Whoever
appends holds a lock that all appenders share; who wants to know how far the log goes waits for those at work, for as
long as one portion takes. SQLite has one writer, and keeps the order by itself.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_LOG = 0x4C4F47  # "LOG": one lock for each database
_SHARED = text(f"SELECT pg_advisory_xact_lock_shared({_LOG})")
_ALONE = text(f"SELECT pg_advisory_xact_lock({_LOG})")


def appends(connection: Connection) -> None:
    """This transaction appends to the log: to be said before it takes its keys."""
    if connection.dialect.name != "sqlite":
        connection.execute(_SHARED)


def await_appends(connection: Connection) -> None:
    """Wait until whoever appends has done so; from here on it is seen, in a transaction that sees what is committed."""
    if connection.dialect.name != "sqlite":
        connection.execute(_ALONE)
