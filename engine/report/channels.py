"""What each rule did: how often it answered what, and where its actions stand. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """One rule: decisions by outcome (act, no, refused, holdout) and actions by channel and state."""

    rule: str
    outcomes: dict[str, int]
    actions: dict[str, dict[str, int]]


def by_rule(
    outcomes: Iterable[tuple[str, str, int]], states: Iterable[tuple[str, str, str, int]]
) -> tuple[RuleLine, ...]:
    """Lines by rule from counts of (rule, outcome) and of (rule, channel, state)."""
    answered: dict[str, dict[str, int]] = defaultdict(dict)
    for rule, outcome, number in outcomes:
        answered[rule][outcome] = number
    standing: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for rule, channel, state, number in states:
        standing[rule][channel][state] = number
    return tuple(
        RuleLine(
            rule=rule,
            outcomes=answered.get(rule, {}),
            actions={channel: dict(found) for channel, found in standing.get(rule, {}).items()},
        )
        for rule in sorted(answered.keys() | standing.keys())
    )
