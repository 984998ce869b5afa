"""What a fact is known by in its file, and a short form of all that it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.facts import ConsentRecord, Event, Transaction

Fact = Event | Transaction | ConsentRecord | tuple[str, Mapping[str, Any]]


def of(fact: Fact) -> tuple[str, int]:
    """The key, "" for what has none, and a hash that holds in this process."""
    if isinstance(fact, Event):
        said = fact.payload
        try:
            return fact.ext_key, hash((fact.customer, fact.kind, fact.occurred_at, *said, *said.values()))
        except TypeError:  # lists and objects
            return fact.ext_key, hash(repr(fact))
    if isinstance(fact, Transaction):
        money = (fact.amount_minor, fact.currency, fact.cost_minor)
        what = tuple(line["what"] for line in fact.lines)
        more = (fact.reverses, fact.referral_code, what)
        return fact.ext_key, hash((fact.customer, fact.occurred_at, *money, *more))
    if isinstance(fact, ConsentRecord):
        return "", 0
    ref, values = fact
    return ":".join((ref, *values, *values.get("attributes", ()))), hash(repr(fact))
