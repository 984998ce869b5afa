"""Columns that many tables share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, ForeignKey, Integer
from sqlmodel import Field, UTCDateTime

from engine.store.kept import in_utc, instant

BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite's rowid is an INTEGER PRIMARY KEY


def key() -> Any:
    """The primary key."""
    return Field(default=None, primary_key=True, sa_type=BIG)


def public() -> Any:
    """An id that may be shown: uuid7."""
    return Field(unique=True, max_length=36)


def ref_to(target: str, *, index: bool = True) -> Any:
    """A reference to another row by its key."""
    return Field(foreign_key=target, sa_type=BIG, index=index)


def ref_at_commit(target: str, **more: Any) -> Any:
    """The same, looked at when the transaction commits: a statement that cannot fail need not be undone, and SQLite
    copies no page before each that it changes. more: of the field."""
    reference = ForeignKey(target, deferrable=True, initially="DEFERRED")
    return Field(sa_column_args=[reference], **{"sa_type": BIG, **more})


def action(*, optional: bool = False, unique: bool = False, index: bool = False) -> Any:
    """The key of an action. No foreign key: the row is in `action`, or has moved to `action_history`."""
    default: Any = {"default": None} if optional else {}
    return Field(sa_type=BIG, unique=unique, index=index, **default)


def json() -> Any:
    """Plain JSON types."""
    return Field(sa_type=JSON)


class Instant(UTCDateTime):
    """Aware UTC, as SQLModel keeps it; read in a tenth of the time, from SQLite's text and from PostgreSQL alike."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], datetime | None] | None:
        """What makes an instant of a stored value."""
        return instant if dialect.name == "sqlite" else in_utc
