"""Millions of rows by customer and day: sorted, and those of one customer and day made one.

What a row says is packed into one number and sorted by itself, several times faster than places by two keys. Everything
is done in place or in pieces: memory that is touched for the first time costs more than the sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.score.arrays import IntArray, pieces

_CHUNK = 1 << 17
_BITS = 62


def runs(*keys: IntArray) -> tuple[IntArray, IntArray]:
    """Where each run of equal keys starts, and how long it is."""
    starts = starts_of(*keys)
    return starts, np.diff(np.append(starts, len(keys[0])))


def starts_of(*keys: IntArray) -> IntArray:
    """Where each run of equal keys starts."""
    differs = np.ones(len(keys[0]), dtype=np.bool_)
    differs[1:] = keys[0][1:] != keys[0][:-1]
    for key in keys[1:]:
        differs[1:] |= key[1:] != key[:-1]
    found: IntArray = np.flatnonzero(differs)
    return found


def merged(customer: IntArray, day: IntArray, *moneys: IntArray) -> tuple[IntArray, IntArray, Sequence[IntArray]]:
    """One row per customer and day, sorted by both: whose it is, which, and the sum of each of the moneys.

    moneys: none below zero in the first.
    """
    if not len(customer):
        return customer, day, moneys
    lowest, first = int(customer.min()), int(day.min())
    for_day = (int(day.max()) - first).bit_length()
    for_both = (int(customer.max()) - lowest).bit_length() + for_day
    if len(moneys) == 1 and for_both + (bits := int(moneys[0].max()).bit_length()) <= _BITS:
        return _by_packed_money(customer, day, moneys[0], lowest, first, for_day, bits)
    if for_both + (bits := len(customer).bit_length()) <= _BITS:
        order = _packed(customer, day, np.arange(len(customer)), lowest, first, for_day, bits)
        order.sort()
        order &= (1 << bits) - 1
    else:  # numbers of customers may be anything
        order = np.lexsort((day, customer))
    starts = starts_of(customer[order], day[order])
    rows = order[starts]
    return customer[rows], day[rows], [np.add.reduceat(money[order], starts) for money in moneys]


def _by_packed_money(
    customer: IntArray, day: IntArray, money: IntArray, lowest: int, first: int, for_day: int, bits: int
) -> tuple[IntArray, IntArray, Sequence[IntArray]]:
    """The same with the money itself in the number that is sorted, so that nothing has to be looked up again."""
    key = _packed(customer, day, money, lowest, first, for_day, bits)
    key.sort()
    new = np.ones(len(key), dtype=np.bool_)
    for some in pieces(len(key) - 1, _CHUNK):
        np.not_equal(key[1:][some] >> bits, key[:-1][some] >> bits, out=new[1:][some])
    again = np.flatnonzero(~new)
    more = key[again] & ((1 << bits) - 1)
    kept = 0
    for some in pieces(len(key), _CHUNK):
        part = key[some][new[some]]
        key[kept : kept + len(part)] = part
        kept += len(part)
    key = key[:kept]
    whose, when = np.empty_like(key, customer.dtype), np.empty_like(key, day.dtype)
    for some in pieces(len(key), _CHUNK):
        cell = key[some] >> bits
        whose[some] = (cell >> for_day) + lowest
        when[some] = (cell & ((1 << for_day) - 1)) + first
        key[some] &= (1 << bits) - 1
    np.add.at(key, again - np.arange(1, len(again) + 1), more)
    return whose, when, [key]


def _packed(
    customer: IntArray, day: IntArray, below: IntArray, lowest: int, first: int, for_day: int, bits: int
) -> IntArray:  # fmt: skip
    """Customer, day and something of so many bits in one number each."""
    key = np.empty(len(customer), dtype=np.int64)
    for some in pieces(len(key), _CHUNK):
        part = customer[some].astype(np.int64)
        part -= lowest
        part <<= for_day
        part += day[some]
        part -= first
        part <<= bits
        np.add(part, below[some], out=key[some])
    return key
