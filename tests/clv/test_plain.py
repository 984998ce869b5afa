"""The fast way says what the careful one says, or nothing."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.clv import blocks, plain
from engine.clv.read import read
from engine.errors import IngestError

COLUMNS = {"customer": "customer", "date": "date", "amount": "amount"}
IDS = st.integers(0, 99_999_999).map(str) | st.sampled_from(
    ["C1", "7", "123456789012", "007", "-7", " C1", "C1 ", "+7"]
)
DATES = st.dates().map(str) | st.sampled_from(["2025-01-31", "2025-02-30", "20250131", "2025-01-3x", "2025/01/31"])
AMOUNTS = st.integers(-(10**9), 10**11).map(lambda minor: f"{minor / 100:.2f}") | st.sampled_from(
    [
        "5",
        "5.5",
        "-0.05",
        "12345678.90",
        "123456789.01",
        ".50",
        "5.",
        "1.234",
        "1e3",
        "-5.1",
        "--5",
        "5.-1",
        "nan",
        "inf",
    ]
)
Rows = list[tuple[str, ...]]


def fast(path: Path, columns: dict[str, str] = COLUMNS, exponent: int = 2) -> plain.Plain | None:
    data = path.read_bytes()
    form = blocks.form(data, path.name)
    texts = blocks.read(data[form.start :], form, columns, path.name).texts
    return plain.read(path, form, columns, data[form.start :], texts, exponent)


def written(folder: Path, rows: Rows, header: str = "customer,date,amount", end: str = "\n") -> Path:
    path = folder / "log.csv"
    path.write_text(header + end + "".join(",".join(row) + end for row in rows), encoding="utf-8", newline="")
    return path


@settings(max_examples=60)
@given(st.lists(st.tuples(IDS, DATES, AMOUNTS), min_size=1, max_size=8), st.booleans())
@example([("1", "2025-01-31", "12345.67"), ("2", "2025-01-31", "-99999.99")], False)
@example([("007", "2025-01-31", "1.5"), ("7", "2025-01-31", "2.5")], False)
def test_what_is_read_fast_is_what_is_read_with_care(rows: Rows, windows: bool) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = written(Path(folder), [("9", "2025-01-31", "0.25"), *rows], end="\r\n" if windows else "\n")
        if fast(path) is None:
            return
        quick = read(path)
        patch.setattr(plain, "read", lambda *_: None)
        careful = read(path)
    assert (quick.rows, quick.rejected) == (careful.rows, careful.rejected) == (len(rows) + 1, 0)
    assert quick.day.tolist() == careful.day.tolist()
    assert quick.amount_minor.tolist() == careful.amount_minor.tolist()
    assert [quick.names[code] for code in quick.customer] == [careful.names[code] for code in careful.customer]


def test_the_plain_is_read_fast(tmp_path: Path) -> None:
    path = written(tmp_path, [("4711", "2026-12-31", "12.50"), ("12", "2026-01-02", "-3.00")])
    found = fast(path)
    assert found is not None
    assert found.customer.to_list() == [4711, 12]
    assert found.minor.tolist() == [1250, -300]
    assert np.diff(found.day).tolist() == [-363]


def test_other_columns_and_their_order_do_not_matter(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        [("x,", "2026-12-31", "é", "1.00", "C-1")],
        "what,more,date,note,amount,customer".replace("what,more", "what"),
    )
    assert fast(path) is None  # a row of more cells than the header
    path = written(tmp_path, [("x", "2026-12-31", "é", "1.00", "C-1")], "what,date,note,amount,customer")
    found = fast(path)
    assert found is not None
    assert (found.customer.to_list(), found.minor.tolist()) == (["C-1"], [100])


def test_a_file_without_amounts_counts_purchases(tmp_path: Path) -> None:
    path = written(tmp_path, [("1", "2026-12-31"), ("2", "2026-12-31")], "customer,date")
    found = fast(path, {"customer": "customer", "date": "date"})
    assert found is not None
    assert found.minor.tolist() == [0, 0]


@pytest.mark.parametrize(
    "row",
    [
        ("", "2026-12-31", "1.00"),
        ("1", "", "1.00"),
        ("1", "2026-12-31", ""),
        ("1", "2026-12-31", "1,00"),
        ("1", "2026-12-31", "1.005"),
        ("1", "2026-12-31", "nan"),
        ("1", "2026-12-31", "inf"),
        ("1", "31/12/2026", "1.00"),
        ("1", "2026-02-30", "1.00"),
        (" C", "2026-12-31", "1.00"),
        ('"C"', "2026-12-31", "1.00"),
        ("1", "2026-12-31", "1.00", "more"),
        ("1", "2026-12-31"),
        ("1", "2026-12-31", "99999999999999999.99"),
    ],
)
def test_what_needs_care_is_left_to_it(tmp_path: Path, row: tuple[str, ...]) -> None:
    assert fast(written(tmp_path, [("9", "2025-01-31", "0.25"), row])) is None


def test_amounts_have_the_decimals_of_the_currency(tmp_path: Path) -> None:
    path = written(tmp_path, [("1", "2026-12-31", "1500"), ("1", "2026-12-31", "20")])
    yen, dinar = fast(path, exponent=0), fast(path, exponent=3)
    assert yen is not None
    assert dinar is not None
    assert (yen.minor.tolist(), dinar.minor.tolist()) == ([1500, 20], [1_500_000, 20_000])


def test_a_slip_of_the_date_is_found_in_a_plain_file_too(tmp_path: Path) -> None:
    rows: Rows = [(str(index), "2024-05-01", "1.50") for index in range(200)]
    found = read(written(tmp_path, [*rows, ("7", "2204-05-01", "1.50")]))
    assert (found.rows, found.rejected) == (201, 1)


def test_a_file_of_nothing_but_a_header_is_none(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="no rows"):
        read(written(tmp_path, []))


def test_ids_are_texts_or_numbers_for_the_whole_file(tmp_path: Path) -> None:
    found = fast(written(tmp_path, [("7", "2026-12-31", "1.00"), ("C7", "2026-12-31", "1.00")]))
    assert found is not None
    assert found.customer.dtype == pl.String
