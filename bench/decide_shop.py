"""The shop of the bench of decide: customers with their consent and a score, events of five kinds, and rules for them.

All that is drawn comes from one seed, so that whoever decides, decides about the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np

from engine.core.facts import ConsentRecord, Event
from engine.decide.rule import Rule, load
from engine.decide.stage import Policy
from engine.decide.vocabulary import vocabulary
from engine.store import customers, events, permissions, scores
from engine.store.scores import Columns
from engine.store.session import Store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = ("quote.sent", "service_call.completed", "delivery.made", "purchase.made", "contract.signed")
SLICE = 20_000
WORDS = vocabulary(events={kind: {"amount": "double"} for kind in KINDS})


@lru_cache
def policy(number: int) -> Policy:
    """What decide works by, with so many rules."""
    return Policy(
        rules=rules(number),
        words=WORDS,
        time_zone="Europe/Rome",
        currency="EUR",
        key="bench",
        start=None,
        lead_days={},
    )


def seed(store: Store, people: int, happened: int) -> None:
    """Customers with their consent and a score, and so many events of theirs."""
    chance = np.random.default_rng(7)
    for start in range(1, people + 1, SLICE):
        refs = [f"C{number}" for number in range(start, min(start + SLICE, people + 1))]
        with store.write() as connection:
            customers.save(connection, [(ref, {"email": f"{ref}@example.com"}) for ref in refs], NOW)
            keys = customers.ids_of(connection, refs)
            yes = [(keys[ref], _yes(ref)) for ref in refs]
            permissions.add_consents(connection, yes)
    with store.write() as connection:
        scores.save(connection, 1, worth(people, chance), NOW, baseline=True)
    found = list(happenings(people, happened, chance))
    for start in range(0, happened, SLICE):
        with store.write() as connection:
            events.add(connection, "bench", found[start : start + SLICE], NOW)


def worth(people: int, chance: np.random.Generator) -> Columns:
    """The scores, by column."""
    part, whole = chance.random(people), np.arange(1, people + 1)
    tiers = np.array(["gold", "silver", "bronze"])[chance.integers(0, 3, people)]
    return [whole, whole % 9, 300 * part, 400 * part + 300, whole % 9000, part, 5 * part, whole % 9000, whole % 90_000,
            whole % 9000, whole % 99_000, part[::-1], tiers, whole % 400]  # fmt: skip


def happenings(people: int, happened: int, chance: np.random.Generator) -> Iterator[tuple[int, Event]]:
    """The events, each with its customer's key."""
    kinds, who, amounts = (
        chance.integers(0, 5, happened).tolist(),
        chance.integers(1, people + 1, happened).tolist(),
        chance.random(happened).tolist(),
    )
    for row in range(happened):
        yield who[row], _event(row, KINDS[kinds[row]], amounts[row])


def _yes(ref: str) -> ConsentRecord:
    return ConsentRecord(customer=ref, purpose="any", channel="any", given=True, at=NOW - timedelta(days=1))


def _event(row: int, kind: str, part: float) -> Event:
    at = NOW - timedelta(minutes=row % 1000)
    return Event(customer="", kind=kind, ext_key=str(row), occurred_at=at, payload={"amount": round(2000 * part, 2)})


def rules(number: int) -> tuple[Rule, ...]:
    """Rules of four clauses, a fifth of them for each kind of event."""
    return load(dict(_files(number)), vocabulary=WORDS, templates=["email/thanks"])


def _files(number: int) -> Iterator[tuple[str, str]]:
    for one in range(number):
        yield (
            f"rules/r{one}.toml",
            f"""id = "r{one}"
title = "Rule {one}"
purpose = "relationship"
holdout = 0.10
[on]
event = "{KINDS[one % 5]}"
when = '''event.amount > {least(one)} && score.p_alive > {share(one)}
    && score.tier in ['gold', 'silver'] && customer.has_email'''
[journey]
stop_on = ["complaint.opened"]
[[step]]
id = "mail"
channel = "email"
template = "email/thanks"
after = "P1D"
""",
        )


def least(one: int) -> float:
    """The amount above which a rule is for an event."""
    return 900.0 + one


def share(one: int) -> float:
    """The probability above which it is."""
    return (one % 10) / 20
