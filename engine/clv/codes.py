"""Customers' ids to codes 0, 1, 2, …: whole numbers by their place in a table, texts by a hash that is checked."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.score.arrays import IntArray, pieces

HashArray = NDArray[np.uint64]

_ROOM = 8
"""A table may have this many places a row."""
_DENSE = 0.9
_MOST_SHORT = 2**31
_HEAD = 100
_SCRAMBLE = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: no two numbers become one
_CHUNK = 1 << 17


def plain(ids: pl.Series) -> pl.Series:
    """The ids as Int64, if all are whole numbers that would be written so again ("7", but not "007"); else as they are.

    ids: strings, null where nothing is written ("" afterwards), or whole numbers.
    """
    if ids.dtype.is_integer():
        return ids
    for some in (ids.head(_HEAD), ids):
        numbers = some.cast(pl.Int64, strict=False)
        if numbers.null_count() or some.str.len_bytes().sum() != _signs(numbers.to_numpy()):
            return ids.fill_null("")
    return numbers


def _signs(numbers: IntArray) -> int:
    """How many signs it takes to write the numbers; no way to write one takes fewer."""
    if not len(numbers):
        return 0
    size = np.abs(numbers).view(np.uint64)
    largest, total, bound = int(size.max()), len(size) + int(np.count_nonzero(numbers < 0)), 10
    while bound <= largest:
        total += int(np.count_nonzero(size >= np.uint64(bound)))
        bound *= 10
    return total


def encode(parts: Sequence[pl.Series]) -> tuple[Sequence[str] | IntArray, IntArray]:
    """Who code i is, and the code of each row of all parts. parts: integers or strings, some with rows, none null.

    Whole numbers that lie close together get codes in their own order, and some codes may be nobody's; others get codes
    in no order that means anything.
    """
    if any(part.dtype == pl.String for part in parts):
        return _texts(pl.concat([part.cast(pl.String) for part in parts]))
    numbers = [piece.to_numpy() for part in parts for piece in part.get_chunks() if len(piece)]
    rows = sum(map(len, numbers))
    low, high = min(int(part.min()) for part in numbers), max(int(part.max()) for part in numbers)
    if high - low < _ROOM * rows + 1024:
        return _close_numbers(numbers, low, high, rows)
    ids = np.concatenate(numbers).astype(np.int64)
    first, code = _group(ids.view(np.uint64) * _SCRAMBLE)
    return ids[first], code


def _close_numbers(parts: Sequence[IntArray], low: int, high: int, rows: int) -> tuple[IntArray, IntArray]:
    """By a table with a place for each number from low to high; where most are somebody's, a place is a code."""
    seen = np.zeros(high - low + 1, dtype=np.bool_)
    code: IntArray = np.empty(rows, dtype=np.int32 if len(seen) < _MOST_SHORT else np.int64)
    begin = 0
    for part in parts:
        some = code[begin : begin + len(part)]
        np.subtract(part, low, out=some, casting="same_kind")
        seen[some] = True
        begin += len(part)
    if seen.mean() > _DENSE:
        return np.arange(low, high + 1), code
    code_at = np.cumsum(seen) - 1
    return np.flatnonzero(seen) + low, code_at[code]


def _texts(ids: pl.Series) -> tuple[Sequence[str], IntArray]:
    first, code = _group(ids.hash().to_numpy())
    names = ids.gather(first)
    if not _same(ids, names, code):  # two texts with one hash: never seen, and not to be built upon
        code = ids.rank("dense").to_numpy().astype(np.int64) - 1
        first = np.zeros(int(code.max()) + 1, dtype=np.int64)
        first[code] = np.arange(len(code))
        names = ids.gather(first)
    return names.to_list(), code


def _group(keys: HashArray) -> tuple[IntArray, IntArray]:
    """A row of each distinct key, and for each row which of them is its own.

    By sorting the upper bits of each key with the row's number below them: one number a row, which is sorted by itself.
    """
    bits = np.uint64(max(len(keys), 1).bit_length())
    below = (np.uint64(1) << bits) - np.uint64(1)
    packed = keys & ~below
    for some in pieces(len(keys), _CHUNK):
        packed[some] |= np.arange(some.start, some.stop, dtype=np.uint64)
    packed.sort()
    code: IntArray = np.empty(len(keys), dtype=np.int32 if len(keys) < _MOST_SHORT else np.int64)
    firsts, known, last = [np.zeros(0, dtype=np.int64)], -1, None
    for some in pieces(len(keys), _CHUNK):
        upper, row = packed[some] >> bits, (packed[some] & below).view(np.int64)
        new = np.append(upper[0] != last, upper[1:] != upper[:-1])
        place = np.cumsum(new) + known
        code[row] = place
        known, last = int(place[-1]), upper[-1]
        firsts.append(row[new])
    del packed
    first = np.concatenate(firsts)
    named = keys[first]
    odd = np.concatenate(
        [some.start + np.flatnonzero(named[code[some]] != keys[some]) for some in pieces(len(keys), _CHUNK)]
    )
    if len(odd):  # keys that differ only in the bits that gave way
        _, again, other = np.unique(keys[odd], return_index=True, return_inverse=True)
        code[odd] = other + len(first)
        first = np.concatenate((first, odd[again]))
    return first, code


def _same(ids: pl.Series, names: pl.Series, code: IntArray) -> bool:
    """Whether each row's id is the name of its code."""
    with ThreadPoolExecutor(2) as pool:
        each = pieces(len(code), _CHUNK)
        return all(pool.map(lambda some: bool((names.gather(code[some]) == ids[some]).all()), each))
