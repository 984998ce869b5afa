"""What the customers are worth together: by tier, and how much of it the best few hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.core.facts import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class TierWorth:
    """One tier: how many customers, their expected value over the horizon, and its share of the whole."""

    tier: str
    customers: int
    clv_minor: int
    share: float
    mean_p_alive: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """The worth of all scored customers, by tier from the best down, and the share of the best tenth."""

    customers: int
    clv_minor: int
    tiers: tuple[TierWorth, ...]
    top_decile_share: float


def worth(scores: Iterable[Score], bands: Mapping[str, float]) -> Worth:
    """Add up scores; bands: tier -> the percentile at which it begins."""
    every = list(scores)
    known = sorted((score.clv_minor or 0 for score in every), reverse=True)
    total = sum(known)
    best = sum(known[: max(1, len(known) // 10)]) if known else 0
    tiers = tuple(
        _tier(name, [score for score in every if score.tier == name], total)
        for name in sorted(bands, key=lambda name: -bands[name])
    )
    return Worth(customers=len(every), clv_minor=total, tiers=tiers, top_decile_share=best / total if total else 0.0)


def _tier(name: str, scores: list[Score], total: int) -> TierWorth:
    value = sum(score.clv_minor or 0 for score in scores)
    alive = [score.p_alive for score in scores if score.p_alive is not None]
    return TierWorth(
        tier=name,
        customers=len(scores),
        clv_minor=value,
        share=value / total if total else 0.0,
        mean_p_alive=sum(alive) / len(alive) if alive else None,
    )
