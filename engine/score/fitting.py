"""A shop's models from its log: the season taken out, the model chosen or as told, fitted on all; and its values.

The one way from a log to scores, for a workspace (`stage`) as for a single file (`premura clv`).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import ScoreError
from engine.score.choose import CANDIDATES, Verdict, judge
from engine.score.clv import Values, joined, values
from engine.score.cohorts import Cohorts, by_fit, cohort_of, fit_cohorts
from engine.score.history import History, Pooled, summed_up
from engine.score.models import BUYING, gamma_gamma
from engine.score.models.fit import Fit, fit
from engine.score.models.gamma_gamma import GammaGamma
from engine.score.purchases import Log, Purchases
from engine.score.season import IDENTITY
from engine.score.terms import Terms
from engine.score.units import Clock, TimeUnit, calendar
from engine.score.yearly import Detection, detect

AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a shop wants to be modelled.

    model: a name of `BUYING` or "auto". seasonal: whether to look for a season. cohorts: whether those who came in the
    same year or quarter have parameters of their own.
    """

    model: str = AUTO
    time_unit: TimeUnit = "week"
    exponent: int = 2
    seasonal: bool = True
    cohorts: Literal["", "year", "quarter"] = ""

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
            clock_of=lambda purchases: self.season_of(purchases).used.clock,
        )

    def season_of(self, purchases: Purchases) -> Detection:
        """What the purchases say about the shop's year, if that is asked for and the models can use it."""
        if not self.seasonal or BUYING[self.names[0]].OPPORTUNITIES:
            return Detection()
        return detect(purchases.customer, purchases.day, purchases.as_of_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A shop's models, its season, and what is to be known about them (names of `FLAGS`)."""

    model: str
    buying: Fit[Any]
    spending: Fit[GammaGamma]
    season: Detection
    cohorts: Cohorts | None
    flags: tuple[str, ...]


def fit_shop(purchases: Purchases, plan: Plan, chosen: str) -> tuple[History, Fitted]:
    """The history of everybody, and the models fitted on it. chosen: the buying model's name, "" when none was judged.

    Raises ScoreError when there is nothing to score.
    """
    name = chosen or plan.names[0]
    with ThreadPoolExecutor(1) as beside:  # numpy lets go of the lock: a second core does half of the work
        seeking = beside.submit(plan.season_of, purchases)
        history = history_of(purchases, plan, name)
        season = seeking.result()
        if season.used != IDENTITY:
            history = history_of(purchases, plan, name, season.used.clock)
        spend = beside.submit(gamma_gamma.fit, history)
        buying = fit(BUYING[name], history)
        spending = spend.result()
    cohorts = None
    if plan.cohorts:
        cohorts = fit_cohorts(BUYING[name], history, buying, cohort_of(history.first_day, plan.cohorts))
    seasonal = [flag for flag in season.flags if flag == "yearly_pattern"]
    flags = (*buying.flags, *spending.flags, *seasonal, *(() if chosen else ("not_judged",)))
    flags = tuple(dict.fromkeys(flags))
    found = Fitted(model=name, buying=buying, spending=spending, season=season, cohorts=cohorts, flags=flags)
    return history, found


def history_of(
    purchases: Purchases, plan: Plan, name: str, clock: Clock = calendar, pooled: Pooled | None = None
) -> History:
    """Purchases summed up as a model reads them; pooled: as in `summarise`. Raises ScoreError when there are none."""
    if not len(purchases.customer):
        raise ScoreError("there is no purchase to score")
    periods = BUYING[name].OPPORTUNITIES
    return summed_up(
        purchases, periods=periods, time_unit=plan.time_unit, exponent=plan.exponent, clock=clock, pooled=pooled
    )


def value_everybody(fitted: Fitted, history: History, terms: Terms) -> Values:
    """What each customer is worth, by the parameters of his cohort where there are cohorts."""
    model = BUYING[fitted.model]
    if fitted.cohorts is None:
        return values(model, fitted.buying, fitted.spending, history, terms)
    members = cohort_of(history.first_day, fitted.cohorts.period)
    parts = [
        (rows, values(model, buying, fitted.spending, history.take(rows), terms))
        for buying, rows in by_fit(fitted.cohorts, members)
    ]
    return joined(parts)
