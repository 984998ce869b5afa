from __future__ import annotations

import csv
import io
import json
import string
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import IngestError
from engine.ingest.formats import Reject, Row, decode, is_json, read, rejects_csv

T = TypeVar("T")
CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from(',;"\n\t|\r'), max_size=8)
NAMES = st.lists(
    st.text(string.ascii_letters + " ;,|\"'è", min_size=1, max_size=8).filter(str.strip), min_size=2, max_size=4
)
NOISE = st.text(st.sampled_from('a1"",;\t|\n\r {}[]:\\\u2028\x0b€'), max_size=60)


TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


JSON_LINES = (
    "",
    '{"a": 1, "b": "x"}',
    '{"b": [1], "c": {"d": 2}}',
    '{"f\\u00e8": "\\ud83d\\ude00"}',
    '{"g": "\\ud800"}',
    '{"h": "\\u0000"}',
    '{"i": 1',
    '["j"]',
    "7",
)
"""Lines of all kinds, those among them that cannot be kept."""


def rows(text: str, file: str = "a.csv") -> list[Row]:
    return list(read(text, file).rows)


def attempt(work: Callable[[], T]) -> T | str:
    """What came of it, or the one line that is said."""
    try:
        return work()
    except IngestError as error:
        return str(error)


@given(st.text() | NOISE, st.sampled_from(("a.csv", "a.jsonl")))
@example('"', "a.csv")
@example('a,b\n"', "a.csv")
@example("a,b\n" + '"x\n' * 50, "a.csv")
@example("sep=", "a.csv")
@example("\r\r\r", "a.csv")
@example("[[[[", "a.jsonl")
@example('{"a": 1}\n' + "[" * 5000, "a.jsonl")
def test_whatever_the_text_is_rows_come_out_or_one_clear_line(text: str, file: str) -> None:
    sheet = attempt(lambda: read(text, file))
    if isinstance(sheet, str):
        assert sheet.startswith(file)
        return
    found = list(sheet.rows)
    lines = text.count("\n") + text.count("\r") + 1
    assert all(1 <= row.number <= lines for row in found)
    assert [row.number for row in found] == sorted(row.number for row in found)
    assert all(row.fault or set(row.values) <= set(sheet.header) for row in found)


@given(st.binary(max_size=200))
def test_bytes_are_text_or_one_clear_line(data: bytes) -> None:
    found = attempt(lambda: decode(data, "a.csv"))

    assert "\0" not in found
    if b"\0" in data:
        assert found.startswith("a.csv: this is not a text file")


@given(TEXT, st.booleans())
def test_what_is_utf_8_is_read_as_it_is(text: str, mark: bool) -> None:
    plain = text.removeprefix("\ufeff")
    assert decode((b"\xef\xbb\xbf" if mark else b"") + plain.encode(), "a.csv") == plain


def test_windows_1252_is_read_line_by_line() -> None:
    assert decode("Forlì €5\n".encode("cp1252") + "Cesenà\n".encode(), "a.csv") == "Forlì €5\nCesenà\n"
    assert decode(b"\xef\xbb\xbfForl\xec\n", "a.csv") == "Forlì\n"


@given(
    NAMES, st.lists(st.lists(CELLS, min_size=4, max_size=4)), st.sampled_from(",;\t|"), st.sampled_from(("\n", "\r\n"))
)
def test_what_a_spreadsheet_writes_is_read_back(
    names: list[str], cells: list[list[str]], delimiter: str, ending: str
) -> None:
    header = list(dict.fromkeys(name.strip() for name in names))
    table = [row[: len(header)] for row in cells]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows(table)

    found = [row.values for row in rows(text.getvalue())]

    stripped = [[cell.strip() for cell in row] for row in table]
    assert found == [dict(zip(header, row, strict=True)) for row in stripped if any(row)]


@given(st.lists(st.dictionaries(TEXT, st.integers() | TEXT | st.none(), min_size=1, max_size=3), min_size=1))
def test_json_lines_are_read_back(objects: list[dict[str, Any]]) -> None:
    sheet = read("\n".join(json.dumps(one) for one in objects), "a.ndjson")

    found = list(sheet.rows)

    assert [(row.number, row.values, row.fault) for row in found] == [(n, one, "") for n, one in enumerate(objects, 1)]
    assert set(sheet.header) == {name for one in objects for name in one}


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("a,b;c,d", ["a", "b;c", "d"]),
        ("a;b", ["a", "b"]),
        ("a\tb, c\td", ["a", "b, c", "d"]),
        ("a|b", ["a", "b"]),
        ('a;"b,c,d";e', ["a", "b,c,d", "e"]),
        ("alone", ["alone"]),
        ("sep=;\na;b,c,d", ["a", "b,c,d"]),
        ("SEP=|\na|b;c", ["a", "b;c"]),
        ("\n\n a ; b \n", ["a", "b"]),
        ("a;b;;", ["a", "b"]),
    ],
)
def test_the_header_and_its_delimiter(first: str, expected: list[str]) -> None:
    assert list(read(first, "a.csv").header) == expected


def test_cells_that_are_too_many_or_too_few() -> None:
    found = rows("a,b\n1,2\n1\n1,2,3\n1,2,,\n")

    assert [(row.number, row.fault) for row in found] == [
        (2, ""),
        (3, "1 cells where the header has 2"),
        (4, "3 cells where the header has 2"),
        (5, ""),
    ]


def test_rows_are_numbered_by_the_line_on_which_they_begin() -> None:
    found = rows('\r\na,b\r\n\r\n"1\r\n1",2\r\n3,4\r\n\r\n5,6')

    assert [(row.number, row.values["a"]) for row in found] == [(4, "1\r\n1"), (6, "3"), (8, "5")]


@given(st.lists(st.sampled_from(JSON_LINES), max_size=30), st.sampled_from(("\n", "\r\n", "\r")))
def test_the_names_of_json_lines_are_those_of_its_rows(lines: list[str], end: str) -> None:
    """They are found before the rows are read, many lines at once where all are plain."""
    sheet = read(f'{{"id": 1}}{end}' + "".join(line + end for line in lines), "a.jsonl")

    found = list(sheet.rows)
    assert list(sheet.header) == list(dict.fromkeys(name for row in found for name in row.values))
    assert [row.number for row in found] == [1, *(n for n, line in enumerate(lines, 2) if line)]


def test_after_wrong_quotes_the_next_line_is_read() -> None:
    found = rows('a,b\n"1,2\n3,4\n5,"6\n7,8\n"9"x,0\n1,2\n')

    assert [(row.number, row.values) for row in found if not row.fault] == [
        (3, {"a": "3", "b": "4"}),
        (5, {"a": "7", "b": "8"}),
        (7, {"a": "1", "b": "2"}),
    ]
    assert [row.number for row in found if "its quotes are not right" in row.fault] == [2, 4, 6]


SAID = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda one: st.lists(one, max_size=2) | st.dictionaries(TEXT, one, max_size=2),
    max_leaves=4,
)
ODD = ("1e400", "-1e999", "NaN", "-Infinity", "-0", "1E5", "01", "1.", "9" * 40, '"a\tb"', "[" * 300 + "]" * 300)


def by_the_library(line: str) -> str | None:
    """What json reads in a line, numbers beyond all measure left out; None when it cannot."""

    def finite(word: str) -> float:
        if not isfinite(float(word)):
            raise ValueError(word)
        return float(word)

    try:
        return repr(json.loads(line, parse_float=finite, parse_constant=finite))
    except ValueError:
        return None


@given(st.dictionaries(TEXT, SAID, max_size=3), st.booleans(), st.sampled_from(("", " ", "\x0b", ",", "1")))
@example({"a": "\ud800"}, True, "")
def test_json_is_read_as_the_library_reads_it(values: dict[str, Any], escaped: bool, after: str) -> None:
    line = json.dumps(values, ensure_ascii=escaped) + after
    (row,) = rows(f'{{"a": 1}}\n{line}', "a.jsonl")[1:]
    unstorable = "\\ud800" in line
    assert (None if row.fault else repr(row.values)) == (None if unstorable else by_the_library(line))


@pytest.mark.parametrize("said", ODD)
def test_odd_values_of_json(said: str) -> None:
    line = f'{{"a": {said}}}'
    (row,) = rows(f'{{"a": 1}}\n{line}', "a.jsonl")[1:]
    assert (None if row.fault else repr(row.values)) == by_the_library(line)


def test_lines_of_json_are_those_of_an_editor() -> None:
    found = rows('{"a": "x\u2028y\x85z"}\r\n\r\n{"a": 2}\r', "a.json")

    assert [(row.number, row.values) for row in found] == [(1, {"a": "x\u2028y\x85z"}), (3, {"a": 2})]


def test_a_backslash_before_letters_is_no_nul() -> None:
    assert rows(r'{"a": "C:\\u0000"}', "a.json")[0].values == {"a": "C:\\u0000"}
    assert "NUL" in rows(r'{"b": 1}' + "\n" + r'{"a": "C:\\\u0000"}', "a.json")[1].fault


@pytest.mark.parametrize(
    ("name", "json_lines"), [("a.JSONL", True), ("a.json", True), ("a.ndjson", True), ("a.csv", False)]
)
def test_json_is_known_by_its_name(name: str, json_lines: bool) -> None:
    assert is_json(name) is json_lines


@given(st.lists(st.builds(Reject, row=st.integers(1, 99), column=CELLS, value=CELLS, reason=CELLS)))
def test_rejects_are_listed_in_the_order_of_the_rows(rejects: list[Reject]) -> None:
    table = list(csv.DictReader(io.StringIO(rejects_csv("a.csv", rejects), newline="")))

    assert [int(row["row"]) for row in table] == sorted(reject.row for reject in rejects)
    assert sorted((row["column"], row["value"], row["reason"]) for row in table) == sorted(
        (reject.column, reject.value, reject.reason) for reject in rejects
    )
    assert all(row["file"] == "a.csv" for row in table)
