"""A customer's history as of any instant of the past: the answers to `core.lookback`, as the store gives them. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate

from engine.core.condition import Value
from engine.core.lookback import ABOUT_EVENTS, Lookback
from engine.core.money import exponent

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Instants, each oldest first: of events by kind, of sales, and of all that was paid or given back in the shop's
    currency; `sums` are of the amounts up to each of these, in minor units, and begin with 0."""

    events: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    sales: Sequence[datetime] = ()
    paid: Sequence[datetime] = ()
    sums: Sequence[int] = (0,)

    def answers(self, asked: Sequence[Lookback], at: datetime, tz: str, currency: str) -> dict[str, Value]:
        """The answer to each question at an instant, by its name. tz: the customer's."""
        return {one.name: self._answer(one, at, one.since(at, tz) or _EVER, currency) for one in asked}

    def _answer(self, one: Lookback, at: datetime, since: datetime, currency: str) -> Value:
        if one.function in ABOUT_EVENTS:
            count = _between(self.events.get(one.kind, ()), since, at)
            return count > 0 if one.function == "has_event" else count
        if one.function == "count_purchases":
            return _between(self.sales, since, at)
        first, last = bisect_right(self.paid, since), bisect_right(self.paid, at)
        return float(self.sums[last] - self.sums[first]) / 10.0 ** exponent(currency)


def _between(instants: Sequence[datetime], since: datetime, at: datetime) -> int:
    return bisect_right(instants, at) - bisect_right(instants, since)


def summed(amounts: Sequence[int]) -> tuple[int, ...]:
    """The sums of a history's amounts."""
    return tuple(accumulate(amounts, initial=0))
