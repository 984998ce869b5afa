"""The plainest files at once, by polars' own types: 4711,2026-12-31,12.50 in every row. All others are read in blocks.

Whatever polars might understand in another way than ingest does is left to the careful reader: what it cannot parse, or
leaves empty, amounts with more decimals than the currency has, and ids that begin or end with a blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from engine.clv import codes
from engine.clv.blocks import Form
from engine.ingest.values import YEARS
from engine.score.arrays import IntArray

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date(YEARS[0], 1, 1).toordinal(), date(YEARS[-1], 12, 31).toordinal()
_LARGEST = 2.0**52  # a double holds every whole number below
_EXACT = 1e-6
_BUFFER = 1 << 20
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ODD = b'"\r\0'
_NO_NUMBER = np.frombuffer(b"\n0\n+\n-\n ", dtype="<u2")  # how rows may begin, as pairs of bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Every row of a file. customer: integers, or strings that are not empty; minor: 0 without a column for amounts."""

    customer: pl.Series
    day: IntArray
    minor: IntArray


def read(
    path: Path, form: Form, columns: Mapping[str, str], sample: bytes, texts: pl.DataFrame, exponent: int
) -> Plain | None:
    """The rows of a file whose amounts have a decimal point, if all are plain; else None.

    sample: some of its first rows; texts: our columns of these.
    """
    if any(sign in sample for sign in _ODD) or not all(_ISO.fullmatch(date or "") for date in texts["date"].to_list()):
        return None
    ours = {form.header.index(theirs): name for name, theirs in columns.items()}
    frame = None
    kinds: list[pl.DataType] = [pl.String()]
    if ours.get(0) == "customer" and codes.plain(texts["customer"]).dtype.is_integer() and _are_numbers(path, form):
        kinds = [pl.Int32(), pl.Int64(), pl.String()]
    while frame is None and kinds:
        frame = _scan(path, form, ours, kinds.pop(0))
    if frame is None or not len(frame) or any(frame.null_count().row(0)):
        return None
    customer, day = codes.plain(frame["customer"]), _days(frame["date"])
    minor = _minor(frame["amount"], exponent) if "amount" in frame.columns else np.zeros(len(frame), dtype=np.int64)
    if minor is None or not _bare(customer) or day.min() < _FIRST or day.max() > _LAST:
        return None
    return Plain(customer=customer, day=day, minor=minor)


def _scan(path: Path, form: Form, ours: Mapping[int, str], ids: pl.DataType) -> pl.DataFrame | None:
    kinds = {"date": pl.Date(), "amount": pl.Float64(), "customer": ids}
    schema = {str(place): kinds[ours[place]] if place in ours else pl.String() for place in range(len(form.header))}
    try:
        found = pl.scan_csv(path, separator=form.delimiter, has_header=False, skip_lines=form.lines, schema=schema)
        return found.select(pl.col(str(place)).alias(name) for place, name in ours.items()).collect()
    except PolarsError:
        return None


def _are_numbers(path: Path, form: Form) -> bool:
    """Whether no row begins as no number is written: whole numbers that are read are then their own texts."""
    seen = bytearray(b"\n") + bytes(_BUFFER)
    with path.open("rb") as stream:
        stream.seek(form.start)
        while size := stream.readinto(memoryview(seen)[1:]):
            for begin in (0, 1):
                pairs = np.frombuffer(seen, dtype="<u2", offset=begin, count=(size + 1 - begin) // 2)
                if any((pairs == start).any() for start in _NO_NUMBER):
                    return False
            seen[0] = seen[size]
    return True


def _days(dates: pl.Series) -> IntArray:
    days = np.empty(len(dates), dtype=np.int32)
    for some, part in _pieces(dates.to_physical()):
        np.add(part, _EPOCH, out=days[some])
    return days


def _minor(amounts: pl.Series, exponent: int) -> IntArray | None:
    """Minor units, if all amounts are numbers with no more decimals than that."""
    minor = np.empty(len(amounts), dtype=np.int64)
    for some, part in _pieces(amounts):
        scaled = part * 10.0**exponent
        if not np.abs(scaled).max() < _LARGEST:  # which not-a-number is not either
            return None
        whole = np.rint(scaled)
        if (np.abs(scaled - whole) > np.maximum(np.abs(whole) * 1e-12, _EXACT)).any():
            return None
        minor[some] = whole
    return minor


def _pieces(values: pl.Series) -> Iterator[tuple[slice, NDArray[Any]]]:
    """The values as polars keeps them, and where each piece lies: one array of all would be made anew."""
    begin = 0
    for piece in values.get_chunks():
        yield slice(begin, begin + len(piece)), piece.to_numpy()
        begin += len(piece)


def _bare(customer: pl.Series) -> bool:
    """Whether no id is empty, or begins or ends with a blank."""
    if customer.dtype != pl.String:
        return True
    return not bool((customer.str.contains(r"^\s|\s$") | (customer == "")).any())
