"""Amounts in columns: exactly what is written, in the notation of the whole column."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.clv import amounts
from engine.ingest import values

NEARLY = st.text("0123456789-+.,€ e\u00a0", max_size=12)
CENTS = st.integers(-(10**8), 10**8) | st.integers(-(2**63), 2**63)


def read(texts: list[str | None], mark: str = ".", exponent: int = 2) -> list[int | None]:
    found = amounts.parse(pl.Series(texts, dtype=pl.String), mark=mark, exponent=exponent)
    return [minor if good else None for minor, good in zip(found.minor.tolist(), found.good.tolist(), strict=True)]


@settings(max_examples=150)
@given(st.lists(NEARLY | st.none(), max_size=6), st.sampled_from([".", ",", ""]))
@example(["1.234", "1,234", "0.123", "12,50", "12.50", "1.234,56"], "")
@example(["1.234", "12,50", "1.234.567", "5,", ",5"], ",")
def test_what_ingest_reads_is_read_in_the_same_way(texts: list[str | None], mark: str) -> None:
    for text, found in zip(texts, read(texts, mark), strict=True):
        said, reason = in_ingest(text or "", mark)
        machine = text and (text.strip().lstrip("+-").startswith(".") or "e" in text)
        assert found == said or (said is None and ("more decimals" in reason or machine)), text


def in_ingest(text: str, mark: str) -> tuple[int | None, str]:
    try:
        return values.money(text, "EUR", mark), ""
    except ValueError as error:
        return None, str(error)


@given(st.lists(CENTS, max_size=5), st.integers(0, 3))
@example([2**63 - 1, -(2**63) + 1], 2)
def test_every_amount_comes_back(minors: list[int], exponent: int) -> None:
    texts = [str(Decimal(minor).scaleb(-exponent)) for minor in minors]
    kept = [minor if abs(minor) < 2**63 else None for minor in minors]
    assert read(list(texts), ".", exponent) == kept
    assert read([text.replace(".", ",") for text in texts if "E" not in text], ",", exponent) == [
        minor for minor, text in zip(kept, texts, strict=True) if "E" not in text
    ]


@given(st.integers(-(10**9), 10**9), st.integers(0, 12))
@example(1005, 3)
@example(1015, 3)
@example(-2675, 3)
def test_more_decimals_are_rounded_half_away_from_zero(number: int, places: int) -> None:
    written = Decimal(number).scaleb(-places)
    exact = (written * 100).to_integral_value(ROUND_HALF_UP)
    assert read([f"{written:f}"]) == [int(exact)]


def test_no_rounding_is_done_twice() -> None:
    assert read(["0.00" + "4" + "9" * 40, "0.005", "-0.005", "0.0049999999999999"]) == [0, 1, -1, 0]


@pytest.mark.parametrize(
    ("texts", "dot", "comma"),
    [
        (["5", "1.234", "1,234"], False, False),
        (["5", "12.5"], True, False),
        (["5", "12,5"], False, True),
        (["1.234,50"], False, True),
        (["1,234.50"], True, False),
        (["0.123"], True, False),
        (["12.50", "12,50"], True, True),
        (["1234,567"], False, True),
        (["5"] * 200 + ["12.50"], True, False),
    ],
)
@pytest.mark.parametrize("mark", ["", ".", ","])
def test_what_the_amounts_tell_of_their_notation(texts: list[str], dot: bool, comma: bool, mark: str) -> None:
    found = amounts.parse(pl.Series(texts), mark=mark, exponent=2)
    if (mark, texts) != (",", ["1234,567"]):  # with a comma for the mark this is as plain as 1,5
        assert (found.dot, found.comma) == (dot, comma)


@pytest.mark.parametrize(
    ("text", "minor"),
    [("1e3", 100_000), ("1.5E-02", 2), (".5", 50), ("5.", 500), ("-€ 3", -300), ("1 200,5", 120_050), ("+7", 700)],
)
def test_how_people_and_machines_write(text: str, minor: int) -> None:
    assert read([text], ".") == [minor] or read([text], "") == [minor]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("free", "'free' is not an amount"),
        ("nan", "'nan' is not an amount"),
        ("inf", "'inf' is not an amount"),
        ("1e400", "'1e400' is larger than any amount of money"),
        ("9" * 30, f"'{'9' * 30}' is larger than any amount of money"),
        ("1.234", "'1.234' may be thousands or decimals, and the other amounts do not tell which"),
    ],
)
def test_what_is_wrong_with_an_amount(text: str, reason: str) -> None:
    assert read([text], "") == [None]
    assert amounts.fault(text, mark="") == reason
