"""Stage 6: what it brought, read from the store; nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from engine.core.calendar import Duration
from engine.report.channels import RuleLine, by_rule
from engine.report.clv import Worth, worth
from engine.report.kept import kept
from engine.report.lift import Brought, LiftLine, Place, entries, lines
from engine.report.sources import SourceLine, Won, by_source
from engine.store import actions, customers, decisions, lift, scores
from engine.store.session import Store, in_chunks, in_pieces

_Paid = tuple[datetime, int, int]  # when, how much, and what of it is kept


def report_clv(
    store: Store, bands: Mapping[str, float], usual_costs: Mapping[str, int]
) -> tuple[Worth, tuple[SourceLine, ...]]:
    """The worth of all customers, by tier and by source.

    bands: tier -> where it begins. usual_costs: source -> what it costs to win a customer, in minor units; a customer's
    own cost goes before it.
    """
    with store.read() as connection:
        scored = scores.load(connection)
        by_tier = worth((stored.facts for stored in scored.values()), bands)
        return by_tier, by_source(_won(connection, scored), usual_costs)


def _won(connection: Connection, scored: Mapping[int, scores.Stored]) -> Iterator[Won]:
    """Where each scored customer came from; some at a time, because a customer is much to hold."""
    for some in in_chunks(scored):
        for key, known in customers.load(connection, some).items():
            yield Won(
                source=known.facts.source,
                cost_minor=known.facts.acquisition_cost_minor,
                clv_minor=scored[key].facts.clv_minor or 0,
            )


def report_channels(store: Store) -> tuple[RuleLine, ...]:
    """What each rule decided and what became of its actions."""
    with store.read() as connection:
        return by_rule(decisions.counts(connection), actions.counts(connection))


def report_lift(store: Store, *, within: Duration, currency: str, margin: float, now: datetime) -> tuple[LiftLine, ...]:
    """What each rule, and all together, brought within a time after a customer was drawn: only those count for whom
    that time is over.

    margin: what the shop keeps of a sale whose cost is not known.
    """
    with store.read() as connection:
        entered = entries(lift.drawn(connection))
        over = {place: entry for place, entry in entered.items() if entry.ends(within) <= now}
        people: dict[int, list[Place]] = defaultdict(list)
        for place in over:
            people[place[1]].append(place)
        brought: dict[Place, Brought] = {}
        for some in in_pieces(sorted(people), 10_000):
            homes, paid = lift.households(connection, some), _paid(connection, some, currency, margin)
            for place in (place for customer in some for place in people[customer]):
                began, ends = over[place].at, over[place].ends(within)
                counts = [one for one in paid.get(place[1], ()) if began < one[0] <= ends]
                brought[place] = Brought(
                    household=homes.get(place[1], ""),
                    revenue_minor=sum(amount for _, amount, _ in counts),
                    margin_minor=sum(own for _, _, own in counts),
                )
    return lines(brought, entered, entered.keys() - over.keys())


def _paid(connection: Connection, some: Sequence[int], currency: str, margin: float) -> dict[int, list[_Paid]]:
    found = {}
    for customer, booked in groupby(lift.paid(connection, some, currency), lambda one: one.customer):
        rows = list(booked)
        found[customer] = [(row.at, row.amount_minor, own) for row, own in zip(rows, kept(rows, margin), strict=True)]
    return found
