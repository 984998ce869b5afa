"""Values as texts, a column at a time: to make each of them in Python costs more than to store it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from json.encoder import encode_basestring
from operator import add, attrgetter
from typing import Any

from pydantic_core import to_json

from engine.core.calendar import aware

_NO_TEXT = {float, int, bool, type(None)}


class Texts(list[str]):
    """A column of JSON documents or of instants that is written already: JSON, and `2026-12-31 18:30:00.000000` UTC."""


def documents(values: Sequence[Any]) -> list[str]:
    """Values as JSON."""
    return list(map(bytes.decode, map(to_json, values)))


def objects(fields: Mapping[str, Sequence[Any]]) -> list[str]:
    """JSON objects that all have these fields."""
    form = ",".join(f"{to_json(name).decode().replace('%', '%%')}:%s" for name in fields)
    return list(map(f"{{{form}}}".__mod__, zip(*map(_values, fields.values()), strict=True)))


def _values(column: Sequence[Any]) -> Sequence[str]:
    """Values of a field as JSON: texts by the quickest way; of what has none in it, a comma always ends a value."""
    kinds = set(map(type, column))
    if kinds == {str}:
        return list(map(encode_basestring, column))
    return to_json(column).decode()[1:-1].split(",") if kinds <= _NO_TEXT else documents(column)


def instants(values: Sequence[datetime | None]) -> list[str | None]:
    """As SQLAlchemy writes them, in a tenth of the time: days and times of day come again."""
    if set(map(attrgetter("tzinfo"), filter(None, values))) != {UTC}:
        values = [None if value is None else aware(value) for value in values]
    if None in values:
        return [None if value is None else instants([value])[0] for value in values]
    days, clocks = map(datetime.date, values), map(datetime.time, values)  # type: ignore[arg-type]  # no None here
    return list(map(add, map(_day, days), map(_clock, clocks)))


@lru_cache(maxsize=1024)
def _day(day: date) -> str:
    return f"{day.isoformat()} "


@lru_cache(maxsize=8192)
def _clock(clock: time) -> str:
    return clock.isoformat("microseconds")


def instant(text: str) -> datetime:
    """What such a text says."""
    return datetime.fromisoformat(f"{text}+00:00")
