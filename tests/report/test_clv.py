"""The worth of customers by tier."""

from __future__ import annotations

from engine.core.facts import Score
from engine.report.clv import worth

BANDS = {"bronze": 0.0, "gold": 0.9}


def score(clv: int | None, tier: str, alive: float | None = 0.5) -> Score:
    return Score(
        customer="C",
        frequency=1,
        recency=1.0,
        T=2.0,
        monetary_minor=100,
        p_alive=alive,
        expected_purchases=1.0,
        expected_spend_minor=100,
        clv_minor=clv,
        percentile=0.5,
        tier=tier,
        days_since_purchase=7,
    )


def test_tiers_from_the_best_down_with_their_shares() -> None:
    found = worth([score(900, "gold", 0.9), score(50, "bronze", 0.2), score(50, "bronze", None)], BANDS)

    assert (found.customers, found.clv_minor) == (3, 1000)
    assert [(tier.tier, tier.customers, tier.share, tier.mean_p_alive) for tier in found.tiers] == [
        ("gold", 1, 0.9, 0.9),
        ("bronze", 2, 0.1, 0.2),
    ]


def test_the_best_tenth_of_forty() -> None:
    scores = [score(100, "gold") for _ in range(4)] + [score(10, "bronze") for _ in range(36)]

    assert worth(scores, BANDS).top_decile_share == 400 / 760


def test_nobody_is_worth_nothing() -> None:
    found = worth([], BANDS)

    assert (found.customers, found.clv_minor, found.top_decile_share) == (0, 0, 0.0)
    assert worth([score(None, "bronze")], BANDS).clv_minor == 0
