"""What a shop says about worth, once for all rooms and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from engine.core.calendar import parse_duration
from engine.core.money import exponent
from engine.score.clv import Values, tiers
from engine.score.fitting import Plan
from engine.score.terms import Terms, days_of
from engine.score.units import TimeUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the shop says about worth: model, units, how far to look, at what rate, what is kept of a sale, tiers.

    tiers: name -> where it begins, a percentile (0..1) or an amount in whole units of the currency.
    """

    model: str = "auto"
    time_unit: TimeUnit
    seasonal: bool = True
    cohorts: Literal["", "year", "quarter"] = ""
    horizon: str  # ISO 8601
    discount_rate: float  # a year
    margin: float
    tiers: Mapping[str, float]
    tiers_by: Literal["percentile", "amount"] = "percentile"
    currency: str
    time_zone: str

    @property
    def plan(self) -> Plan:
        """How the shop is modelled."""
        return Plan(
            model=self.model,
            time_unit=self.time_unit,
            exponent=exponent(self.currency),
            seasonal=self.seasonal,
            cohorts=self.cohorts,
        )

    @property
    def terms(self) -> Terms:
        """What a future purchase is worth."""
        days = days_of(parse_duration(self.horizon))
        return Terms(horizon_days=days, annual_rate=self.discount_rate, margin=self.margin)

    @property
    def kept(self) -> dict[str, Any]:
        """As JSON values."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"tiers": dict(self.tiers)}

    def tiers_of(self, found: Values) -> np.ndarray[Any, np.dtype[np.str_]]:
        """Each customer's tier."""
        by = found.percentile if self.tiers_by == "percentile" else found.clv_minor / 10.0 ** exponent(self.currency)
        return tiers(by, self.tiers)
