"""What messages cost, and how much of that a month may bear, by channel and by rule. Pure.

Amounts are in millionths of a unit of the shop's currency (`engine.core.money`). A month is one on the shop's calendar;
an action belongs to that in which it is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.calendar import local_date, month
from engine.core.money import micro_text

Month = tuple[datetime, datetime]
"""The first instant of a month, and that of the next."""
Sums = Mapping[tuple[str, str], int]
"""What was spent, by channel and rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What a month may cost at most, by channel and by rule; what is not named has no bound."""

    channels: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)
    currency: str = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """A budget that has no room, and when the next month begins; None: it would have no room in any month."""

    text: str
    until: datetime | None


@dataclass(slots=True, kw_only=True)
class Spending:
    """What months cost so far, and what is dated besides.

    read: what is dated or sent already of a month; asked once for each.
    """

    budgets: Budgets
    time_zone: str
    read: Callable[[Month], Sums]
    _months: dict[Month, dict[tuple[str, str], int]] = field(default_factory=dict)

    def lack(self, *, channel: str, rule: str, cost: int, due: datetime) -> Lack | None:
        """The budget that has no room for one more in the month of `due`, or None."""
        if not cost or (channel not in self.budgets.channels and rule not in self.budgets.rules):
            return None
        when = self._month(due)
        named = local_date(when[0], self.time_zone).strftime("%Y-%m")
        for name, budget, place in (
            (channel, self.budgets.channels.get(channel), 0),
            (rule, self.budgets.rules.get(rule), 1),
        ):
            if budget is None:
                continue
            spent = sum(part for of, part in self._spent(when).items() if of[place] == name)
            if spent + cost > budget:
                most, one = (micro_text(amount, self.budgets.currency) for amount in (budget, cost))
                text = f"the budget of {most} for {name} in {named} has no room for {one} more"
                return Lack(text=text, until=when[1] if cost <= budget else None)
        return None

    def add(self, *, channel: str, rule: str, cost: int, due: datetime) -> None:
        """One more is due then."""
        if cost and (channel in self.budgets.channels or rule in self.budgets.rules):
            spent = self._spent(self._month(due))
            spent[channel, rule] = spent.get((channel, rule), 0) + cost

    def _month(self, due: datetime) -> Month:
        known = (when for when in self._months if when[0] <= due < when[1])
        return next(known, None) or month(due, self.time_zone)

    def _spent(self, when: Month) -> dict[tuple[str, str], int]:
        if when not in self._months:
            self._months[when] = dict(self.read(when))
        return self._months[when]
