"""The plainest rows, a block at once: 4711,2026-12-31,12.50 and nothing else, eight digits in one 64-bit number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.clv import blocks, days
from engine.clv.blocks import Form

IntArray = NDArray[np.int64]
ByteArray = NDArray[np.uint8]
WordArray = NDArray[np.uint64]
BoolArray = NDArray[np.bool_]

EXPONENT = 2
"""The decimals of the amounts that this reader knows."""
_WORD = 8
_ZEROS, _SIX_MORE = np.uint64(0x3030303030303030), np.uint64(0x7676767676767676)
_UPPER_BITS = np.uint64(0x8080808080808080)
_PAIRS, _FOURS, _EIGHT = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)
_DASHES, _AT_DASHES = np.uint64(0x2D00002D00000000), np.uint64(0xFF0000FF00000000)
_CENTS, _BEFORE_THE_POINT = np.uint64(0xFFFF000000000000), np.uint64(0x000000FFFFFFFFFF)
_MINUS, _POINT, _ZERO, _RETURN = b"-.0\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Every row of a block. customer: Int64, or strings that are not empty. minor: hundredths, 0 without a column for
    them. dot: whether one has a decimal point.
    """

    customer: pl.Series
    day: IntArray
    minor: IntArray
    dot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """One column of a block, with room before it: where each cell begins, and the first sign after it."""

    signs: ByteArray
    words: WordArray
    start: IntArray
    end: IntArray


def read(data: bytes, form: Form, columns: Mapping[str, str]) -> Plain | None:
    """The rows of a block, if all are plain; else None, and they must be read with more care.

    Plain is a row of as many cells as the header, none of them quoted, with a date such as 2026-12-31, and an amount
    with at most eight digits before the decimal point and two after it, which is below zero if a minus stands before
    it. Customers that are whole numbers of up to eight digits are read in the same way.
    """
    if b'"' in data or b"\0" in data or not data.endswith(b"\n") or blocks.has_lone_returns(data):
        return None
    signs = np.frombuffer(b"".join((bytes(_WORD), data)), np.uint8)
    marks = blocks.row_marks(signs, form)
    if marks is None:
        return None
    column = {ours: _cells(signs, marks, form, form.header.index(theirs)) for ours, theirs in columns.items()}
    day = _days(column["date"])
    found = None if day is None else _amounts(column["amount"]) if "amount" in column else (np.zeros_like(day), False)
    if day is None or found is None:
        return None
    numbers = _customers(column["customer"])
    customer = pl.Series(numbers) if numbers is not None else blocks.customers(data, form, columns["customer"])
    return None if customer is None else Plain(customer=customer, day=day, minor=found[0], dot=found[1])


def _cells(signs: ByteArray, marks: IntArray, form: Form, column: int) -> _Cells:
    width = len(form.header)
    end = marks[column::width]
    start = marks[column - 1 :: width] if column else np.append(_WORD - 1, marks[width - 1 : -1 : width])
    if column == width - 1:
        end = end - (signs[end - 1] == _RETURN)
    words = np.ndarray(len(signs) - _WORD + 1, "<u8", signs, strides=(1,))  # one begins at every sign
    return _Cells(signs=signs, words=words, start=start + 1, end=end)


def _customers(cells: _Cells) -> IntArray | None:
    zeros = (cells.signs[cells.start] == _ZERO) & (cells.end - cells.start > 1)
    return None if zeros.any() else _numbers(cells, cells.start, cells.end)


def _days(cells: _Cells) -> IntArray | None:
    """Day numbers; each distinct date is read once, in a log that is sorted by date once a run."""
    if np.any(cells.end - cells.start != len("2026-12-31")):
        return None
    front, back = cells.words[cells.start], cells.words[cells.start + 2]  # 2026-12- and 26-12-31
    if np.any((front & _AT_DASHES) != _DASHES):
        return None
    starts = np.append(0, np.flatnonzero((front[1:] != front[:-1]) | (back[1:] != back[:-1])) + 1)
    if days.RARE * len(starts) < len(front):
        found = _day_numbers(front[starts], back[starts])
        return None if found is None else np.repeat(found, np.diff(starts, append=len(front)))
    return _day_numbers(front, back)


def _day_numbers(front: WordArray, back: WordArray) -> IntArray | None:
    """2026-12- and 26-12-31 as the day that they are together; None when one is no date."""
    months = ((front >> np.uint64(40)) & np.uint64(0xFFFF)) << np.uint64(32)
    number = _joined(((front & _EIGHT) | months | (back >> np.uint64(48) << np.uint64(48))) ^ _ZEROS)
    if number is None:
        return None
    distinct = np.unique(number)
    found = days.of_numbers(distinct)
    return found[np.searchsorted(distinct, number)] if found.all() else None


def _amounts(cells: _Cells) -> tuple[IntArray, bool] | None:
    """Hundredths, and whether there was a decimal point."""
    signs, end = cells.signs, cells.end
    minus = signs[cells.start] == _MINUS
    two, one = signs[end - 3] == _POINT, signs[end - 2] == _POINT
    start = cells.start + minus
    length = end - start
    if two.all() and int(length.min()) >= len(".50") and int(length.max()) <= _WORD:
        word = cells.words[end - _WORD]
        minor = _joined(_cut((word & _CENTS) | ((word & _BEFORE_THE_POINT) << np.uint64(8)), length - 1))
    else:
        minor = _any_amounts(signs, end, two, one, _numbers(cells, start, end - np.where(two, 3, np.where(one, 2, 0))))
    if minor is not None:
        np.negative(minor, out=minor, where=minus)
    return None if minor is None else (minor, bool(two.any() or one.any()))


def _any_amounts(
    signs: ByteArray, end: IntArray, two: BoolArray, one: BoolArray, whole: IntArray | None
) -> IntArray | None:  # fmt: skip
    """Hundredths, from the whole numbers before the point, and two signs after it, one, or none."""
    last, before = signs[end - 1] - np.uint8(_ZERO), signs[end - 2] - np.uint8(_ZERO)  # what is no digit is above 9
    if whole is None or np.any((last > 9) & (two | one)) or np.any((before > 9) & two):
        return None
    tens, ones = np.where(two, before, np.where(one, last, 0)), np.where(two, last, 0)
    minor: IntArray = whole * 100 + (tens * 10 + ones).astype(np.int64)
    return minor


def _numbers(cells: _Cells, start: IntArray, end: IntArray) -> IntArray | None:
    """Whole numbers of one to eight digits between two places; None when there is anything else.

    The cell's last eight signs are one word, its last digit in the uppermost byte. What stands before the cell is cut
    off; then neighbours are joined to numbers of two, of four and of eight digits.
    """
    length = end - start
    if len(length) and (int(length.min()) < 1 or int(length.max()) > _WORD):
        return None
    return _joined(_cut(cells.words[end - _WORD], length))


def _cut(word: WordArray, length: IntArray) -> WordArray:
    """The last signs of each word, as many as `length` says, as the numbers that they are; nothing before them."""
    surplus = ((_WORD - length) << 3).view(np.uint64)
    word = word ^ _ZEROS
    word >>= surplus
    word <<= surplus
    return word


def _joined(word: WordArray) -> IntArray | None:
    """Words of eight digits, bytes from 0 to 9 with the first in the lowest, as numbers; None when one is no digit."""
    if np.any(((word + _SIX_MORE) | word) & _UPPER_BITS):
        return None
    word = (word * np.uint64(10) + (word >> np.uint64(8))) & _PAIRS
    word = (word * np.uint64(100) + (word >> np.uint64(16))) & _FOURS
    word = (word * np.uint64(10_000) + (word >> np.uint64(32))) & _EIGHT
    return word.view(np.int64)
