"""Seeded chance: the same for the same seed, slow along the pen's way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.handwriting.jitter import Wobble, drift, generator, warp
from tests.handwriting.samples import few


@few
@given(st.text(), st.text())
def test_the_same_seed_and_part_give_the_same_chance(seed: str, part: str) -> None:
    assert generator(seed, part).standard_normal(5).tolist() == generator(seed, part).standard_normal(5).tolist()


@pytest.mark.parametrize(
    "others", [("seed", "b"), ("other", "a"), ("see", "da"), ("seed", "a", ""), ("seeda",), ("seed", "a", "b")]
)
def test_another_seed_or_part_gives_another_chance(others: tuple[str, ...]) -> None:
    assert generator("seed", "a").random() != generator(*others).random()


def test_a_seed_is_the_same_on_every_day_and_machine() -> None:
    assert generator("0192f7a0", "text 0").integers(0, 1000, 4).tolist() == [640, 300, 271, 56]


def test_a_calmer_hand_strays_less_over_the_same_length() -> None:
    wobble = Wobble()
    calm = wobble.calmer(0.5)
    assert calm.warp_length == wobble.warp_length
    for name in (
        "word_baseline",
        "word_scale",
        "word_slant",
        "gap",
        "shift",
        "size",
        "turn",
        "advance",
        "mark",
        "lift",
    ):
        assert getattr(calm, name) == pytest.approx(getattr(wobble, name) / 2)
    assert wobble.calmer(0.0).warp == 0


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_drift_has_about_unit_size(columns: int) -> None:
    noise = drift(generator("size"), np.arange(0.0, 40000.0, 10.0), 100.0, columns)
    assert noise.shape == (4000, columns)
    assert noise.std() == pytest.approx(1.0, abs=0.15)
    assert noise.mean() == pytest.approx(0.0, abs=0.15)


@few
@given(st.text(max_size=5), st.floats(10, 500))
def test_drift_is_slow(seed: str, wave: float) -> None:
    noise = drift(generator(seed), np.arange(0.0, 2000.0, wave / 50), wave)[:, 0]
    assert np.abs(np.diff(noise)).max() < 0.5


@few
@given(st.lists(st.floats(0, 500), min_size=1, max_size=60).map(sorted))
def test_drift_takes_any_places_in_order(places: list[float]) -> None:
    noise = drift(generator("any"), np.array(places), 37.0)
    assert noise.shape == (len(places), 1)
    assert np.isfinite(noise).all()
    for left, right, before, after in zip(places, places[1:], noise, noise[1:], strict=False):
        if left == right:
            assert before == after


def test_warp_bends_a_stroke_by_about_its_size() -> None:
    stroke = np.column_stack((np.arange(0.0, 3000.0, 10.0), np.zeros(300)))
    moved = warp(generator("w"), stroke, 8.0, 190.0) - stroke
    assert 3 < moved.std() < 14
    assert np.abs(np.diff(moved, axis=0)).max() < 4  # bent, not broken


def test_without_size_nothing_is_bent() -> None:
    stroke = np.array(((0.0, 0.0), (50.0, 80.0), (90.0, 10.0)))
    assert warp(generator("w"), stroke, 0.0, 190.0) == pytest.approx(stroke)


def test_two_strokes_of_one_hand_are_bent_differently() -> None:
    stroke = np.column_stack((np.arange(0.0, 300.0, 10.0), np.zeros(30)))
    rng = generator("w")
    assert not np.allclose(warp(rng, stroke, 8.0, 190.0), warp(rng, stroke, 8.0, 190.0))
