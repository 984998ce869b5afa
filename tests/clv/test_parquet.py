"""Parquet: columns with types of their own say the same as texts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from engine.clv.read import Table, read
from engine.errors import IngestError

DAY = date(2025, 1, 31)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sales.parquet"


def table(file: Path, customer: object, day: object, amount: object) -> Table:
    frame = {"customer": customer, "date": day, "amount": amount}
    pl.DataFrame({name: one for name, one in frame.items() if one is not None}, strict=False).write_parquet(file)
    return read(file)


@pytest.mark.parametrize(
    ("customers", "names"),
    [
        ([7, 12], ["7", "12"]),
        ([7.0, 12.0], ["7", "12"]),
        (["7", " 12"], ["7", "12"]),
        (["C1", "è"], ["C1", "è"]),
        (pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
        (pl.Series([2**64 - 1, 3], dtype=pl.UInt64), [str(2**64 - 1), "3"]),
    ],
)
def test_customers(file: Path, customers: object, names: list[str]) -> None:
    found = table(file, customers, [DAY, DAY], [1, 2])
    assert [str(found.names[code]) for code in found.customer.tolist()] == names


@pytest.mark.parametrize(
    "days",
    [
        [DAY],
        ["2025-01-31"],
        ["31/01/2025 23:59"],
        [20250131],
        [datetime(2025, 1, 31, 23, 59, 59, tzinfo=UTC)],
        pl.Series([datetime(2025, 1, 31, 0, 30, tzinfo=ZoneInfo("Europe/Rome"))]),
    ],
)
def test_dates(file: Path, days: object) -> None:
    assert table(file, [1], days, [5]).day.tolist() == [DAY.toordinal()]


@pytest.mark.parametrize(
    ("amounts", "minor"),
    [
        ([1234, -5], [123_400, -500]),
        ([1.234, -0.1 - 0.2], [123, -30]),
        ([Decimal("1.234"), Decimal("-5.00")], [123, -500]),
        (["1.234,50", "7"], [123_450, 700]),
        ([1e-7, 1e9], [0, 10**11]),
    ],
)
def test_amounts(file: Path, amounts: object, minor: list[int]) -> None:
    assert table(file, [1, 2], [DAY, DAY], amounts).amount_minor.tolist() == minor


def test_wrong_rows(file: Path) -> None:
    pl.DataFrame(
        {
            "customer": [1.0, None, float("nan"), 4.0, 5.0],
            "date": [DAY, DAY, DAY, None, DAY],
            "amount": [float("inf"), 1.0, 1.0, 1.0, 2.5],
        }
    ).write_parquet(file)
    found = read(file)
    assert [(one.row, one.column, one.reason) for one in found.rejects] == [
        (1, "amount", "'inf' is not an amount"),
        (2, "customer", "is empty"),
        (3, "customer", "is empty"),
        (4, "date", "is empty"),
    ]
    assert (found.rows, found.rejected, found.amount_minor.tolist()) == (5, 4, [250])


def test_no_amount(file: Path) -> None:
    assert "amount" not in table(file, [1], [DAY], None).columns


def test_a_list_is_no_amount(file: Path) -> None:
    with pytest.raises(IngestError, match=r"sales.parquet column 'amount': cannot be amount: it holds List\(Int64\)"):
        table(file, [1], [DAY], [[1, 2]])


def test_a_broken_file(file: Path) -> None:
    file.write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(IngestError, match="cannot be read as Parquet"):
        read(file)


def test_many_rows_keep_their_numbers(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.clv.parquet._ROWS", 7)
    days = ["2025-01-31"] * 20
    days[13] = "never"
    found = table(file, list(range(20)), days, list(range(20)))
    assert [one.row for one in found.rejects] == [14]
    assert sorted(found.customer.tolist()) == [number for number in range(20) if number != 13]
