"""What a rule brings: those whom it left alone against as many whom it treated, both drawn at random. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core.arms import Arm, of_rule, of_workspace
from engine.core.calendar import Duration, add
from engine.report.group import Compared, Group, compared

ALL = ""
"""In place of a rule: all of them together, against the holdout of the workspace."""
_COMPARED = (Arm.HOLDOUT, Arm.COMPARISON)
Place = tuple[str, int]
"""A rule (or `ALL`) and a customer."""
Homes = Sequence[Sequence["Brought"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """When a customer was first drawn for a rule, and into which of the two groups."""

    at: datetime
    arm: Arm

    def ends(self, within: Duration) -> datetime:
        """The end of the time in which what they pay counts."""
        return add(self.at, within, "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a customer paid in that time, less what was given back, and what of it the shop keeps, in minor units.

    household: of all who live together, or empty.
    """

    household: str = ""
    revenue_minor: int = 0
    margin_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftLine:
    """One rule, or all (`ALL`): the customers of the holdout and of the comparison, and in how many households they
    live; those whose time is not over yet (coming); and what they brought, as revenue and as margin."""

    rule: str
    holdout: int
    holdout_households: int
    comparison: int
    comparison_households: int
    coming: int
    revenue: Compared
    margin: Compared


def entries(drawn: Iterable[tuple[str, int, datetime, str]]) -> dict[Place, Entry]:
    """The first draw of each customer, for each rule and for all together: (rule, customer, instant, arm) of each."""
    found: dict[Place, Entry] = {}
    for rule, customer, at, arm in drawn:
        for name, group in ((rule, of_rule(arm)), (ALL, of_workspace(arm))):
            if group in _COMPARED and ((name, customer) not in found or at < found[name, customer].at):
                found[name, customer] = Entry(at=at, arm=group)
    return found


def lines(
    brought: Mapping[Place, Brought], entered: Mapping[Place, Entry], coming: Iterable[Place]
) -> tuple[LiftLine, ...]:
    """A line for each rule, by their names, all together first. brought: by those whose time is over."""
    waiting = Counter(rule for rule, _ in coming)
    homes: dict[tuple[str, Arm], dict[str | int, list[Brought]]] = defaultdict(lambda: defaultdict(list))
    for (rule, customer), one in brought.items():
        homes[rule, entered[rule, customer].arm][one.household or customer].append(one)

    def line(rule: str) -> LiftLine:
        holdout, comparison = (list(homes[rule, arm].values()) for arm in _COMPARED)
        revenue = _groups(holdout, comparison, lambda one: one.revenue_minor)
        margin = _groups(holdout, comparison, lambda one: one.margin_minor)
        return LiftLine(
            rule=rule,
            holdout=revenue[0].customers,
            holdout_households=revenue[0].households,
            comparison=revenue[1].customers,
            comparison_households=revenue[1].households,
            coming=waiting[rule],
            revenue=compared(*revenue),
            margin=compared(*margin),
        )

    return tuple(line(rule) for rule in sorted({rule for rule, _ in entered}))


def _groups(holdout: Homes, comparison: Homes, what: Callable[[Brought], int]) -> tuple[Group, Group]:
    one, two = (Group.of((len(home), sum(map(what, home))) for home in homes) for homes in (holdout, comparison))
    return one, two
