"""What a rule brings: those whom it left alone against as many whom it treated, both drawn at random. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import sqrt

from engine.core.arms import Arm, of_rule, of_workspace
from engine.core.calendar import Duration, add

ALL = ""
"""In place of a rule: all of them together, against the holdout of the workspace."""
LEAST = 100
"""Customers in each group below which nothing is said: a single large order would decide it."""
_SURE = 1.96
"""Standard errors on either side that hold the true difference 19 times out of 20."""
_COMPARED = (Arm.HOLDOUT, Arm.COMPARISON)
Place = tuple[str, int]
"""A rule (or `ALL`) and a customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """When a customer was first drawn for a rule, and into which of the two groups."""

    at: datetime
    arm: Arm

    def ends(self, within: Duration) -> datetime:
        """The end of the time in which what they pay counts."""
        return add(self.at, within, "UTC")


@dataclass(slots=True, kw_only=True)
class Group:
    """What the customers of one group paid, in minor units."""

    customers: int = 0
    total: int = 0
    squares: int = field(default=0, repr=False)

    def count(self, paid: int) -> None:
        """One more."""
        self.customers, self.total, self.squares = self.customers + 1, self.total + paid, self.squares + paid * paid

    @property
    def mean(self) -> float:
        """What each paid."""
        return self.total / self.customers if self.customers else 0.0

    @property
    def error(self) -> float:
        """The square of the standard error of the mean."""
        if self.customers < 2:
            return 0.0
        spread = max(0.0, self.squares - self.total * self.total / self.customers) / (self.customers - 1)
        return spread / self.customers


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftLine:
    """One rule, or all (`ALL`). Customers and what each paid on average, in minor units, of the holdout and of the
    comparison; the difference, between low and high 19 times out of 20. coming: whose time is not over yet.

    says: ``more``, ``less``, ``nothing sure``, or ``too few``.
    """

    rule: str
    holdout: int
    holdout_mean_minor: int
    comparison: int
    comparison_mean_minor: int
    difference_minor: int
    low_minor: int
    high_minor: int
    coming: int
    says: str


def entries(drawn: Iterable[tuple[str, int, datetime, str]]) -> dict[Place, Entry]:
    """The first draw of each customer, for each rule and for all together: (rule, customer, instant, arm) of each."""
    found: dict[Place, Entry] = {}
    for rule, customer, at, arm in drawn:
        for name, group in ((rule, of_rule(arm)), (ALL, of_workspace(arm))):
            if group in _COMPARED and ((name, customer) not in found or at < found[name, customer].at):
                found[name, customer] = Entry(at=at, arm=group)
    return found


def lines(paid: Mapping[Place, int], entered: Mapping[Place, Entry], coming: Iterable[Place]) -> tuple[LiftLine, ...]:
    """A line for each rule, by their names, all together first. paid: by those whose time is over."""
    groups: dict[str, dict[Arm, Group]] = {}
    waiting = [rule for rule, _ in coming]
    for rule in sorted({rule for rule, _ in entered}):
        groups[rule] = {arm: Group() for arm in _COMPARED}
    for place, amount in paid.items():
        groups[place[0]][entered[place].arm].count(amount)
    return tuple(
        _line(rule, found[Arm.HOLDOUT], found[Arm.COMPARISON], waiting.count(rule)) for rule, found in groups.items()
    )


def _line(rule: str, holdout: Group, comparison: Group, coming: int) -> LiftLine:
    difference = comparison.mean - holdout.mean
    margin = _SURE * sqrt(holdout.error + comparison.error)
    says = "more" if difference - margin > 0 else "less" if difference + margin < 0 else "nothing sure"
    return LiftLine(
        rule=rule,
        holdout=holdout.customers,
        holdout_mean_minor=round(holdout.mean),
        comparison=comparison.customers,
        comparison_mean_minor=round(comparison.mean),
        difference_minor=round(difference),
        low_minor=round(difference - margin),
        high_minor=round(difference + margin),
        coming=coming,
        says="too few" if min(holdout.customers, comparison.customers) < LEAST else says,
    )
