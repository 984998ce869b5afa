"""Scores as of an instant that moves on: now, before, and gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from engine.decide.past_scores import Before, PastScores, Saved

NOON, DAY = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(days=1)
IDS = np.array([3, 5, 8, 13])
MISSING = np.iinfo(np.int64).min


def saved(day: int, run: int, people: dict[int, tuple[float, str]]) -> Saved:
    """Scores of customers by key: P(alive) and tier."""
    alive = np.array([value for value, _ in people.values()], dtype=np.float32)
    whole: dict[str, Any] = dict.fromkeys(
        ("clv_minor", "expected_spend_minor", "frequency", "days_since_purchase"), np.full(len(people), 100)
    )
    floats = dict.fromkeys(("p_alive", "percentile", "expected_purchases", "recency", "T"), alive)
    monetary, tiers = np.full(len(people), MISSING), np.array([tier for _, tier in people.values()])
    columns = {"customer_id": np.array(list(people)), **whole, **floats, "monetary_minor": monetary, "tier": tiers}
    return Saved(at=NOON + day * DAY, run=run, columns=columns, first=day == 0)


def test_it_moves_on_as_far_as_it_is_asked_to_and_reads_no_further() -> None:
    read: list[int] = []

    def saves() -> Any:
        for day in range(4):
            read.append(day)
            yield saved(day, day + 1, {3: (0.9 - day / 10, "gold")})

    past = PastScores(IDS, saves())
    assert past.score(0) is None
    assert [places.tolist() for _, places in past.until(NOON + DAY)] == [[0], [0]]
    assert read == [0, 1, 2]
    found = past.score(0)
    assert found is not None
    assert (found.p_alive, found.tier, found.clv_minor, found.monetary_minor) == (0.8, "gold", 100, None)
    assert past.before(0) == Before(p_alive=0.9, clv_minor=100, percentile=0.9, tier="gold")
    assert list(past.until(NOON + DAY)) == []


def test_who_had_no_score_has_nothing_before() -> None:
    past = PastScores(IDS, [saved(0, 1, {3: (0.0, "gold")}), saved(1, 1, {5: (0.5, ""), 8: (0.4, "silver")})])
    assert [places.tolist() for _, places in past.until(NOON + DAY)] == [[0], [1, 2]]

    assert past.before(1) == Before(p_alive=None, clv_minor=None, percentile=None, tier=None)
    assert (past.score(0), past.score(3)) != (None, None)
    assert past.score(3) is None
    found = past.score(0)
    assert found is not None
    assert found.p_alive == 0.0
    assert [past.column("tier", np.array([0, 1, 2, 3])).tolist()] == [["gold", None, "silver", None]]


def test_a_scoring_of_everybody_ends_the_scores_of_those_it_left_out_a_rescoring_does_not() -> None:
    both, one = {3: (0.9, "gold"), 5: (0.5, "silver")}, {3: (0.8, "gold")}
    past = PastScores(IDS, [saved(0, 1, both), saved(1, 1, one), saved(2, 2, one), saved(3, 3, both)])

    list(past.until(NOON + DAY))
    assert past.score(1) is not None
    list(past.until(NOON + 2 * DAY))
    assert (past.score(1), past.before(1)) == (None, None)
    list(past.until(NOON + 3 * DAY))
    assert past.before(1) == Before(p_alive=None, clv_minor=None, percentile=None, tier=None)
    assert past.before(0) == Before(p_alive=np.float64(0.8), clv_minor=100, percentile=0.8, tier="gold")


def test_who_is_not_among_the_customers_any_more_is_left_out() -> None:
    past = PastScores(IDS, [saved(0, 1, {1: (0.1, "x"), 4: (0.2, "y"), 13: (0.3, "z"), 99: (0.4, "w")})])
    assert [places.tolist() for _, places in past.until(NOON)] == [[3]]
    assert [past.score(place) is None for place in range(4)] == [True, True, True, False]


def test_columns_that_nobody_reads_are_blank() -> None:
    past = PastScores(IDS, [saved(0, 1, {3: (0.9, "gold")})], reads=["p_alive"])
    list(past.until(NOON))

    found = past.score(0)
    assert found is not None
    assert (found.p_alive, found.tier, found.clv_minor) == (0.9, "", None)
    assert past.column("prev_p_alive", np.array([0, 1])).tolist() != [0.9, 0.9]
