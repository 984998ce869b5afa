from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.demo.chance import between, happens, pick, seeded, wait, weighted

SEEDS = st.integers(0, 2**32 - 1)


def test_a_stream_is_the_same_on_every_numpy() -> None:
    # Written down once: were this to change, the demo's pictures and the figures in the documentation would change too.
    rng = seeded(7)
    assert [float(rng.random()) for _ in range(3)] == [0.625095466604667, 0.8972138009695755, 0.7756856902451935]


def test_streams_of_one_seed_differ_by_their_place() -> None:
    draws = {place: float(seeded(7, *place).random()) for place in ((), (1,), (2,), (1, 1))}
    assert len(set(draws.values())) == len(draws)


@given(seed=SEEDS, low=st.integers(-50, 50), width=st.integers(0, 60))
def test_between_includes_both_ends_and_nothing_else(seed: int, low: int, width: int) -> None:
    rng = seeded(seed)
    assert all(low <= between(rng, low, low + width) <= low + width for _ in range(20))


def test_between_reaches_both_ends() -> None:
    rng = seeded(1)
    assert {between(rng, 3, 5) for _ in range(100)} == {3, 4, 5}


@given(seed=SEEDS)
def test_happens_knows_never_and_always(seed: int) -> None:
    rng = seeded(seed)
    assert not any(happens(rng, 0.0) for _ in range(20))
    assert all(happens(rng, 1.0) for _ in range(20))


def test_pick_takes_all_alike() -> None:
    rng = seeded(2)
    counts = Counter(pick(rng, "abcd") for _ in range(4000))
    assert counts.keys() == set("abcd")
    assert all(850 < count < 1150 for count in counts.values())


def test_weighted_follows_the_weights() -> None:
    rng = seeded(3)
    counts = Counter(weighted(rng, (("often", 3), ("seldom", 1), ("never", 0))) for _ in range(4000))
    assert counts["never"] == 0
    assert counts["often"] / 4000 == pytest.approx(0.75, abs=0.03)


@given(seed=SEEDS)
def test_weighted_finds_the_only_one_that_may_be(seed: int) -> None:
    assert weighted(seeded(seed), (("a", 0.0), ("b", 1e-9), ("c", 0.0))) == "b"


def test_wait_has_its_mean_and_is_never_negative() -> None:
    rng = seeded(4)
    waits = np.array([wait(rng, 30) for _ in range(5000)])
    assert waits.min() >= 0
    assert waits.mean() == pytest.approx(30, rel=0.05)
    assert waits.std() == pytest.approx(30, rel=0.08)
