"""Rows: nobody is lost, and what is spread from levels is what each row has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.score.history import History
from engine.score.models.rows import rows_of
from tests.score.shops import histories, history_of


@settings(max_examples=50)
@given(history=histories(), scale=st.floats(0.1, 1000))
def test_compressing_loses_nobody(history: History, scale: float) -> None:
    rows = rows_of(history, scale)
    x, t_x, age = (column.spread(column.values) for column in (rows.x, rows.t_x, rows.T))
    found = sorted(zip(x.tolist(), (t_x * scale).tolist(), (age * scale).tolist(), rows.weight.tolist(), strict=True))
    every = np.stack((history.frequency, history.recency, history.T), axis=1)
    distinct, counts = np.unique(np.round(every, 9), axis=0, return_counts=True)
    expected = sorted((*row, count) for row, count in zip(distinct.tolist(), counts.tolist(), strict=True))
    assert np.array(found) == pytest.approx(np.array(expected))
    assert len(rows) == len(expected)


@given(history=histories())
def test_the_weights_of_the_levels_are_those_of_the_rows(history: History) -> None:
    rows = rows_of(history)
    for column in (rows.x, rows.t_x, rows.T):
        assert column.weight.sum() == len(history)
        assert column.weight.tolist() == np.bincount(column.index, rows.weight, len(column.values)).tolist()


def test_times_that_are_no_whole_days_are_their_own_levels() -> None:
    rows = rows_of(history_of([1, 1, 1], [0.123, 0.5, 0.123], [7.7, 7.7, 7.7]))
    assert rows.t_x.values.tolist() == [0.123, 0.5]
    assert rows.weight.tolist() == [2, 1]


def test_columns_of_too_many_levels_are_left_as_they_are() -> None:
    chance = np.random.default_rng(1)
    n = 150_000
    t_x = chance.uniform(1, 2, n)
    rows = rows_of(history_of(np.arange(1, n + 1) * 1000, t_x, t_x + chance.uniform(1, 2, n)))
    assert len(rows) == n
    assert rows.weight.sum() == n
    assert rows.x.spread(rows.x.values)[:3].tolist() == [1000, 2000, 3000]
