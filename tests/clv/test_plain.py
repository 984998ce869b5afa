"""The fast way says what the careful one says, or nothing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.clv import amounts, blocks, codes, days, plain

DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))
COLUMNS = {"customer": "customer", "date": "date", "amount": "amount"}
IDS = st.integers(0, 99_999_999).map(str) | st.sampled_from(["C1", "7", "123456789", "007", "-7"])
DATES = st.dates().map(str) | st.sampled_from(["2025-01-31", "2025-02-30", "20250131", "2025-01-3x", "2025/01/31"])
AMOUNTS = st.integers(-(10**9), 10**11).map(lambda minor: f"{minor / 100:.2f}") | st.sampled_from(
    ["5", "5.5", "-0.05", "12345678.90", "123456789.01", ".50", "5.", "1.234", "1e3", "-5.1", "--5", "5.-1", "0005.00"]
)


def block(rows: list[tuple[str, ...]], header: str, end: str) -> tuple[bytes, blocks.Form]:
    form = blocks.form(f"{header}{end}".encode(), "f.csv")
    return "".join(form.delimiter.join(row) + end for row in rows).encode(), form


@settings(max_examples=150)
@given(
    st.lists(st.tuples(IDS, DATES, AMOUNTS), min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 30),
)
@example([("1", "2025-01-31", "12345.67"), ("2", "2025-01-31", "-99999.99")], "\n", 9)
def test_what_is_read_fast_is_what_is_read_with_care(rows: list[tuple[str, ...]], end: str, repeat: int) -> None:
    data, form = block(rows * repeat, "customer,date,amount", end)
    found = plain.read(data, form, COLUMNS)
    if found is None:
        return
    texts = blocks.read(data, form, COLUMNS, "f.csv").texts
    day, amount = days.parse(texts["date"]), amounts.parse(texts["amount"], mark=".", exponent=plain.EXPONENT)

    assert day.good.all()
    assert amount.good.all()
    assert codes.plain(texts["customer"]).to_list() == found.customer.to_list()
    assert found.day.tolist() == day.day.tolist()
    assert found.minor.tolist() == amount.minor.tolist()
    assert found.dot == any("." in row[2] for row in rows)


@given(st.lists(st.tuples(st.integers(0, 10**8 - 1), DAYS, st.integers(-(10**7), 10**10 - 1)), min_size=1, max_size=20))
def test_plain_rows_are_read_fast(rows: list[tuple[int, date, int]]) -> None:
    data, form = block(
        [(str(who), str(day), f"{minor / 100:.2f}") for who, day, minor in rows], "customer,date,amount", "\n"
    )
    found = plain.read(data, form, COLUMNS)
    assert found is not None
    assert found.customer.to_list() == [who for who, _, _ in rows]
    assert found.minor.tolist() == [minor for _, _, minor in rows]


@pytest.mark.parametrize(
    "header", ["what,amount,date,customer", "date,what,customer,amount", "customer,amount,date,what"]
)
def test_columns_may_stand_anywhere(header: str) -> None:
    said = {"customer": "12", "date": "2025-01-31", "amount": "7.5", "what": "è buono."}
    data, form = block([tuple(said[name] for name in header.split(","))] * 3, header, "\r\n")
    found = plain.read(data, form, COLUMNS)
    assert found is not None
    assert (found.customer.to_list(), found.minor.tolist(), found.dot) == ([12] * 3, [750] * 3, True)


def test_a_point_in_the_column_before_is_not_the_amounts() -> None:
    data, form = block([("12", "2025-01-31", "etc.", "5")] * 3, "customer,date,what,amount", "\n")
    assert plain.read(data, form, COLUMNS) is None


def test_purchases_may_have_no_amount() -> None:
    data, form = block([("12", "2025-01-31")], "customer,date", "\n")
    found = plain.read(data, form, {"customer": "customer", "date": "date"})
    assert found is not None
    assert (found.minor.tolist(), found.dot) == ([0], False)


def test_customers_with_letters_are_strings() -> None:
    data, form = block([("C1", "2025-01-31", "1"), (" C2", "2025-01-31", "1")], "customer,date,amount", "\n")
    found = plain.read(data, form, COLUMNS)
    assert found is not None
    assert found.customer.to_list() == ["C1", "C2"]


@pytest.mark.parametrize(
    "row",
    ["1,2025-01-31", "1,2025-01-31,5,6", '1,2025-01-31,"5"', ",2025-01-31,5", "1,2025-01-31,", "",
     "1,2025-01-31,5\r2,2025-01-31,5", "1,2025-01-31,5\0"],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_careful_way(row: str) -> None:
    form = blocks.form(b"customer,date,amount\n", "f.csv")
    assert plain.read(f"7,2025-01-31,5.00\n{row}\n".encode(), form, COLUMNS) is None


def test_dates_in_any_order() -> None:
    day = np.random.default_rng(3).integers(700_000, 738_000, 500)
    texts = [date.fromordinal(one).isoformat() for one in day.tolist()]
    data, form = block([("1", text, "5") for text in texts], "customer,date,amount", "\n")
    found = plain.read(data, form, COLUMNS)
    assert found is not None
    assert found.day.tolist() == day.tolist()
