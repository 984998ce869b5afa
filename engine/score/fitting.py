"""A shop's models from its log: the season taken out, the model chosen or as told, fitted on everything; and its values.

The one way from a log to scores, for a workspace (`stage`) as for a single file (`premura clv`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import ScoreError
from engine.score.choose import CANDIDATES, Verdict, judge
from engine.score.clv import Terms, Values, values
from engine.score.history import Clock, History, Log, Purchases, TimeUnit, calendar, summarise, summarise_periods
from engine.score.models import BUYING, gamma_gamma
from engine.score.models.fit import Fit, fit
from engine.score.models.gamma_gamma import GammaGamma

AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a shop wants to be modelled. model: a name of `BUYING` or "auto"; seasonal: whether to look for a season."""

    model: str = AUTO
    time_unit: TimeUnit = "week"
    exponent: int = 2

    def __post_init__(self) -> None:
        if self.model != AUTO and self.model not in BUYING:
            raise ScoreError(f"there is no model '{self.model}' (hint: {AUTO}, {', '.join(BUYING)})")

    @property
    def names(self) -> Sequence[str]:
        """The models that are judged."""
        return CANDIDATES if self.model == AUTO else (self.model,)

    def judge(self, log: Log, window_end_day: int, calibration_end_day: int | None = None) -> Verdict | None:
        """`choose.judge` of this plan's models."""
        return judge(
            log,
            self.names,
            window_end_day=window_end_day,
            calibration_end_day=calibration_end_day,
            time_unit=self.time_unit,
            exponent=self.exponent,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A shop's models, and what is to be known about them (names of `FLAGS`)."""

    model: str
    buying: Fit[Any]
    spending: Fit[GammaGamma]
    flags: tuple[str, ...]


def fit_shop(purchases: Purchases, plan: Plan, chosen: str) -> tuple[History, Fitted]:
    """The history of everybody, and the models fitted on it. chosen: the buying model's name, "" when none was judged.

    Raises ScoreError when there is nothing to score.
    """
    name = chosen or plan.names[0]
    history = history_of(purchases, plan, name)
    buying, spending = fit(BUYING[name], history), gamma_gamma.fit(history)
    flags = (*buying.flags, *spending.flags, *(() if chosen else ("not_judged",)))
    return history, Fitted(model=name, buying=buying, spending=spending, flags=tuple(dict.fromkeys(flags)))


def history_of(purchases: Purchases, plan: Plan, name: str, clock: Clock = calendar) -> History:
    """Purchases summed up as a model reads them. Raises ScoreError when there are none."""
    if not len(purchases.customer):
        raise ScoreError("there is no purchase to score")
    if BUYING[name].OPPORTUNITIES:
        return summarise_periods(purchases, time_unit=plan.time_unit, exponent=plan.exponent)
    return summarise(purchases, time_unit=plan.time_unit, exponent=plan.exponent, clock=clock)


def value_everybody(fitted: Fitted, history: History, terms: Terms) -> Values:
    """What each customer is worth."""
    return values(BUYING[fitted.model], fitted.buying, fitted.spending, history, terms)
