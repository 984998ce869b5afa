"""What customers of each source are worth and what it cost to win them: the sum that decides on advertising. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Won:
    """A scored customer as this report sees one: where he came from, what he cost to win (None: not known), his CLV."""

    source: str
    cost_minor: int | None
    clv_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One source: how many scored customers, their mean CLV to come, the mean cost of winning one where it is known
    (of `with_cost` of them), and what is left of the former after the latter."""

    source: str
    customers: int
    mean_clv_minor: int
    with_cost: int
    mean_cost_minor: int | None
    net_minor: int | None


def by_source(customers: Iterable[Won], costs: Mapping[str, int]) -> tuple[SourceLine, ...]:
    """A line per source, the best mean CLV first. costs: what it usually costs to win a customer of a source."""
    groups: dict[str, list[Won]] = {}
    for each in customers:
        groups.setdefault(each.source, []).append(each)
    lines = [_line(source, group, costs.get(source)) for source, group in groups.items()]
    return tuple(sorted(lines, key=lambda line: (-line.mean_clv_minor, line.source)))


def _line(source: str, group: list[Won], usual: int | None) -> SourceLine:
    worth = round(sum(each.clv_minor for each in group) / len(group))
    costs = [usual if each.cost_minor is None else each.cost_minor for each in group]
    known = [cost for cost in costs if cost is not None]
    cost = round(sum(known) / len(known)) if known else None
    return SourceLine(
        source=source,
        customers=len(group),
        mean_clv_minor=worth,
        with_cost=len(known),
        mean_cost_minor=cost,
        net_minor=None if cost is None else worth - cost,
    )
