"""Rows of one customer and day made one, whatever the numbers look like."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.score import purchase_days
from engine.score.arrays import IntArray
from engine.score.purchase_days import merged, runs, starts_of

CUSTOMERS = st.integers(-(2**62), 2**62) | st.integers(0, 5)
ROWS = st.lists(st.tuples(CUSTOMERS, st.integers(730_000, 730_003), st.integers(0, 9) | st.integers(0, 2**40)))


def by_hand(rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    found: dict[tuple[int, int], int] = defaultdict(int)
    for customer, day, money in rows:
        found[customer, day] += money
    return [(*key, found[key]) for key in sorted(found)]


def columns(rows: list[tuple[int, int, int]], kind: type = np.int64) -> tuple[IntArray, IntArray, IntArray]:
    customer, day, money = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return customer.astype(kind), day.astype(kind), money


@given(ROWS)
@example([(1, 730_000, 2**61), (2, 730_000, 5), (1, 730_000, 1)])
@example([(-(2**62), 730_000, 1), (2**62, 730_003, 2), (-(2**62), 730_000, 3)])
def test_rows_of_one_customer_and_day_become_one(rows: list[tuple[int, int, int]]) -> None:
    whose, when, (money,) = merged(*columns(rows))
    assert list(zip(whose.tolist(), when.tolist(), money.tolist(), strict=True)) == by_hand(rows)


@given(ROWS)
def test_two_moneys_stay_together(rows: list[tuple[int, int, int]]) -> None:
    customer, day, money = columns(rows)
    whose, when, (first, second) = merged(customer, day, money, -money // 2)
    assert list(zip(whose.tolist(), when.tolist(), first.tolist(), strict=True)) == by_hand(rows)
    halves = [(one, day, -money // 2) for one, day, money in rows]
    assert second.tolist() == [money for _, _, money in by_hand(halves)]


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_many_rows_in_pieces(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purchase_days, "_CHUNK", 7)
    chance = np.random.default_rng(3)
    rows = [(int(who), 730_000 + int(day), int(money)) for who, day, money in chance.integers(0, 30, (500, 3))]
    whose, when, (money,) = merged(*columns(rows, kind))
    assert [column.dtype for column in (whose, when, money)] == [kind, kind, np.int64]
    assert list(zip(whose.tolist(), when.tolist(), money.tolist(), strict=True)) == by_hand(rows)


def test_what_was_given_is_left_as_it_was() -> None:
    given_rows = columns([(2, 730_001, 5), (1, 730_000, 7), (2, 730_001, 1)])
    merged(*given_rows)
    assert [column.tolist() for column in given_rows] == [[2, 1, 2], [730_001, 730_000, 730_001], [5, 7, 1]]


def test_runs() -> None:
    starts, sizes = runs(np.array([4, 4, 7, 4]), np.array([1, 1, 1, 1]))
    assert (starts.tolist(), sizes.tolist()) == ([0, 2, 3], [2, 1, 1])
    assert starts_of(np.array([4, 4]), np.array([1, 2])).tolist() == [0, 1]
