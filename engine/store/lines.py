"""Rows as PostgreSQL's COPY reads them, written a column at a time: its driver takes several times as long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice, repeat
from typing import Any

_TOGETHER = 1000  # rows in one piece of text
_MARKS = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_MARKED = str.maketrans(_MARKS)
_WRITTEN: dict[type, Callable[[Any], str]] = {
    int: str,
    float: repr,
    str: lambda value: str.translate(value, _MARKED),
    bool: lambda value: "t" if value else "f",
    datetime: datetime.isoformat,
    date: date.isoformat,
    type(None): lambda _value: "\\N",
}


def lines(columns: Sequence[Sequence[Any]], same: Sequence[Any]) -> Iterator[str] | None:
    """Pieces of text that say these rows, or None where a value is of another kind: then the driver is to write them.

    columns: at least one, all as long; same: what all rows share, behind those.
    """
    kinds = [set(map(type, values)) for values in (*columns, same)]
    if not all(kind <= _WRITTEN.keys() for kind in kinds):
        return None
    shared = [_WRITTEN[type(value)](value) for value in same]
    texts = map(_texts, columns, kinds)
    return _pieces(zip(*texts, *map(repeat, shared), strict=False))


def _texts(values: Sequence[Any], kinds: set[type]) -> Sequence[str] | Iterator[str]:
    if len(kinds) > 1:
        return (_WRITTEN[type(value)](value) for value in values)
    (kind,) = kinds
    if kind is str:
        whole = "".join(values)
        if not any(mark in whole for mark in _MARKS):
            return values
    return map(_WRITTEN[kind], values)


def _pieces(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    while some := list(islice(rows, _TOGETHER)):
        yield "\n".join(map("\t".join, some)) + "\n"
