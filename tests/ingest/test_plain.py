"""Columns that are read at once mean what their cells mean, or are left to be read cell by cell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.ingest import plain, values
from engine.ingest.values import Notation

ROME = "Europe/Rome"
CLOCKS = st.datetimes(datetime(1890, 1, 1), datetime(2210, 1, 1)).map(  # noqa: DTZ001 - as a till writes it
    lambda at: at.isoformat(" ", "minutes")
)
AMOUNTS = st.decimals(-(10**6), 10**6, places=2).map(str) | st.integers(-(10**6), 10**6).map(str)
ODD = st.sampled_from((
    "", " ", "2026-13-01 10:00", "2026-01-05", "2026-01-05T10:00Z", "05/01/2026 10:00", "1e5", "nan", "1_000", "1.5",
    "1.234", "10\n20", "2026-01-05 10:00\n2026-01-05 10:00", "٣٤.٠٠", "+1", "1.00 ", None, 5, True, ["x"],
))  # fmt: skip


@given(st.lists(CLOCKS, min_size=1) | st.lists(CLOCKS | ODD, min_size=1))
@example(["2026-03-29 02:30", "2026-10-25 02:30", "2026-03-29T02:30:01"])
def test_instants(said: list[Any]) -> None:
    found = plain.instants(said, ROME)

    if found is not None:
        assert found == [values.instant(one, ROME) for one in said]


@given(st.lists(AMOUNTS, min_size=1) | st.lists(st.floats()) | st.lists(AMOUNTS | ODD), st.sampled_from(("", ".", ",")))
@example(["10\n20"], "")
def test_numbers(said: list[Any], decimal: str) -> None:
    found = plain.numbers(said, decimal)

    if found is not None:
        assert found == [values.number(one, Notation(decimal=decimal)) for one in said]
        assert set(map(type, found)) <= {float}


@pytest.mark.parametrize("said", ["2026-01-05 10:00", "2026-07-05T10:00:30"])
def test_what_tills_write_is_plain(said: str) -> None:
    assert plain.instants([said] * 3, ROME) == [values.instant(said, ROME)] * 3
    assert plain.numbers(["10.00", "-3.50", "7"], "") == [10.0, -3.5, 7.0]
    assert plain.numbers([1.5, 2.0], ",") == [1.5, 2.0]


def test_what_is_not_plain_is_left_to_be_read_cell_by_cell() -> None:
    assert plain.instants(["2026-01-05 10:00", "x"], ROME) is None
    assert plain.instants(["1815-06-18 11:30"], ROME) is None
    assert plain.instants([], ROME) is None
    assert plain.numbers(["10,00"], "") is None
    assert plain.numbers(["10.00"], ",") is None
    assert plain.numbers([1.0, float("inf")], "") is None


def test_no_instant_is_moved_by_its_neighbours() -> None:
    hours = [(datetime(2026, 3, 28) + timedelta(hours=hour)).isoformat() for hour in range(72)]  # noqa: DTZ001 - local

    assert plain.instants(hours, ROME) == [values.instant(hour, ROME) for hour in hours]
