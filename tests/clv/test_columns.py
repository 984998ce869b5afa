"""Columns are found as ingest finds them, and asked for where it is not clear."""

from __future__ import annotations

import pytest

from engine.clv import columns
from engine.errors import IngestError
from engine.ingest.columns import KNOWN, match


def find(*header: str, **wanted: str) -> dict[str, str]:
    return columns.find(header, wanted, file="f.csv", row=1)


@pytest.mark.parametrize("customer", KNOWN["transactions"]["customer"])
@pytest.mark.parametrize("day", KNOWN["transactions"]["date"])
def test_the_names_that_ingest_knows(customer: str, day: str) -> None:
    header = [day.upper(), customer, "Totale", "cds"]
    found = match("transactions", header, {}, "f.csv")
    assert find(*header) == {ours: found[ours] for ours in ("customer", "date", "amount")}


def test_our_own_name_comes_first_then_the_words_in_their_order() -> None:
    found = find("totale", "id_cliente", "customer_id", "amount", "data", "date")
    assert found == {"customer": "customer_id", "date": "date", "amount": "amount"}


def test_capitals_spaces_and_lines_do_not_matter() -> None:
    assert find("CustomerID", "Invoice Date", "X") == {"customer": "CustomerID", "date": "Invoice Date"}


def test_what_the_user_names_is_not_guessed() -> None:
    found = find("who", "date", "amount", "net", customer="who", amount="net")
    assert found == {"customer": "who", "date": "date", "amount": "net"}


@pytest.mark.parametrize(
    ("header", "wanted", "said"),
    [
        (("a", "date"), {}, "f.csv:1: no column for customer among a, date (hint: --customer COLUMN)"),
        (("", "b"), {}, "no column for customer and date among b (hint: --customer COLUMN)"),
        (("customer", "date"), {"amount": "Dat"}, "no column 'Dat'; did you mean 'date'?; it has customer, date"),
        (("customer", "date", "Date"), {}, "'date' and 'Date' may both be date (hint: --date COLUMN)"),
        (("x", "date"), {"customer": "x", "date": "x"}, "'x' cannot be both customer and date"),
        (tuple(f"c{index}" for index in range(30)), {}, "c19, … (hint"),
    ],
)
def test_what_is_said_when_it_is_not_clear(header: tuple[str, ...], wanted: dict[str, str], said: str) -> None:
    with pytest.raises(IngestError) as raised:
        find(*header, **wanted)
    assert said in str(raised.value)
