"""What COPY reads of our lines is what was given, to the last sign; what we do not know is left to the driver."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import State
from engine.store import rows, tables
from engine.store.lines import lines
from engine.store.session import Store
from tests.store.seed import NOON, customer

EVENT = tables.table(tables.Event)
MARKS = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
VALUES = st.none() | st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False) | st.dates()


def understood(field: str) -> str | None:
    """What PostgreSQL reads (its manual, COPY, text format)."""
    if field == "\\N":
        return None
    read, signs = "", iter(field)
    for sign in signs:
        read += MARKS[sign + next(signs)] if sign == "\\" else sign
    return read


def plain(value: Any) -> str | None:
    if isinstance(value, bool):
        return "t" if value else "f"
    return value if value is None else value.isoformat() if isinstance(value, date) else str(value)


@given(st.lists(st.tuples(VALUES, st.text(), VALUES), min_size=1, max_size=20), st.lists(VALUES, max_size=2))
def test_whatever_is_said_is_understood(told: list[tuple[Any, ...]], same: list[Any]) -> None:
    pieces = lines(list(zip(*told, strict=True)), same)
    assert pieces is not None
    written = "".join(pieces)
    assert written.endswith("\n")
    found = [[understood(field) for field in line.split("\t")] for line in written[:-1].split("\n")]
    assert found == [[plain(value) for value in (*row, *same)] for row in told]


@pytest.mark.parametrize("number", [1, 1000, 2001])
def test_many_rows_come_in_pieces(number: int) -> None:
    pieces = list(lines([range(number), ["a"] * number], [None]) or ())
    assert "".join(pieces) == "".join(f"{one}\ta\t\\N\n" for one in range(number))
    assert len(pieces) == math.ceil(number / 1000)


@pytest.mark.parametrize("strange", [State.READY, b"a", timedelta(1), [1]])
def test_what_is_of_another_kind_is_left_to_the_driver(strange: Any) -> None:
    assert lines([[1, strange]], []) is None
    assert lines([[1]], [strange]) is None


@pytest.mark.parametrize("kind", ["plain", 'a\tb\nc\rd\\N "e" \\. è €', "", "\\N", State.READY])
def test_the_database_holds_what_was_given(store: Store, kind: str) -> None:
    at = NOON.astimezone(timezone(timedelta(hours=2)))
    with store.write() as connection:
        one = {"customer_id": customer(connection), "source": kind, "ext_key": "1", "kind": kind, "occurred_at": at}
        two = {**one, "ext_key": "2", "kind": "", "occurred_at": datetime.max.replace(tzinfo=UTC)}
        common = {"payload": {"said": str(kind)}, "received_at": NOON}
        assert rows.add(connection, EVENT, [one, two], common, leave_known=False) == 2
        found = connection.execute(EVENT.select().order_by(EVENT.c.id)).mappings().all()
    for row, said in zip(found, (one, two), strict=True):
        assert {name: row[name] for name in said} == said
        assert {name: row[name] for name in common} == common
        assert row["occurred_at"].tzinfo is UTC
