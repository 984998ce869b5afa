"""Files as people have them, and what is said of their wrong rows."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.clv.read import SHOWN, Table, read
from engine.errors import IngestError

CDNOW = Path(__file__).parents[1] / "data" / "cdnow" / "cdnow_sample_transactions.csv"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sales.csv"


def facts(table: Table) -> list[tuple[str, str, int]]:
    rows = zip(table.customer.tolist(), table.day.tolist(), table.amount_minor.tolist(), strict=True)
    return [(str(table.names[code]), date.fromordinal(day).isoformat(), minor) for code, day, minor in rows]


def test_cdnow() -> None:
    table = read(CDNOW)
    with CDNOW.open(newline="") as stream:
        rows = [(row["customer_id"], row["date"], round(float(row["amount"]) * 100)) for row in csv.DictReader(stream)]

    assert facts(table) == rows
    assert (len(table.names), table.rows, table.rejected) == (2357, 6919, 0)
    assert "0001" in table.names  # not 1: it is written back as it was
    assert table.columns == {"customer": "customer_id", "date": "date", "amount": "amount"}
    assert table.guessed == {"customer", "date", "amount"}
    assert [array.dtype for array in (table.customer, table.day, table.amount_minor)] == [np.int32, np.int32, np.int64]


def test_whole_numbers_stay_numbers(file: Path) -> None:
    file.write_text("customer,date,amount\n30,2025-01-31,1\n7,2025-02-01,2.50\nTotal,,3.50\n")
    table = read(file)
    assert isinstance(table.names, np.ndarray)
    assert table.names.tolist() == [7, 30]
    assert table.rejected == 1


def test_an_italian_export(file: Path) -> None:
    text = (
        'Codice cliente;Città;Data;Importo\r\nNicolò;Forlì;31/12/2025;"1.234,56"\r\nC2;Roma;01/02/2025 10:30;€ 12,5\r\n'
    )
    for encoding in ("utf-8", "utf-8-sig", "cp1252"):
        file.write_bytes((text + "C2;;02/02/2025;1.500\r\n").encode(encoding))
        assert facts(read(file)) == [
            ("Nicolò", "2025-12-31", 123_456), ("C2", "2025-02-01", 1250), ("C2", "2025-02-02", 150_000),
        ]  # fmt: skip


def test_an_american_export_says_so(file: Path) -> None:
    file.write_text("CustomerID,InvoiceDate,Total\n17850,12/1/2010 8:26,15.30\n17850,12/31/2010 9:02,-15.30\n")
    table = read(file)
    assert facts(table) == [("17850", "2010-12-01", 1530), ("17850", "2010-12-31", -1530)]
    assert table.notes == ("its dates have the month first, as in 12/31/2010",)


def test_no_amount_is_counting_alone(file: Path) -> None:
    file.write_text("customer,date,unit\nC1,2025-01-31,4\n")
    table = read(file)
    assert facts(table) == [("C1", "2025-01-31", 0)]
    assert "amount" not in table.columns


def test_columns_that_were_named_are_not_guessed(file: Path) -> None:
    file.write_text("customer,who,date,net\nx,C1,2025-01-31,4\n")
    table = read(file, customer="who", amount="net")
    assert facts(table) == [("C1", "2025-01-31", 400)]
    assert table.guessed == {"date"}


@pytest.mark.parametrize(("exponent", "minor"), [(0, 12), (2, 1235), (3, 12_345)])
def test_decimals_of_the_currency(file: Path, exponent: int, minor: int) -> None:
    file.write_text("customer,date,amount\nC1,2025-01-31,12.345\nC1,2025-01-31,1.5\n")
    assert read(file, exponent=exponent).amount_minor[0] == minor


def test_wrong_rows_are_told_with_their_place(file: Path) -> None:
    file.write_text(
        'customer,date,amount,what\n,2025-01-31,5,x\n\nC1,31/31/2025,5,"two\nlines"\nC1,2025-01-31,free,x\n'
        "C1,2025-01-31,5\nC1,9999-12-31,5,x\nC1,2025-01-31,12,50,x\n,,,\nC1,2025-01-31,NaN,x\nC1,2025-01-31,5.5,x\n"
    )
    table = read(file)
    said = [(reject.row, reject.column, reject.reason) for reject in table.rejects]
    assert said == [
        (2, "customer", "is empty"),
        (4, "date", "'31/31/2025' is not a date such as 2026-12-31 or 31/12/2026"),
        (6, "amount", "'free' is not an amount"),
        (7, "", "3 cells where the header has 4"),
        (8, "date", "'9999-12-31' lies in the year 9999"),
        (9, "", "5 cells where the header has 4"),
        (11, "amount", "'NaN' is not an amount"),
    ]
    assert (table.rows, table.rejected, facts(table)) == (8, 7, [("C1", "2025-01-31", 550)])


def test_the_first_wrong_rows_are_told_and_all_are_counted(file: Path) -> None:
    wrong = "C1,never,5\n" * (SHOWN + 50)
    file.write_text("customer,date,amount\n" + wrong + "C1,2025-01-31,5\n")
    table = read(file)
    assert [reject.row for reject in table.rejects] == list(range(2, SHOWN + 2))
    assert (table.rejected, table.rows) == (SHOWN + 50, SHOWN + 51)


def test_a_slip_into_the_far_future_is_no_date(file: Path) -> None:
    usual = "".join(f"C{number},{2015 + number % 11}-03-01,5\n" for number in range(150))
    file.write_text("customer,date,amount\n" + usual + "C1,2062-03-01,5\n")
    table = read(file)
    assert table.rejected == 1
    assert table.rejects[0].row == 152
    assert "'2062-03-01' lies years after all other dates" in table.rejects[0].reason
    assert int(table.day.max()) == date(2025, 3, 1).toordinal()


@pytest.mark.parametrize("late", ["2034-01-01", "2062-03-01"])
def test_late_dates_that_are_near_or_many_are_dates(file: Path, late: str) -> None:
    usual = "".join(f"C{number},2025-03-{1 + number % 28:02},5\n" for number in range(150))
    file.write_text("customer,date,amount\n" + usual + f"C1,{late},5\n" * (1 if late < "2035" else 2))
    assert read(file).rejected == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "sales.csv:1: the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"customer,date,amount\n", "sales.csv: the file has no rows"),
        (b"customer,date,date\nC1,2025-01-31,5\n", "the header names 'date' twice"),
        (b"a,b\nC1,2025-01-31\n", "sales.csv:1: no column for customer and date among a, b (hint: --customer COLUMN)"),
        (b"sep=;\ncustomer;Date;date\nC1;2025-01-31;5\n", "sales.csv:2: 'Date' and 'date' may both be date"),
        (b"customer,date\nC1,\0\n", "this is not a text file"),
        (b"\xff\xfec\0u\0", "this is not a text file"),
        (
            b"customer,date\nC1,soon\n",
            "sales.csv:2 column 'date': none of its 1 rows can be read; of the first: 'soon'",
        ),
        (b"PAR1 and no more", "sales.csv: cannot be read as Parquet"),
    ],
)
def test_files_that_cannot_be_read(file: Path, data: bytes, said: str) -> None:
    file.write_bytes(data)
    with pytest.raises(IngestError) as raised:
        read(file)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_file(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.csv", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(IngestError, match=said):
            read(path)


def test_json_lines_are_for_ingest(tmp_path: Path) -> None:
    path = tmp_path / "sales.jsonl"
    path.write_text('{"customer": "C1"}\n')
    with pytest.raises(IngestError, match="hint: premura ingest reads JSON Lines"):
        read(path)


def test_a_column_that_is_asked_for_and_is_not_there(file: Path) -> None:
    file.write_text("customer,date,amount\nC1,2025-01-31,5\n")
    with pytest.raises(IngestError, match="no column 'amuont'; did you mean 'amount'"):
        read(file, amount="amuont")


def test_notation_that_shows_late_is_kept_for_the_whole_file(file: Path) -> None:
    early = "C1;2025-01-31;1.500\n" * 10_000
    file.write_text("customer;date;amount\n" + early + "C1;2025-02-01;7,5\n")
    assert np.unique(read(file).amount_minor).tolist() == [750, 150_000]
    file.write_text("customer;date;amount\n" + early + "C1;2025-02-01;7.5\n")
    assert np.unique(read(file).amount_minor).tolist() == [150, 750]
    file.write_text("customer;date;amount\n" + early + "C1;2025-02-01;7.5\nC1;2025-02-01;7,5\n")
    table = read(file)
    assert (table.rejected, table.amount_minor.tolist()) == (10_000, [750, 750])
    assert "may be thousands or decimals" in table.rejects[0].reason


def test_ids_that_turn_out_to_be_texts_are_texts_from_the_start(file: Path) -> None:
    file.write_text("customer,date,amount\n" + "7,2025-01-31,1.00\n" * 90_000 + "007,2025-01-31,1.00\n")
    table = read(file)
    assert sorted(str(name) for name in table.names) == ["007", "7"]
    assert np.bincount(table.customer).max() == 90_000
