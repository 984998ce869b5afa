"""The bench of many workers in little: they are killed one after the other, and all is accounted for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.workers import measured
from tests.databases import STORES


@pytest.mark.skipif("postgresql" not in STORES, reason="no wheel of PostgreSQL here")
def test_workers_that_are_killed_one_after_the_other_lose_nothing_and_claim_nothing_twice(
    request: pytest.FixtureRequest, blank_postgresql: Callable[[], str]
) -> None:
    request.getfixturevalue("postgresql_test")  # it is emptied afterwards
    found = measured(blank_postgresql(), number=2500, workers=2, every=0.2, least=50, most=3, pace=10)
    assert found["kills"] == 3
    assert (found["twice"], found["claimed_twice"], found["lost"]) == (0, 0, 0)
    assert found["delivered"] + found["unknown"] == 2500
    assert found["unknown"] <= 3 * 25, "what was in hand at the provider whom nobody can ask"
    assert found["runs"] > found["kills"], "somebody finished what the killed had begun"
