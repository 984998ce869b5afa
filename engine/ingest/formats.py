"""CSV and JSON Lines, as rows of named values with their place in the file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import IngestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its number as an editor shows it (a CSV's header is row 1), and its values by the file's own names."""

    number: int
    values: Mapping[str, Any]
    fault: str = ""  # why the row as a whole cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that was not taken, where, and why; column is empty when the row as a whole is wrong."""

    row: int
    column: str
    value: str
    reason: str


def decode(data: bytes, file: str) -> str:
    """UTF-8 (with or without a mark), else Windows-1252, which spreadsheets write. Raises IngestError for neither."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise IngestError("this is not a text file (CSV or JSON Lines in UTF-8 are read)", file=file)


def is_json(file: str) -> bool:
    """Whether a file is JSON Lines, by its name."""
    return file.lower().endswith((".jsonl", ".ndjson", ".json"))


def read(text: str, file: str) -> Iterator[Row]:
    """The rows of a file, CSV unless its name says JSON Lines. Raises IngestError when there is no header."""
    return _json_lines(text) if is_json(file) else _csv(text, file)


def _json_lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            yield Row(number=number, values={}, fault=f"not JSON: {error.msg} at column {error.colno}")
            continue
        if isinstance(values, dict):
            yield Row(number=number, values=values)
        else:
            yield Row(number=number, values={}, fault='not a JSON object such as {"customer": "C1"}')


def _csv(text: str, file: str) -> Iterator[Row]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = _header(reader, file)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number=start, values={}, fault=f"not CSV: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        values = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        fault = "" if len(cells) == len(header) else f"{len(cells)} cells where the header has {len(header)}"
        yield Row(number=start, values=values, fault=fault)


def _header(reader: Iterator[list[str]], file: str) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except (StopIteration, csv.Error):
        raise IngestError("the file is empty or has no header", file=file, row=1) from None
    twice = {name for name in header if name and header.count(name) > 1}
    if twice:
        raise IngestError(f"the header names '{min(twice)}' twice", file=file, row=1, column=min(twice))
    return header
