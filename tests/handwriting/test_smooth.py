"""Corners become round, ends stay, dots stay dots; all strokes at once is the same as one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.handwriting.fonts import Stroke
from engine.handwriting.smooth import STEP, resampled, rounded
from tests.handwriting.samples import few

points = st.tuples(st.integers(-500, 1500), st.integers(-400, 700))
strokes = st.lists(points, min_size=2, max_size=8).map(lambda found: np.array(found, float))


def length(stroke: Stroke) -> float:
    return float(np.hypot(*np.diff(stroke, axis=0).T).sum())


@few
@given(st.lists(strokes, min_size=1, max_size=4))
def test_all_at_once_is_the_same_as_one_by_one(several: list[Stroke]) -> None:
    ink, sizes = rounded(several)
    assert len(ink) == sizes.sum()
    for stroke, part in zip(several, np.split(ink, np.cumsum(sizes)[:-1]), strict=True):
        alone, (size,) = rounded([stroke])
        assert size == len(part)
        assert part == pytest.approx(alone, abs=1e-6)


@few
@given(strokes)
def test_ends_stay_where_they_are(stroke: Stroke) -> None:
    ink, _ = rounded([stroke])
    assert ink[0] == pytest.approx(stroke[0], abs=1e-6)
    assert ink[-1] == pytest.approx(stroke[-1], abs=1e-6)


@few
@given(strokes)
def test_a_rounded_stroke_is_not_longer_and_stays_near(stroke: Stroke) -> None:
    ink, _ = rounded([stroke])
    assert length(ink) <= length(stroke) + 1e-6
    along = resampled(stroke, 4.0)
    away = np.hypot(ink[:, None, 0] - along[None, :, 0], ink[:, None, 1] - along[None, :, 1]).min(axis=1)
    assert away.max() < 60


def test_points_are_evenly_spaced() -> None:
    ink, _ = rounded([np.array(((0.0, 0.0), (10.0, 0.0), (700.0, 0.0), (1000.0, 0.0)))])
    assert np.diff(ink[:, 0]) == pytest.approx(np.full(len(ink) - 1, STEP), rel=0.05)
    assert ink[:, 1] == pytest.approx(np.zeros(len(ink)))


def test_a_corner_is_cut_by_about_the_width_of_a_pen() -> None:
    corner = np.array(((0.0, 0.0), (200.0, 200.0), (400.0, 0.0)))
    ink, _ = rounded([corner])
    assert 4 < 200 - ink[:, 1].max() < 30


def test_a_circle_keeps_its_size() -> None:
    turn = np.linspace(0, 4 * np.pi, 200)
    ink, _ = rounded([np.column_stack((np.cos(turn), np.sin(turn))) * 140])
    inner = ink[10:-10]
    assert np.hypot(*inner.T).min() > 134


def test_dots_are_left_alone() -> None:
    tick = np.array(((0.0, 0.0), (5.0, 16.0)))
    ink, (size,) = rounded([tick])
    assert size == 2
    assert ink == pytest.approx(tick)


def test_a_stroke_without_length_is_no_trouble() -> None:
    ink, sizes = rounded([np.array(((3.0, 4.0), (3.0, 4.0))), np.array(((0.0, 0.0), (100.0, 0.0)))])
    assert sizes[0] == 2
    assert ink[:2].tolist() == [[3, 4], [3, 4]]


def test_neighbouring_strokes_do_not_pull_each_other() -> None:
    first, second = np.array(((0.0, 0.0), (300.0, 0.0))), np.array(((0.0, 5000.0), (300.0, 5000.0)))
    ink, sizes = rounded([first, second])
    assert ink[: sizes[0], 1] == pytest.approx(np.zeros(sizes[0]))
    assert ink[sizes[0] :, 1] == pytest.approx(np.full(sizes[1], 5000.0))


@few
@given(strokes, st.floats(3, 80))
def test_resampling_keeps_the_ends_and_the_way(stroke: Stroke, step: float) -> None:
    found = resampled(stroke, step)
    assert found[0] == pytest.approx(stroke[0])
    assert found[-1] == pytest.approx(stroke[-1])
    assert length(found) <= length(stroke) + 1e-6
    assert len(found) >= 2
