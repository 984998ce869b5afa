"""A CSV file as blocks of whole rows, and each block as the texts of our columns; only odd blocks are read slowly."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from engine.errors import IngestError
from engine.ingest import formats
from engine.score.arrays import IntArray

ByteArray = NDArray[np.uint8]

SIZE = 1 << 20
"""Bytes of a block, about; a few are in memory at a time."""
_DELIMITERS = ",;\t|"
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_BLANK = b' \t\r\n"'
_SEPARATOR_LINE = re.compile(rf"sep=([{_DELIMITERS}])\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a CSV file is laid out. header: its columns, "" for one without a name, from the line `row`, counted from 1.

    start: the first byte after the header; text: the header as it stands there; lines: those up to `start`.
    """

    delimiter: str
    header: tuple[str, ...]
    row: int
    start: int
    text: str
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Rows of a file. texts: string columns by our names, null where nothing is written.

    line: where each row begins, counted from 0 at the block's own first line, of which it has `lines`. fault: why a
    row as a whole cannot be read.
    """

    texts: pl.DataFrame
    line: Sequence[int] | IntArray
    lines: int
    fault: Mapping[int, str] = field(default_factory=dict)


def form(head: bytes, file: str) -> Form:
    """The layout, from the first lines of a file. Raises IngestError when they are no text or hold no header."""
    text = formats.decode(head, file)
    formats.read(text, file)  # what is wrong with the header, it says
    lines = text.split("\n")
    row = next(index for index, line in enumerate(lines) if line.strip())
    announced = _SEPARATOR_LINE.fullmatch(lines[row])
    row += announced is not None
    unquoted = re.sub(r'"[^"]*"', "", lines[row])
    delimiter = announced[1] if announced else max(_DELIMITERS, key=unquoted.count)
    records = csv.reader((line + "\n" for line in lines[row:]), delimiter=delimiter)
    header = tuple(cell.strip() for cell in next(records))
    count = row + records.line_num
    return Form(
        delimiter=delimiter,
        header=header,
        row=row + 1,
        lines=count,
        start=sum(len(line) + 1 for line in head.split(b"\n")[:count]),
        text="\n".join(lines[row:count]) + "\n",
    )


def split(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """What is left of a file, in blocks that end with a line, and not inside quotes."""
    rest = b""
    while more := stream.read(size):
        data = b"".join((rest, more, stream.readline()))
        cut = len(data)
        while cut and len(more) == size and data.count(b'"', 0, cut) % 2:
            cut = data.rfind(b"\n", 0, data.rfind(b'"', 0, cut)) + 1
        rest = data[cut:]
        if cut:
            yield data[:cut] if rest else data
    if rest:
        yield rest


def read(data: bytes, form: Form, columns: Mapping[str, str], file: str) -> Block:
    """The rows of one block. columns: ours -> the file's. Raises IngestError when it is no text."""
    if b"\0" in data:
        raise IngestError("this is not a text file (hint: export it as CSV in UTF-8, or as Parquet)", file=file)
    if not data.endswith(b"\n"):
        data += b"\n"
    block = _regular(data, form, columns)
    if block is None:
        recoded = formats.decode(data, file).encode()
        block = _regular(recoded, form, columns) if recoded != data else None
    return block or _odd(data, form, columns, file)


def _regular(data: bytes, form: Form, columns: Mapping[str, str]) -> Block | None:
    """A block in which every row has as many cells as the header, each quote is in its place, and all is UTF-8."""
    quoted = b'"' in data
    try:
        texts = _texts(data, form, columns, quoted=quoted)
    except PolarsError:
        return None
    if _has_lone_returns(data):
        return None
    if not quoted and len(columns) == len(form.header) and not any(column.null_count() for column in texts):
        return Block(texts=texts, line=range(len(texts)), lines=len(texts))  # polars saw each cell, and all were there
    ends = _ends(data, form)
    if ends is None or len(ends) != len(texts):
        return None
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE) if quoted else ends
    line = np.searchsorted(breaks, np.append(0, ends[:-1] + 1))
    return _without_blank_rows(Block(texts=texts, line=line, lines=len(breaks)), data, ends, form)


def _has_lone_returns(data: bytes) -> bool:
    """Whether a line ends as on old Macs, without a line feed."""
    return b"\r" in data and data.count(b"\r") != data.count(b"\r\n")


def _texts(data: bytes, form: Form, columns: Mapping[str, str], *, quoted: bool) -> pl.DataFrame:
    names = {theirs: ours for ours, theirs in columns.items()}
    schema = {names.get(theirs, f"column {index}"): pl.String for index, theirs in enumerate(form.header)}
    quote = '"' if quoted else None
    rows = pl.scan_csv(data, has_header=False, schema=schema, separator=form.delimiter, quote_char=quote)
    texts = rows.select(*columns).collect()
    if data.isascii() and b" " not in data and b"\t" not in data:
        return texts
    return texts.with_columns(pl.col("customer").str.strip_chars())  # the readers of dates and amounts do it themselves


def _ends(data: bytes, form: Form) -> IntArray | None:
    """Where each row ends; None when rows differ in their cells, or quotes are not where they belong."""
    marks = _row_marks(np.frombuffer(data, np.uint8), form, quoted=b'"' in data)
    return None if marks is None else marks[len(form.header) - 1 :: len(form.header)]


def _row_marks(signs: ByteArray, form: Form, *, quoted: bool = False) -> IntArray | None:
    """Where each cell ends; None when rows differ in the number of their cells, or quotes are not where they belong."""
    marks = np.flatnonzero((signs == ord(form.delimiter)) | (signs == _NEWLINE))
    if quoted:
        quotes = np.flatnonzero(signs == _QUOTE)
        if not _well_placed(quotes, signs, form):
            return None
        marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    is_end = signs[marks] == _NEWLINE
    ends = is_end[len(form.header) - 1 :: len(form.header)]
    whole = len(marks) == len(ends) * len(form.header) and np.count_nonzero(is_end) == len(ends)
    return marks if whole and bool(ends.all()) else None


def _well_placed(quotes: IntArray, signs: ByteArray, form: Form) -> bool:
    """Whether each quote opens a cell, closes one, or is one of two inside a cell."""
    around = np.concatenate(([_NEWLINE], signs, [_NEWLINE]))
    before, after = around[quotes[::2]], around[quotes[1::2] + 2]
    borders = (ord(form.delimiter), _NEWLINE, _QUOTE)
    return len(quotes) % 2 == 0 and bool(np.isin(before, borders).all() and np.isin(after, (*borders, _RETURN)).all())


def _without_blank_rows(block: Block, data: bytes, ends: IntArray, form: Form) -> Block:
    """Without the rows in which no column says anything: spreadsheets leave such rows behind."""
    empty = block.texts.select(pl.all_horizontal(pl.all().fill_null("").str.strip_chars() == "")).to_series()
    full = np.ones(len(ends), dtype=np.bool_)
    for row in np.flatnonzero(empty.to_numpy()):
        start = ends[row - 1] + 1 if row else 0
        full[row] = bool(data[start : ends[row]].translate(None, _BLANK + form.delimiter.encode()))
    if full.all():
        return block
    return Block(texts=block.texts.filter(full), line=np.asarray(block.line)[full], lines=block.lines)


def _odd(data: bytes, form: Form, columns: Mapping[str, str], file: str) -> Block:
    """The same row by row, as ingest does it."""
    above = f"sep={form.delimiter}\n{form.text}"
    rows = list(formats.read(formats.decode(above.encode() + data, file), file).rows)
    texts = {ours: [row.values.get(theirs) or None for row in rows] for ours, theirs in columns.items()}
    return Block(
        texts=pl.DataFrame(texts, dict.fromkeys(columns, pl.String)),
        line=np.array([row.number - 1 - above.count("\n") for row in rows], dtype=np.int64),
        lines=data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n"),
        fault={index: row.fault for index, row in enumerate(rows) if row.fault},
    )
