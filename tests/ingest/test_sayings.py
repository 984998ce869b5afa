"""Of two rows with one key, whether they say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.core.facts import ConsentRecord, Event, Transaction
from engine.ingest import sayings
from tests.store.seed import NOON

EVENT = Event(customer="C1", kind="quote.sent", ext_key="E1", occurred_at=NOON, payload={"amount": 5.0, "what": "a"})
SALE = Transaction(customer="C1", ext_key="S1", occurred_at=NOON, amount_minor=500, currency="EUR")
OTHERS: list[tuple[Any, dict[str, Any]]] = [
    (EVENT, {"customer": "C2"}),
    (EVENT, {"kind": "quote.accepted"}),
    (EVENT, {"occurred_at": NOON + timedelta(minutes=1)}),
    (EVENT, {"payload": {"amount": 6.0, "what": "a"}}),
    (EVENT, {"payload": {"amount": 5.0, "why": "a"}}),
    (EVENT, {"payload": {"amount": 5.0, "what": ["a"]}}),
    (SALE, {"customer": "C2"}),
    (SALE, {"occurred_at": NOON + timedelta(minutes=1)}),
    (SALE, {"amount_minor": 501}),
    (SALE, {"currency": "USD"}),
    (SALE, {"cost_minor": 1}),
    (SALE, {"reverses": "S0"}),
    (SALE, {"referral_code": "AAAA"}),
    (SALE, {"lines": ({"what": "a"},)}),
]


@pytest.mark.parametrize(("fact", "change"), OTHERS)
def test_whatever_differs_is_seen(fact: Any, change: dict[str, Any]) -> None:
    other = replace(fact, **change)

    assert sayings.of(fact) == sayings.of(replace(fact))
    assert sayings.of(other) == sayings.of(replace(other))
    assert sayings.of(other)[0] == fact.ext_key
    assert sayings.of(other)[1] != sayings.of(fact)[1]


def test_a_customer_may_be_told_of_in_parts_and_a_consent_has_no_key() -> None:
    city, name = ("C1", {"city": "Roma"}), ("C1", {"given_name": "Ada"})

    assert sayings.of(city)[0] != sayings.of(name)[0]
    assert sayings.of(city) == sayings.of(("C1", {"city": "Roma"})) != sayings.of(("C1", {"city": "Forlì"}))
    yes = ConsentRecord(customer="C1", purpose="any", channel="any", given=True, at=NOON)
    assert sayings.of(yes)[0] == ""
