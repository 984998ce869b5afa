"""A file of transactions, CSV or Parquet, as arrays: customer, day and amount of each good row, and the wrong rows."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from engine.clv import amounts, blocks, codes, columns, days, parquet, plain
from engine.clv.blocks import Block
from engine.clv.notation import Notation
from engine.errors import IngestError
from engine.ingest.formats import Reject, is_json
from engine.score.arrays import IntArray

SHOWN = 100
"""So many wrong rows are told one by one; the others are counted."""
_HEAD = 1 << 20
_SAMPLE = 1 << 14
_THREADS = max(2, min(4, os.cpu_count() or 2))
_EMPTY_YEARS = 3653
_STRAYS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The good rows of a file, one element each, in its order, and what became of the others.

    names: who code i is, as the file writes it; an array where all ids are whole numbers. customer: codes from 0 up;
    whole numbers that lie close together in their own order, others in no order that means anything. day:
    `date.toordinal`. amount_minor: signed; all 0 when `columns` has no amount, so that purchases can only be counted.
    columns: ours -> the file's; those in `guessed` were found by their names. rows: in the file, wrong ones too, blank
    ones not. rejects: the first wrong rows, with the first thing that is wrong with each; `rejected` is how many there
    are. notes: what else the reader took for granted.
    """

    names: Sequence[str] | IntArray
    customer: IntArray
    day: IntArray
    amount_minor: IntArray
    columns: Mapping[str, str]
    guessed: frozenset[str]
    rows: int
    rejects: tuple[Reject, ...]
    rejected: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one block holds; the lines of its wrong rows are counted from its own first line."""

    ids: pl.Series
    day: IntArray
    amount_minor: IntArray
    rows: int
    lines: int
    rejects: Sequence[Reject]
    rejected: int
    seen: Notation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A file that was opened. first: the number of its first row; parts: how to read each block in some notation;
    at_once: all of it, if it is so plain that no notation can matter."""

    file: str
    columns: Mapping[str, str]
    first: int
    parts: Callable[[], Iterator[Callable[[Notation], _Part]]]
    told: Notation
    at_once: Callable[[], _Part | None] = lambda: None


def read(path: Path, *, customer: str = "", date: str = "", amount: str = "", exponent: int = 2) -> Table:
    """The transactions of a file. customer, date, amount: its columns; "" to have them guessed by their names.

    exponent: decimals of the currency (`engine.core.money.exponent`); what is written with more is rounded, half away
    from zero. Dates and amounts mean what they mean to ingest, except that the whole file may tell what one row does
    not: the decimal mark, and that its dates have the month first. A date after more than ten years in which nothing
    happened, of which there are no more than one in a hundred, is a slip. Raises IngestError when the file cannot be
    read at all or no row is good.
    """
    wanted = {"customer": customer, "date": date, "amount": amount}
    wanted = {ours: theirs for ours, theirs in wanted.items() if theirs}
    try:
        with path.open("rb") as stream:
            source = _open(stream, path, wanted, exponent)
            parts, how = _parts(source)
    except OSError as error:
        raise IngestError(f"cannot be read ({error.strerror or error})", file=str(path)) from None
    return _table(source, wanted, parts, how)


def _open(stream: BinaryIO, path: Path, wanted: Mapping[str, str], exponent: int) -> _Source:
    head = stream.read(_HEAD)
    if head.startswith(parquet.MAGIC):
        types = parquet.schema(path)
        found = columns.find(list(types), wanted, file=path.name, row=0)
        told = Notation(dot="amount" in found and types[found["amount"]].is_numeric())
        return _Source(
            file=path.name,
            columns=found,
            first=1,
            parts=lambda: (partial(_part, block, exponent) for block in parquet.read(path, found)),
            told=told,
        )
    if is_json(path.name):
        raise IngestError("CSV and Parquet can be read here (hint: premura ingest reads JSON Lines)", file=path.name)
    if b"\n" not in head and b"\r" in head:
        stream = BytesIO((head + stream.read()).replace(b"\r", b"\n"))
        head = stream.read(_HEAD)
    return _csv(stream, head, path, wanted, exponent)


def _csv(stream: BinaryIO, head: bytes, path: Path, wanted: Mapping[str, str], exponent: int) -> _Source:
    file = path.name
    form = blocks.form(head[: head.rfind(b"\n") + 1] or head, file)
    found = columns.find(form.header, wanted, file=file, row=form.row)

    def parts() -> Iterator[Callable[[Notation], _Part]]:
        stream.seek(form.start)
        for data in blocks.split(stream, blocks.SIZE):
            yield partial(_careful, data, form, found, file, exponent)

    sample = head[form.start : form.start + _SAMPLE]
    sample = sample[: sample.rfind(b"\n") + 1]
    block = blocks.read(sample, form, found, file)
    told = _part(block, exponent, Notation()).seen

    def at_once() -> _Part | None:
        if told.mark != "." and "amount" in found:
            return None
        rows = plain.read(path, form, found, sample, block.texts, exponent)
        return None if rows is None else _all(rows, told)

    return _Source(file=file, columns=found, first=form.lines + 1, parts=parts, told=told, at_once=at_once)


def _parts(source: _Source) -> tuple[list[_Part], Notation]:
    """All blocks, read in the notation that all of them together tell: seldom in the first, then in a second pass."""
    how = source.told
    whole = source.at_once()
    if whole is not None and _last_day([whole.day]) == how.last:
        return [whole], how
    while True:
        parts = list(_each(source.parts(), how))
        seen = how
        for part in parts:
            seen = seen.with_(part.seen)
        if seen.same_reading(how):
            seen = seen.with_(Notation(last=_last_day([part.day for part in parts])))
        if seen.same_reading(how):
            return parts, how
        how = seen


def _each(tasks: Iterable[Callable[[Notation], _Part]], how: Notation) -> Iterator[_Part]:
    """The parts in the order of the file; a few blocks at a time are in hand."""
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting: deque[Future[_Part]] = deque()
        for task in tasks:
            waiting.append(pool.submit(task, how))
            if len(waiting) > _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _careful(
    data: bytes, form: blocks.Form, columns: Mapping[str, str], file: str, exponent: int, how: Notation
) -> _Part:  # fmt: skip
    return _part(blocks.read(data, form, columns, file), exponent, how)


def _all(rows: plain.Plain, told: Notation) -> _Part:
    count = len(rows.day)
    return _Part(
        ids=rows.customer,
        day=rows.day,
        amount_minor=rows.minor,
        rows=count,
        lines=count,
        rejects=(),
        rejected=0,
        seen=told,
    )


def _part(block: Block, exponent: int, how: Notation) -> _Part:
    texts = block.texts
    ids = codes.plain(texts["customer"])
    day = days.parse(texts["date"], month_first=how.american, last=how.last)
    good = day.good
    if ids.dtype == pl.String:
        good &= (ids != "").to_numpy()
    good[list(block.fault)] = False
    seen = Notation(day_first=day.day_first, month_first=day.month_first)
    amount = None
    if "amount" in texts.columns:
        amount = amounts.parse(texts["amount"], mark=how.mark, exponent=exponent)
        good &= amount.good
        seen = seen.with_(Notation(dot=amount.dot, comma=amount.comma))
    wrong = np.flatnonzero(~good)
    minor = np.zeros(len(good), dtype=np.int64) if amount is None else amount.minor
    if len(wrong):
        ids, minor = codes.plain(ids.filter(good)), minor[good]
    return _Part(
        ids=ids,
        day=day.day[good] if len(wrong) else day.day,
        amount_minor=minor,
        rows=len(good),
        lines=block.lines,
        rejects=[_reject(block, int(row), how) for row in wrong[:SHOWN]],
        rejected=len(wrong),
        seen=seen,
    )


def _reject(block: Block, row: int, how: Notation) -> Reject:
    """The first thing that is wrong with a row; its column by our name."""
    line = int(block.line[row])
    if row in block.fault:
        return Reject(row=line, column="", value="", reason=block.fault[row])
    said = {ours: (block.texts[ours][row] or "").strip() for ours in block.texts.columns}
    if not said["customer"]:
        return Reject(row=line, column="customer", value="", reason="is empty")
    date = said["date"]
    if not days.parse(pl.Series([date]), month_first=how.american, last=how.last).good[0]:
        reason = days.fault(date, month_first=how.american, last=how.last)
        return Reject(row=line, column="date", value=date, reason=reason)
    return Reject(row=line, column="amount", value=said["amount"], reason=amounts.fault(said["amount"], mark=how.mark))


def _last_day(found: Sequence[IntArray]) -> int:
    """The last day before ten empty years and a few strays; `days.LAST` where there is no such thing."""
    found = [day for day in found if len(day)]
    if not found or max(int(day.max()) for day in found) - min(int(day.min()) for day in found) <= _EMPTY_YEARS:
        return days.LAST
    day = np.concatenate(found)
    low = int(day.min())
    count = np.bincount(day - low)
    used = np.flatnonzero(count)
    later = len(day) - np.cumsum(count[used])
    lonely = np.flatnonzero((np.diff(used) > _EMPTY_YEARS) & (later[:-1] * _STRAYS <= len(day)))
    return low + int(used[lonely[0]]) if len(lonely) else days.LAST


def _table(source: _Source, wanted: Mapping[str, str], parts: Sequence[_Part], how: Notation) -> Table:
    rows, rejected = sum(part.rows for part in parts), sum(part.rejected for part in parts)
    rejects = tuple(_numbered(source, parts))[:SHOWN]
    if not rows:
        raise IngestError("the file has no rows", file=source.file)
    if rejected == rows:
        first = rejects[0]
        text = f"none of its {rows} rows can be read; of the first: {first.reason}"
        raise IngestError(text, file=source.file, row=first.row, column=first.column)
    names, customer = codes.encode([part.ids for part in parts if len(part.ids)])
    notes = (f"its dates have the month first, as in {how.month_first}",) if how.american else ()
    return Table(
        names=names,
        customer=customer,
        day=_joined([part.day for part in parts]),
        amount_minor=_joined([part.amount_minor for part in parts]),
        columns=source.columns,
        guessed=frozenset(source.columns.keys() - wanted.keys()),
        rows=rows,
        rejects=rejects,
        rejected=rejected,
        notes=notes,
    )


def _joined(parts: Sequence[IntArray]) -> IntArray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _numbered(source: _Source, parts: Sequence[_Part]) -> Iterator[Reject]:
    """The wrong rows with their numbers in the file, and the file's names of their columns."""
    above = source.first
    for part in parts:
        for reject in part.rejects:
            column = source.columns.get(reject.column, "")
            yield Reject(row=above + reject.row, column=column, value=reject.value, reason=reject.reason)
        above += part.lines
