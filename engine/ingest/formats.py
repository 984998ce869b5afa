"""CSV and JSON Lines, as rows of named values with their place in the file; and the file of what was not taken."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import inf, isfinite
from typing import Any, cast

from pydantic_core import from_json

from engine.errors import IngestError

_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(rf"sep=([{_DELIMITERS}])\s*", re.IGNORECASE)  # how Excel announces its delimiter
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it, and not a backslash before the letters u0000
_LONGEST_VALUE = 200
_TOGETHER = 1000  # lines of JSON whose names are read at once
_SINGLE = {str, int, float, bool, type(None)}
_MANY = 100  # names in a file: each row has few of them, and columns of nothing are no gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its number as an editor shows it (a CSV's header is row 1), and its values by the file's own names."""

    number: int
    values: Mapping[str, Any]
    fault: str = ""  # why the row as a whole cannot be read

    @property
    def rejected(self) -> list[Reject]:
        """What there is to say when it cannot."""
        return [Reject(row=self.number, column="", value="", reason=self.fault)] if self.fault else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that was not taken, where, and why; column is empty when the row as a whole is wrong."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some rows of a file. cells: their columns by the file's own names, empty where rows differ: those are `rows`."""

    numbers: Sequence[int] = ()
    cells: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    rows: Sequence[Row] = ()

    def __len__(self) -> int:
        return len(self.rows) or len(self.numbers)

    @property
    def places(self) -> Sequence[int]:
        """The number of each row."""
        return self.numbers or [row.number for row in self.rows]

    def column(self, name: str | None) -> Sequence[Any]:
        """The values of a column; None for each row where there is none of that name."""
        return self.cells.get(name or "") or [None] * len(self)

    def row(self, place: int) -> Row:
        """One of the rows."""
        if self.rows:
            return self.rows[place]
        values = {name: column[place] for name, column in self.cells.items()}
        return Row(number=self.numbers[place], values=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The names of a file's columns (of JSON Lines: all that occur), and its rows, read as they are asked for.

    blocks: the same rows, so many at a time.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    blocks: Callable[[int], Iterator[Block]]


def decode(data: bytes, file: str) -> str:
    """UTF-8 (with or without a mark), else Windows-1252 where a line is not UTF-8. Raises IngestError for no text.

    Spreadsheets write Windows-1252; the choice is made for each line, because exports are also glued together.
    """
    if b"\0" not in data:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
        try:
            return "\n".join(_decode_line(line) for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
        except UnicodeDecodeError:
            pass
    raise IngestError("this is not a text file (hint: export it as CSV or JSON Lines, in UTF-8)", file=file)


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252")


def is_json(file: str) -> bool:
    """Whether a file is JSON Lines, by its name."""
    return file.lower().endswith((".jsonl", ".ndjson", ".json"))


def read(text: str, file: str) -> Sheet:
    """A file's columns and rows: CSV unless its name says JSON Lines. Raises IngestError when it holds neither."""
    return _json_lines(text, file) if is_json(file) else _csv(text, file)


def rejects_csv(file: str, rejects: Iterable[Reject]) -> str:
    """The rejects of a file as CSV (RFC 4180), in the order of its rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("file", "row", "column", "value", "reason"))
    for reject in sorted(rejects, key=lambda reject: (reject.row, reject.column)):
        writer.writerow((file, reject.row, reject.column, reject.value[:_LONGEST_VALUE], reject.reason))
    return text.getvalue()


def _lines(text: str) -> list[str]:
    """Lines with their ends, as an editor counts them: \\n, \\r\\n and \\r end one; U+2028 inside a value does not."""
    with io.TextIOWrapper(
        io.BytesIO(text.encode()), "utf-8", newline=""
    ) as lines:  # StringIO takes four times the room
        return list(lines)


def _json_lines(text: str, file: str) -> Sheet:
    lines = _lines(text)
    first = next((place for place, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise IngestError("the file is empty", file=file)
    names = tuple(_names(lines))
    if not names or lines[first].lstrip().startswith("["):
        hint = "one whole object a line, and no list around them"
        raise IngestError(f"this is not JSON Lines (hint: {hint})", file=file, row=first + 1)

    def rows() -> Iterator[Row]:
        return (_json_row(number, line) for number, line in enumerate(lines, 1) if line.strip())

    return Sheet(header=names, rows=rows(), blocks=lambda size: _json_blocks(rows(), names, size))


def _names(lines: Sequence[str]) -> dict[str, None]:
    """All names that occur, in their order. Nothing else is kept of a line: a large file would not find room."""
    names: dict[str, None] = {}
    for start in range(0, len(lines), _TOGETHER):
        for values in _values([line for line in lines[start : start + _TOGETHER] if line.strip()]):
            if not values.keys() <= names.keys():
                names.update(dict.fromkeys(values))
    return names


def _values(lines: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """What some lines hold: read as one list, which takes a fraction of the time, where all of them are plain."""
    together = ",".join(lines)
    try:
        found = from_json(f"[{together}]", allow_inf_nan=False) if "\\u" not in together else ()
    except ValueError:
        found = ()
    if len(found) == len(lines) and set(map(type, found)) <= {dict}:
        return cast("list[dict[str, Any]]", found)
    return [_json_row(0, line).values for line in lines]


def _json_blocks(all_rows: Iterator[Row], header: tuple[str, ...], size: int) -> Iterator[Block]:
    while rows := list(islice(all_rows, size)):
        if len(header) > _MANY or any(row.fault for row in rows):
            yield Block(rows=rows)
        else:
            yield Block(rows=rows, cells={name: [row.values.get(name) for row in rows] for name in header})


def _json_row(number: int, line: str) -> Row:
    if (plain := _plain_object(line)) is not None:
        return Row(number=number, values=plain)
    try:
        values = (json.loads if line[0] == "\ufeff" else _JSON.decode)(line)  # the former says what a mark is
        if "\\u" in line:
            _refuse_unstorable(json.dumps(values, ensure_ascii=False))
    except json.JSONDecodeError as error:
        return Row(number=number, values={}, fault=f"not JSON: {error.msg} at column {error.colno}")
    except (ValueError, RecursionError) as error:
        return Row(number=number, values={}, fault=f"not JSON that can be kept: {error}")
    if isinstance(values, dict):
        return Row(number=number, values=values)
    return Row(number=number, values={}, fault='not a JSON object such as {"customer": "C1"}')


def _plain_object(line: str) -> dict[str, Any] | None:
    """An object of single values by a reader that takes half the time; None of whatever it may read otherwise."""
    try:
        found = from_json(line, allow_inf_nan=False) if "\\" not in line else None
    except (ValueError, TypeError):
        return None
    if not isinstance(found, dict) or not _SINGLE.issuperset(map(type, found.values())):
        return None
    return None if inf in found.values() or -inf in found.values() else found  # 1e400


def _finite(said: str) -> float:
    number = float(said)
    if not isfinite(number):
        raise ValueError(f"{said[:40]} is not a number")
    return number


_JSON = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)


def _refuse_unstorable(text: str) -> None:
    """Escapes can spell what no database and no file holds: half a surrogate pair, or a NUL. Raises ValueError."""
    text.encode()
    if _NUL.search(text):
        raise ValueError("it holds a NUL sign")


def _csv(text: str, file: str) -> Sheet:
    lines = _lines(text)
    start = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    said = _SEPARATOR_LINE.fullmatch(lines[start]) if start < len(lines) else None
    if said:
        start += 1
    first = re.sub(r'"[^"]*"', "", lines[start]) if start < len(lines) else ""
    delimiter = said[1] if said else max(_DELIMITERS, key=first.count)
    first_line = start if start < len(lines) else 0  # there is no line behind the last
    records = _records(lines, start, delimiter)
    _, start, cells, fault = next(records, (0, start, [], ""))
    header = tuple(name.strip() for name in cells)
    if fault or not any(header):
        reason = f"the file is empty or has no header{fault and ': ' + fault}"
        raise IngestError(reason, file=file, row=first_line + 1)
    twice = sorted(name for name in set(header) if name and header.count(name) > 1)
    if twice:
        raise IngestError(f"the header names '{twice[0]}' twice", file=file, row=first_line + 1, column=twice[0])
    rows = (_csv_row(number, cells, header, fault) for number, _, cells, fault in records if fault or any(cells))
    names = tuple(name for name in header if name)
    return Sheet(header=names, rows=rows, blocks=lambda size: _csv_blocks(lines, start, delimiter, header, size))


def _records(lines: list[str], start: int, delimiter: str) -> Iterator[tuple[int, int, list[str], str]]:
    """Each record's first line, how many lines there are up to its end, its cells, and what is wrong with its quotes.

    After a fault it goes on with the next line, so that one quote that is never closed does not swallow all others.
    """
    while start < len(lines):
        reader = csv.reader((lines[index] for index in range(start, len(lines))), delimiter=delimiter, strict=True)
        number = start + 1
        try:
            for cells in reader:
                end = start + reader.line_num
                yield number, end, [cell.strip() for cell in cells], ""
                number = end + 1
        except csv.Error as error:
            yield number, number, [], f"its quotes are not right ({error})"
            start = number
        else:
            return


def _csv_blocks(
    lines: list[str], start: int, delimiter: str, header: tuple[str, ...], size: int
) -> Iterator[Block]:  # fmt: skip
    while start < len(lines):
        cells = _columns(lines[start : start + size], delimiter, header)
        if cells is not None:
            end = min(start + size, len(lines))
            yield Block(numbers=range(start + 1, end + 1), cells=cells)
            start = end
            continue
        rows: list[Row] = []
        records = _records(lines, start, delimiter)
        while len(rows) < size and (record := next(records, None)):
            number, start, found, fault = record
            if fault or any(found):
                rows.append(_csv_row(number, found, header, fault))
        if rows:
            yield Block(rows=rows)


def _columns(lines: list[str], delimiter: str, header: tuple[str, ...]) -> dict[str, list[str]] | None:
    """The columns of these lines, if each is a row with a cell for every name; else None."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    if len(rows) != len(lines) or set(map(len, rows)) != {len(header)}:
        return None
    columns = [list(map(str.strip, column)) for column in zip(*rows, strict=True)]
    if all("" in column for column in columns):  # there may be a row of nothing
        return None
    return {name: column for name, column in zip(header, columns, strict=True) if name}


def _csv_row(number: int, cells: list[str], header: tuple[str, ...], fault: str) -> Row:
    if not fault and (len(cells) < len(header) or any(cells[len(header) :])):
        fault = f"{len(cells)} cells where the header has {len(header)}"
    values = {name: cell for name, cell in zip(header, cells, strict=False) if name}
    return Row(number=number, values=values, fault=fault)
