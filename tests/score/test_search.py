"""The search's second half: what it does with a point and a curvature that are nearly right, and when it gives up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.score.arrays import FloatArray
from engine.score.models.search import curvature, refine, spread

BOWL = np.array([[2.0, 0.3], [0.3, 0.5]])
BOTTOM = np.array([0.4, -1.2])
LOW, HIGH = np.full(2, -9.0), np.full(2, 9.0)


def bowl(logs: FloatArray) -> tuple[float, FloatArray]:
    """Lowest at BOTTOM; a little steeper than a parabola far from it."""
    away = logs - BOTTOM
    return float(away @ BOWL @ away / 2 + (away**4).sum() / 50), BOWL @ away + 4 * away**3 / 50


def test_the_curvature_is_that_of_the_function() -> None:
    assert curvature(bowl, BOTTOM) == pytest.approx(BOWL, abs=1e-6)


@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0.8, 1.3))
def test_a_few_steps_with_a_curvature_nearly_right_arrive(right: float, up: float, wrong: float) -> None:
    found = refine(bowl, BOTTOM + np.array([right, up]), wrong * BOWL, LOW, HIGH)
    assert found.converged
    assert found.logs == pytest.approx(BOTTOM, abs=1e-5)


def test_a_step_out_of_the_box_or_uphill_is_not_taken_for_an_end() -> None:
    tight = np.array([0.3, 9.0])
    out = refine(bowl, np.zeros(2), BOWL, LOW, tight)
    uphill = refine(bowl, np.zeros(2), -BOWL, LOW, HIGH)
    assert (out.converged, uphill.converged) == (False, False)
    assert out.logs.tolist() == uphill.logs.tolist() == [0.0, 0.0]


def test_a_direction_of_which_nothing_is_known_varies_by_no_more_than_the_bound() -> None:
    flat = np.diag([4.0, 0.0])
    assert spread(flat, 25.0).tolist() == [[0.01, 0.0], [0.0, 4.0]]
