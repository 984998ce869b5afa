"""The facts that rooms exchange."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import facts, records
from engine.core.facts import Address, ConsentRecord, Customer, Event, Transaction
from engine.core.records import LedgerPosting, PrintJob, ReferralInvite

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class TestCustomer:
    def test_a_person_goes_before_their_firm(self) -> None:
        assert (
            Customer(ref="C1", given_name="Letizia", family_name="D'Amico", company="Bar Sport").name
            == "Letizia D'Amico"
        )
        assert Customer(ref="C1", family_name="D'Amico").name == "D'Amico"
        assert Customer(ref="C1", given_name="Letizia").name == "Letizia"
        assert Customer(ref="C1", company="Bar Sport").name == "Bar Sport"
        assert Customer(ref="C1").name == ""

    @pytest.mark.parametrize(
        ("missing", "takes"), [({}, True), ({"company": ""}, False), ({"street": ""}, False), ({"city": ""}, False)]
    )
    def test_a_card_needs_a_name_a_street_and_a_town(self, missing: dict[str, str], takes: bool) -> None:
        known = {"company": "Bar Sport", "street": "Via Po 1", "city": "Roma"} | missing
        lives = Address(street=known["street"], city=known["city"])
        assert Customer(ref="C1", company=known["company"], address=lives).takes_post is takes

    def test_nothing_is_needed_but_a_reference(self) -> None:
        bare = Customer(ref="C1")
        assert bare.address == Address()
        assert dict(bare.attributes) == {}
        with pytest.raises(TypeError):
            Customer()  # type: ignore[call-arg] # that is what must be refused


class TestTransaction:
    @given(st.integers(-(10**9), 10**9))
    def test_the_sign_makes_the_kind(self, amount: int) -> None:
        sale = Transaction(customer="C1", ext_key="1", occurred_at=NOON, amount_minor=amount, currency="EUR")
        assert sale.kind == ("refund" if amount < 0 else "sale")


FACTS: list[Any] = [
    Address(),
    Customer(ref="C1"),
    Transaction(customer="C1", ext_key="1", occurred_at=NOON, amount_minor=1, currency="EUR"),
    Event(customer="C1", kind="quote.sent", ext_key="1", occurred_at=NOON),
    ConsentRecord(customer="C1", purpose="any", channel="any", given=True, at=NOON),
    LedgerPosting(amount=50, unit="points", kind="grant"),
    ReferralInvite(code="ABC", link="https://shop.example/ABC"),
    PrintJob(files=("card.pdf",), pages=1),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_fact_is_never_changed_nor_given_more(fact: Any) -> None:
    name = fact.__slots__[0]
    with pytest.raises(FrozenInstanceError):
        setattr(fact, name, None)
    with pytest.raises((AttributeError, TypeError)):
        fact.more = 1
    assert fact == type(fact)(**{name: getattr(fact, name) for name in fact.__slots__})


def test_no_kind_of_fact_is_forgotten_above() -> None:
    homes = (facts, records)
    kinds = {
        kind
        for home in homes
        for kind in vars(home).values()
        if isinstance(kind, type) and kind.__module__ == home.__name__ and not getattr(kind, "_is_protocol", False)
    }
    assert kinds == {*map(type, FACTS), facts.Score}
