"""Files in blocks: whatever stands in them, the facts and the faults are those of the same rows one by one."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.decide.kinds import KINDS
from engine.ingest.cells import WRONG, Cells, Meanings, odd
from engine.ingest.columns import Reading
from engine.ingest.events import Events
from engine.ingest.formats import Reject, Row, read
from engine.ingest.happened import Happened
from engine.ingest.identity import RowKeys
from engine.ingest.rows import Shop
from engine.ingest.transactions import Transactions

SHOP = Shop(currency="EUR", time_zone="Europe/Rome")
TYPES = {kind.name: {name: str(one) for name, one in kind.payload.items()} for kind in KINDS}
EVENT = ("customer", "date", "kind", "id", "amount", "what", "rating", "payload")
SALE = ("customer", "date", "amount", "currency", "id", "cost", "reverses", "referral_code", "what")
TEXTS = st.sampled_from((
    "", " ", "C1", " C2", "2026-01-05", "2026-03-29 02:30", "05/01/2026 10:23", "quote.sent", "review.received", "moon",
    "10", "10.5", "10,50", "-3.00", "1.234", "1e5", "EUR", "usd", "$", "x", "Q 1", "4", "4.5", "yes", 'a "b"', "a\nb",
))  # fmt: skip
ANYTHING = TEXTS | st.sampled_from((None, True, 1, 1.0, 0.1 + 0.2, -2, [], ["x"], {}, {"amount": "5", "what": " "}))
LIKELY = {
    "customer": st.sampled_from(("C1", "C2 ")),
    "date": st.sampled_from(("2026-01-05", "2026-01-05T09:30", "31/12/2025")),
    "kind": st.sampled_from(("quote.sent", "review.received", "complaint.opened")),
    "amount": st.sampled_from(("10.00", "7", "10,5", "-3.00")),
}


def rows_of(names: tuple[str, ...], values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = {name: st.one_of(LIKELY[name], LIKELY[name], values) if name in LIKELY else values for name in names}
    return st.lists(st.fixed_dictionaries(row), min_size=1, max_size=12)


def as_csv(names: tuple[str, ...], rows: list[dict[str, Any]], ragged: bool) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([row[name] for name in names[: -1 if ragged and row[names[0]] == "C1" else None]] for row in rows)
    return text.getvalue()


def whole_or_not(row: Row, reader: Any) -> Any:
    return [Reject(row=row.number, column="", value="", reason=row.fault)] if row.fault else reader.row(row)


def by_rows(text: str, file: str, reader: Any) -> list[Any]:
    return [whole_or_not(row, reader) for row in read(text, file).rows]


def by_blocks(text: str, file: str, reader: Any, size: int) -> list[Any]:
    found: list[Any] = []
    for block in read(text, file).blocks(size):
        assert len(block) <= size
        assert list(block.places) == [block.row(place).number for place in range(len(block))]
        found += in_order(reader.block(block))
    return found


def in_order(read: Happened | list[Any]) -> list[Any]:
    """What a block of rows gave, a fact or rejects for each."""
    if isinstance(read, list):
        return read
    facts: dict[int, Any] = {number: read.fact(place) for place, number in enumerate(read.numbers)}
    for reject in read.rejects:
        facts.setdefault(reject.row, []).append(reject)
    return [facts[number] for number in sorted(facts)]


def events(columns: dict[str, str], decimal: str = "") -> Events:
    return Events(columns, Reading(decimal=decimal), SHOP, RowKeys(), TYPES)


def sales(columns: dict[str, str], decimal: str = "") -> Transactions:
    return Transactions(columns, Reading(decimal=decimal), SHOP, RowKeys())


OWN = {name: name for name in ("customer", "date", "kind", "id", "amount")}


@settings(max_examples=30)
@given(rows_of(EVENT, TEXTS), st.integers(1, 5), st.booleans(), st.sampled_from(("", ",", ".")))
def test_events_of_csv(rows: list[dict[str, Any]], size: int, ragged: bool, decimal: str) -> None:
    text = as_csv(EVENT, rows, ragged)

    assert by_blocks(text, "a.csv", events(OWN, decimal), size) == by_rows(text, "a.csv", events(OWN, decimal))


@settings(max_examples=30)
@given(rows_of(EVENT, ANYTHING), st.integers(1, 5))
@example([{"customer": "C1", "date": "2026-01-05", "kind": "quote.sent", "amount": 5, "payload": {"a": 1}}], 1)
def test_events_of_json(rows: list[dict[str, Any]], size: int) -> None:
    text = "\n".join(json.dumps({name: one for name, one in row.items() if one != "moon"}) for row in rows)

    assert by_blocks(text, "a.jsonl", events(OWN), size) == by_rows(text, "a.jsonl", events(OWN))


@settings(max_examples=30)
@given(rows_of(SALE, TEXTS), st.integers(1, 5), st.booleans(), st.sampled_from(("", ",", ".")))
def test_sales_of_csv(rows: list[dict[str, Any]], size: int, ragged: bool, decimal: str) -> None:
    text, own = as_csv(SALE, rows, ragged), {name: name for name in SALE}

    assert by_blocks(text, "a.csv", sales(own, decimal), size) == by_rows(text, "a.csv", sales(own, decimal))


@settings(max_examples=30)
@given(rows_of(SALE, ANYTHING), st.integers(1, 5))
def test_sales_of_json(rows: list[dict[str, Any]], size: int) -> None:
    text, own = "\n".join(map(json.dumps, rows)), {name: name for name in SALE}

    assert by_blocks(text, "a.jsonl", sales(own), size) == by_rows(text, "a.jsonl", sales(own))


def test_a_text_is_read_once_and_a_wrong_one_each_time() -> None:
    read_so_far: list[str] = []

    def number(said: str) -> int:
        read_so_far.append(said)
        return int(said)

    means = Meanings(number)

    assert means.column(["1", " 1", "x", "1", "", " ", "x"]) == [1, 1, WRONG, 1, None, None, WRONG]
    assert read_so_far == ["1", "1", "x", "x"]


def test_what_means_itself_is_only_without_blanks_around() -> None:
    assert Meanings(str, verbatim=True).column([" a ", "", "b c"]) == ["a", None, "b c"]
    assert Meanings(str, verbatim=True).column([" a ", 5]) == ["a", "5"]


def test_true_and_one_are_not_the_same() -> None:
    means = Meanings(lambda said: said)

    assert [type(one) for one in means.column([1, True, 1.0, "1"])] == [int, bool, float, str]
    with pytest.raises(TypeError):
        means.column([["a list"]])


def test_where_something_is_odd() -> None:
    assert odd([1, None, WRONG, 2]) == {2}
    assert odd([1, None, WRONG, 2], (None, WRONG)) == {1, 2}
    assert odd([1, 2], (None, WRONG)) == set()


def test_a_cell_that_must_not_be_empty() -> None:
    cells = Cells({"customer": "Cliente"})
    cells.turn_to(Row(number=3, values={"Cliente": "  "}))

    assert cells.need("customer", Meanings(str)) is None
    assert cells.rejects == [Reject(row=3, column="Cliente", value="", reason="is empty")]
    cells.turn_to(Row(number=4, values={"Cliente": "C1"}))
    assert (cells.need("customer", Meanings(str)), cells.rejects) == ("C1", [])
