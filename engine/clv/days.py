"""Dates as files write them, to day numbers: each distinct text is read once, by the reader that ingest has."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from engine.ingest import values
from engine.score.arrays import BoolArray, IntArray

LAST = date.max.toordinal()
_SLASHED = re.compile(r"^\s*(\d{1,2})/(\d{1,2})/(?=\d{4}(?!\d))", re.ASCII)
_LONGEST_DATE = len("2026-12-31")
_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_ZONE = f"(?:Z|[+-]{_HOUR}(?::?{_SIXTY})?)"
_ISO = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_HOUR}:{_SIXTY}(?::{_SIXTY}(?:[.][0-9]+)?)?{_ZONE}?$"
_DAY_FIRST = rf"^[0-9]{{1,2}}[/.-][0-9]{{1,2}}[/.-][0-9]{{4}},?[ T]+(?:{_HOUR}|[0-9])[:.]{_SIXTY}(?:[:.]{_SIXTY})?$"
RARE = 8
"""A column in which fewer than one row in 8 differs from the one before is read run by run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """day: `date.toordinal` of each text, of no meaning where it is not good.

    day_first, month_first: a date such as 31/12/2026, and one such as 12/31/2026, of those that occur; "" for none.
    """

    day: IntArray
    good: BoolArray
    day_first: str
    month_first: str


def parse(texts: pl.Series, *, month_first: bool = False, last: int = LAST) -> Days:
    """The calendar dates, as they are written; whatever clock and zone stand behind them does not move them.

    texts: strings, null where nothing is written. month_first: 12/31/2026 is the way of this file. last: no day can
    be later.
    """
    longest = texts.str.len_bytes().max()
    short = _without_clock(texts) if isinstance(longest, int) and longest > _LONGEST_DATE else texts
    distinct, day = _read_once(short, lambda text: _day(text, month_first) if text else 0)
    good = day > 0
    if last < LAST:
        good &= day <= last
    signs = [sign for text in distinct if text and "/" in text for sign in [_sign(text)] if sign]
    return Days(
        day=day,
        good=good,
        day_first=next((text for first, text in signs if first), ""),
        month_first=next((text for first, text in signs if not first), ""),
    )


def _without_clock(texts: pl.Series) -> pl.Series:
    """The dates alone, of which there are few, where a time that is one stands behind them; other texts stay whole."""
    dates = texts.str.head(_LONGEST_DATE)
    iso = texts.str.contains(_ISO).fill_null(value=True)
    if iso.all():
        return dates
    ends = texts.str.find(r"[T ,]").fill_null(0)
    first = texts.str.contains(_DAY_FIRST).fill_null(value=False)
    return dates.zip_with(iso, texts.str.head(ends).zip_with(first, texts))


def _read_once(texts: pl.Series, read: Callable[[str | None], int]) -> tuple[Sequence[str | None], IntArray]:
    """The distinct texts, some more than once, and what each row's one says."""
    changed = texts.ne_missing(texts.shift()).to_numpy()
    starts = np.union1d(0, np.flatnonzero(changed)) if len(texts) else np.zeros(0, dtype=np.int64)
    if RARE * len(starts) < len(texts):
        distinct = texts.gather(starts).to_list()
        day = np.array([read(text) for text in distinct], dtype=np.int64)
        return distinct, np.repeat(day, np.diff(starts, append=len(texts)))
    kind = pl.Categorical(pl.Categories.random())
    coded = texts.cast(kind)  # the categories live as long as it
    index = coded.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    distinct = [*kind.categories.to_series(), None]
    return distinct, np.array([read(text) for text in distinct], dtype=np.int64)[index]


@lru_cache(maxsize=100_000)
def _day(text: str, month_first: bool) -> int:
    """The day number of one text; 0 when it is no date."""
    try:
        return values.day(_SLASHED.sub(r"\2/\1/", text) if month_first else text).toordinal()
    except ValueError:
        return 0


def _sign(text: str) -> tuple[bool, str] | None:
    """Whether a date can only be read with the day first (true) or with the month first (false); None for neither."""
    found = _SLASHED.match(text)
    if found and int(found[1]) > 12:
        return True, text
    return (False, text) if found and int(found[2]) > 12 else None


def fault(text: str, *, month_first: bool, last: int) -> str:
    """What is wrong with a text that was not good."""
    if not text:
        return "is empty"
    day = _day(text, month_first)
    if day > last:
        return f"'{text}' lies years after all other dates (the last of them is {date.fromordinal(last)})"
    try:
        values.day(text)
    except ValueError as error:
        if "lies in the year" in str(error):
            return str(error)
    return f"'{text}' is not a date such as 2026-12-31 or {'12/31/2026' if month_first else '31/12/2026'}"
