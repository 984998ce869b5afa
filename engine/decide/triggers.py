"""When a rule is asked: on an event, on a date that comes round, when a score crosses a line, on a daily sweep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from engine.core.calendar import anniversary, local_date
from engine.core.facts import Event
from engine.decide.condition import Condition
from engine.decide.moment import Occasion
from engine.decide.rule import Rule
from engine.decide.vocabulary import before

CATCH_UP = timedelta(days=7)
"""How far back missed dates are still looked at after an outage; older ones would come too late to be kind."""


def by_event(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """The rules that each kind of event starts."""
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.trigger.kind == "event":
            found.setdefault(rule.trigger.what, []).append(rule)
    return found


def of_kind(rules: Iterable[Rule], kind: str) -> list[Rule]:
    """The rules with that kind of trigger."""
    return [rule for rule in rules if rule.trigger.kind == kind]


def returns(origin: date, first: date, last: date) -> list[tuple[date, int]]:
    """The days from `first` to `last` on which `origin` comes round, each with the full years since."""
    days = ((anniversary(origin, year), year - origin.year) for year in range(first.year, last.year + 1))
    return [(day, years) for day, years in days if years >= 1 and first <= day <= last]


def day_of(value: datetime | None, tz: str) -> date | None:
    """The date of a name's value on the customer's calendar."""
    return None if value is None else local_date(value, tz)


def crosses(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether a condition on the score holds now and did not hold of the values before."""
    return condition.holds(values) and not condition.holds(before(values))


def event_occasion(source: str, key: int, event: Event) -> Occasion:
    """Why rules are asked when an event happened; its own key makes the same event the same occurrence.

    source: of the event; key: its own in the store.
    """
    occurrence = f"{source}/{event.ext_key}"
    return Occasion(occurrence=occurrence, anchor=event.occurred_at, event=event, event_id=key)
