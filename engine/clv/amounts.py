"""Amounts as files write them, to minor units, rounded exactly; the plain ones all at once, the others one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl

from engine.core.money import parse_amount
from engine.score.arrays import BoolArray, IntArray

_ONLY_A_DOT = r"^[+-]?(?:[0-9]+\.[0-9]{1,2}|(?:[0-9]{4,}|0[0-9]*)\.[0-9]*|[0-9]*\.[0-9]{4,})$"
_ONLY_A_COMMA = r"^[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+),[0-9]{1,2}$"
_WITH_COMMA = r"^[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)(?:,[0-9]*)?$"
_OF_MACHINES = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{1,4}|\.[0-9]+)", re.ASCII)
_TELLING = 100
_SHOWN = 40
_NEARLY_HALF = 0.499  # what lies nearer to a half is rounded from its text
_EXACT = 2.0**50
"""Up to here a number of 64 bits, times a power of ten, is nearer to what was written than to the next half."""
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """minor: signed minor units of each text, of no meaning where it is not good.

    dot, comma: whether an amount occurs that only a decimal point, only a decimal comma explains.
    """

    minor: IntArray
    good: BoolArray
    dot: bool
    comma: bool


def parse(texts: pl.Series, *, mark: str, exponent: int) -> Amounts:
    """Minor units with `exponent` decimals; what is written with more is rounded, half away from zero.

    texts: strings, null where nothing is written. mark: the file's decimal mark; "" when it has no single one, and an
    amount that may be thousands or decimals is then not good, as in ingest.
    """
    plain, dot, comma = _plain(texts, mark)
    scaled = plain.fill_null(float("nan")).to_numpy() * 10.0**exponent
    with np.errstate(invalid="ignore"):
        near = np.rint(scaled)
        good = (np.abs(scaled) < _EXACT) & (np.abs(scaled - near) < _NEARLY_HALF)
        near[~good] = 0
    minor = near.astype(np.int64)
    if not good.all():
        rest = texts.filter(~good).unique().drop_nulls()
        found = {text: _minor(text, mark, exponent) for text in rest}
        marks = {_mark(text) for text in found}
        dot, comma = dot or "." in marks, comma or "," in marks
        table = pl.DataFrame(
            {"text": list(found), "minor": list(found.values())}, {"text": pl.String, "minor": pl.Int64}
        )
        where = np.flatnonzero(~good)
        read = texts.gather(where).alias("text").to_frame().join(table, on="text", how="left", maintain_order="left")
        minor[where] = read["minor"].fill_null(0).to_numpy()
        good[where] = read["minor"].is_not_null().to_numpy()
    return Amounts(minor=minor, good=good, dot=dot, comma=comma)


def _plain(texts: pl.Series, mark: str) -> tuple[pl.Series, bool, bool]:
    """The numbers that need no thought, null for the others; and whether a dot, or a comma, is the mark of one."""
    dot, comma = _any(texts, _ONLY_A_DOT), mark == "," and _any(texts, _ONLY_A_COMMA)
    if mark == ",":
        bare = texts.set(~texts.str.contains(_WITH_COMMA), None)
        bare = bare.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return bare.cast(pl.Float64, strict=False), dot, comma
    if mark == "":
        texts = texts.set(texts.str.contains(".", literal=True), None)
    return texts.cast(pl.Float64, strict=False), dot, comma


def _any(texts: pl.Series, pattern: str) -> bool:
    return any(bool(some.str.contains(pattern).any()) for some in (texts.head(_TELLING), texts))


def _mark(text: str) -> str:
    """The decimal mark without which an amount would be another one or none; "" when it tells no mark."""
    said = _amount(text, "")
    fits = [mark for mark in ".," if said is not None and _amount(text, mark) == said]
    return fits[0] if len(fits) == 1 else ""


def _amount(text: str, mark: str) -> Decimal | None:
    plain = text.strip()
    try:
        return Decimal(plain) if _OF_MACHINES.fullmatch(plain) else parse_amount(plain, mark)
    except ValueError:
        return None


def _minor(text: str, mark: str, exponent: int) -> int | None:
    """One amount, exactly; None when it is none."""
    amount = _amount(text, mark)
    if not amount:
        return None if amount is None else 0
    if amount.adjusted() > 18:
        return None
    sign, digits, power = amount.as_tuple()
    minor = int(Decimal((sign, digits, int(power) + exponent)).to_integral_value(ROUND_HALF_UP))
    return minor if abs(minor) <= _LARGEST else None


def fault(text: str, *, mark: str) -> str:
    """What is wrong with a text that was not good."""
    if not text:
        return "is empty"
    if _amount(text, mark) is not None:
        return f"'{text[:_SHOWN]}' is larger than any amount of money"
    if not mark and _amount(text, ".") is not None and _amount(text, ",") is not None:
        return f"'{text}' may be thousands or decimals, and the other amounts do not tell which"
    return f"'{text[:_SHOWN]}' is not an amount"
