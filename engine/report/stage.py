"""Stage 6: what it brought, read from the store; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping

from engine.report.channels import RuleLine, by_rule
from engine.report.clv import Worth, worth
from engine.store import actions, decisions, scores
from engine.store.session import Store


def report_clv(store: Store, bands: Mapping[str, float]) -> Worth:
    """The worth of all customers by tier; bands: tier -> the percentile at which it begins."""
    with store.read() as connection:
        return worth((stored.facts for stored in scores.load(connection).values()), bands)


def report_channels(store: Store) -> tuple[RuleLine, ...]:
    """What each rule decided and what became of its actions."""
    with store.read() as connection:
        return by_rule(decisions.counts(connection), actions.counts(connection))
