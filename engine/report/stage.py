"""Stage 6: what it brought, read from the store; nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection

from engine.core.calendar import Duration
from engine.report.channels import RuleLine, by_rule
from engine.report.clv import Worth, worth
from engine.report.lift import LiftLine, Place, entries, lines
from engine.report.sources import SourceLine, Won, by_source
from engine.store import actions, customers, decisions, lift, scores
from engine.store.session import Store, in_chunks, in_pieces


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


def report_lift(store: Store, *, within: Duration, currency: str, now: datetime) -> tuple[LiftLine, ...]:
    """What each rule, and all together, brought within a time after a customer was drawn: only those count for whom
    that time is over."""
    with store.read() as connection:
        entered = entries(lift.drawn(connection))
        over = {place: entry for place, entry in entered.items() if entry.ends(within) <= now}
        rules: dict[int, list[Place]] = defaultdict(list)
        for place in over:
            rules[place[1]].append(place)
        paid = dict.fromkeys(over, 0)
        for some in in_pieces(sorted(rules), 10_000):
            for one in lift.paid(connection, some, currency):
                for place in rules[one.customer]:
                    if over[place].at < one.at <= over[place].ends(within):
                        paid[place] += one.amount_minor
    return lines(paid, entered, entered.keys() - over.keys())
