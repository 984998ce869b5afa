from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.core.facts import Transaction
from engine.ingest.books import Booked, contradiction, unfounded

ROME = "Europe/Rome"
SALE = Transaction(
    customer="C1",
    ext_key="17",
    occurred_at=datetime(2026, 1, 5, 11, tzinfo=UTC),
    amount_minor=1000,
    currency="EUR",
)
BOOKED = Booked(customer=1, occurred_at=SALE.occurred_at, amount_minor=1000, currency="EUR")
REFUND = replace(SALE, ext_key="18", amount_minor=-1000, reverses="17")


@pytest.mark.parametrize(
    "fact",
    [
        SALE,
        replace(SALE, occurred_at=datetime(2026, 1, 5, 17, 30, tzinfo=UTC)),
        replace(SALE, occurred_at=datetime(2026, 1, 4, 23, 30, tzinfo=UTC)),
        replace(SALE, referral_code="7KQ2M9XA", cost_minor=5, lines=({"what": "boiler"},)),
    ],
)
def test_a_later_export_may_know_more_of_the_same_sale(fact: Transaction) -> None:
    assert contradiction(fact, 1, BOOKED, ROME) == ""


@pytest.mark.parametrize(
    ("fact", "customer", "whose"),
    [
        (replace(SALE, amount_minor=1001), 1, ""),
        (replace(SALE, currency="USD"), 1, ""),
        (replace(SALE, occurred_at=datetime(2026, 1, 5, 23, 30, tzinfo=UTC)), 1, ""),
        (SALE, 2, " of another customer"),
        (SALE, "C9", " of another customer"),
    ],
)
def test_another_sale_under_the_same_id(fact: Transaction, customer: int | str, whose: str) -> None:
    said = contradiction(fact, customer, BOOKED, ROME)

    assert said == f"this id is stored already, as 10.00 EUR on 2026-01-05{whose}; what is stored never changes"


def test_a_refund_of_its_own_sale() -> None:
    assert unfounded(REFUND, 1, BOOKED) == ""
    assert unfounded(replace(REFUND, amount_minor=-5000), 1, BOOKED) == ""


@pytest.mark.parametrize(
    ("refund", "customer", "sale", "said"),
    [
        (REFUND, 1, None, "there is no such sale, in this file or stored (hint: ingest the sales first)"),
        (REFUND, 2, BOOKED, "this is a sale to another customer"),
        (REFUND, "C1", BOOKED, "this is a sale to another customer"),
        (REFUND, 1, replace(BOOKED, amount_minor=-1), "this is no sale but a refund itself"),
        (replace(REFUND, currency="USD"), 1, BOOKED, "this sale was 10.00 EUR, and the refund is in USD"),
    ],
)
def test_a_refund_without_its_sale(refund: Transaction, customer: int | str, sale: Booked | None, said: str) -> None:
    assert unfounded(refund, customer, sale) == said
