"""What conditions read of scores: a few of their values, of very many customers."""

from __future__ import annotations

from typing import NamedTuple


class Worth(NamedTuple):
    """What conditions read of a `Score`, by the same names, and of what it was before its last change (`prev_`).

    A tuple, because decide reads one for each of very many events: it is made in a tenth of the time of a record.
    """

    p_alive: float | None
    clv_minor: int | None
    percentile: float | None
    tier: str
    expected_purchases: float | None
    expected_spend_minor: int | None
    monetary_minor: int | None
    frequency: int
    recency: float
    T: float
    days_since_purchase: int
    prev_p_alive: float | None
    prev_clv_minor: int | None
    prev_percentile: float | None
    prev_tier: str | None

    @property
    def previous(self) -> Before:
        """What it was before."""
        return Before(self.prev_p_alive, self.prev_clv_minor, self.prev_percentile, self.prev_tier)


class Before(NamedTuple):
    """The values of a score before its last change; None where there was none."""

    p_alive: float | None
    clv_minor: int | None
    percentile: float | None
    tier: str | None
