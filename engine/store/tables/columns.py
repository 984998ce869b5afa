"""Columns that many tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Integer
from sqlmodel import Field

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


def action(*, optional: bool = False, unique: bool = False, index: bool = False) -> Any:
    """The key of an action. No foreign key: the row is in `action`, or has moved to `action_history`."""
    default: Any = {"default": None} if optional else {}
    return Field(sa_type=BIG, unique=unique, index=index, **default)


def json() -> Any:
    """Plain JSON types."""
    return Field(sa_type=JSON)
