"""Values as a database keeps them, a column at a time: to make each of them in Python costs more than to store it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Column, Connection
from sqlmodel import UTCDateTime

from engine.core import texts
from engine.core.texts import Texts

Values = Sequence[Any] | Mapping[str, Sequence[Any]]
"""A column of values; or one of JSON objects that all have the same fields, told field by field."""


def written(connection: Connection, column: Column[Any], values: Values) -> Sequence[Any]:
    """Values as this database keeps them."""
    if isinstance(values, Mapping):
        return texts.objects(values)
    timed = isinstance(column.type, UTCDateTime)
    if isinstance(values, Texts):
        return list(map(texts.instant, values)) if timed and connection.dialect.name != "sqlite" else values
    process = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    if process is None:
        return values
    if isinstance(column.type, JSON):
        return _each(texts.documents, values)
    if timed and connection.dialect.name == "sqlite":
        return _each(texts.instants, values)
    return _each(lambda known: list(map(process, known)), values)


def _each(write: Any, values: Sequence[Any]) -> Sequence[Any]:
    """What is said again and again, the same few instants and plans, is written once."""
    different = {id(value): value for value in values}
    if len(different) == len(values):
        return list(write(values))
    known = dict(zip(different, write(list(different.values())), strict=True))
    return [known[id(value)] for value in values]
