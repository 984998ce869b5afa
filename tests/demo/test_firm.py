from __future__ import annotations

import re
import time
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.keys import sha256
from engine.core.money import parse_amount, to_minor
from engine.demo.firm import build
from engine.demo.log import TRANSACTION_COLUMNS, FirmLog, consents_csv, customers_csv, events_jsonl, transactions_csv
from tests.demo.telling import check_all, day_of, firm, sales

KINDS = {
    "quote.sent": {"reference", "amount", "what"},
    "quote.accepted": {"reference"},
    "quote.declined": {"reference"},
    "service_call.completed": {"amount", "what", "technician"},
    "service_call.reworked": {"what", "technician"},
    "delivery.completed": {"amount", "what"},
    "return.opened": {"what"},
    "complaint.opened": {"what"},
    "complaint.resolved": {"what"},
    "review.received": {"rating", "text"},
}


def files(log: FirmLog) -> str:
    return "".join(
        (
            customers_csv(log.customers),
            consents_csv(log.consents),
            transactions_csv(log.transactions),
            events_jsonl(log.events),
        )
    )


def test_the_same_seed_tells_the_same_story_byte_by_byte() -> None:
    assert sha256(files(build())) == sha256(files(build(seed=7)))


def test_another_seed_tells_another_story() -> None:
    assert sha256(files(firm(7))) != sha256(files(firm(8)))


@pytest.mark.parametrize("seed", [0, 7, 8, 21])
def test_the_stories_hold_together(seed: int) -> None:
    check_all(firm(seed))


@settings(max_examples=40, deadline=None)
@given(
    customers=st.integers(1, 70),
    seed=st.integers(0, 2**31),
    days=st.integers(0, 1200),
    today=st.dates(date(2024, 1, 1), date(2030, 12, 31)),
)
def test_any_firm_holds_together(customers: int, seed: int, days: int, today: date) -> None:
    log = build(customers=customers, seed=seed, start=today - timedelta(days=days), today=today)
    assert len(log.customers) == customers
    check_all(log)


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_counts_are_those_of_a_firm_of_that_size(seed: int) -> None:
    log = build(seed=seed)
    assert len(log.customers) == 600
    assert [row["customer"] for row in log.customers] == [f"C{number:05d}" for number in range(1, 601)]
    assert 900 <= len(log.consents) <= 1200
    assert 1100 <= len(log.transactions) <= 1700
    assert 1700 <= len(log.events) <= 2700
    refunds = [row for row in log.transactions if row["reverses"]]
    assert 15 <= len(refunds) <= 80


def test_six_hundred_customers_take_a_moment() -> None:
    begun = time.process_time()
    build(seed=99)
    assert time.process_time() - begun < 3  # 0.1 to 0.3 by the machine


def test_transactions_are_as_a_shop_exports_them() -> None:
    for row in firm().transactions:
        assert tuple(row) == TRANSACTION_COLUMNS
        assert re.fullmatch(r"F-202[3-6]-\d{4}", row["id"])
        assert re.fullmatch(r"202[3-6]-\d\d-\d\dT\d\d:\d\d:00", row["date"])
        assert re.fullmatch(r"-?\d+\.\d\d", row["amount"])
        assert row["currency"] == "EUR"
        assert to_minor(parse_amount(row["amount"], "."), "EUR") == to_minor(Decimal(row["amount"]), "EUR") != 0
        assert row["what"]
        assert bool(row["reverses"]) == row["amount"].startswith("-") == (row["cost"] == "")


def test_events_are_as_a_shop_sends_them() -> None:
    seen: Counter[str] = Counter()
    for event in firm().events:
        payload = dict(event)
        head = [payload.pop(name) for name in ("id", "customer", "kind", "date")]
        assert payload.keys() == KINDS[event["kind"]]
        assert re.fullmatch(r"E\d{6}", head[0])
        assert re.fullmatch(r"202\d-\d\d-\d\dT\d\d:\d\d:00\+0[12]:00", event["date"])
        assert isinstance(payload.get("amount", 0.0), float)
        assert payload.get("rating", 1) in (1, 2, 3, 4, 5)
        assert all(payload[name] for name in ("what", "technician", "reference", "text") if name in payload)
        seen[event["kind"]] += 1
    assert seen.keys() == KINDS.keys()


def test_events_carry_the_offset_of_their_day() -> None:
    offsets = {(event["date"][5:7], event["date"][-6:]) for event in firm().events}
    assert ("07", "+02:00") in offsets
    assert ("01", "+01:00") in offsets
    assert ("07", "+01:00") not in offsets
    assert ("01", "+02:00") not in offsets


def test_work_has_its_seasons() -> None:
    def months(word: str) -> Counter[int]:
        return Counter(day_of(row).month for row in sales(firm()) if word in row["what"])

    boilers, cooling = months("manutenzione"), months("climatizzatore")
    autumn, spring = sum(boilers[month] for month in (9, 10, 11)), sum(boilers[month] for month in (3, 4, 5))
    assert autumn > 3 * spring
    assert sum(cooling[month] for month in (5, 6, 7)) > 2 * sum(cooling[month] for month in (11, 12, 1))


def test_customers_join_over_the_years() -> None:
    log = firm()
    years = Counter(row["first_contact_on"][:4] for row in log.customers)
    assert all(years[year] > 100 for year in ("2024", "2025", "2026"))
    came = [row["first_contact_on"] for row in log.customers]
    assert came == sorted(came)
    last = {row["customer"]: day_of(row) for row in sales(log)}
    gone = sum(day < log.today - timedelta(days=400) for day in last.values())
    assert gone > 150


@pytest.mark.parametrize(
    "wrong",
    [
        {"customers": 0},
        {"seed": -1},
        {"start": date(2026, 10, 31)},
    ],
    ids=["no customers", "negative seed", "start after today"],
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="needs a customer, a seed"):
        build(**wrong)  # type: ignore[arg-type]  # one wrong argument at a time


def test_a_firm_can_open_today() -> None:
    today = date(2026, 10, 30)
    log = build(customers=5, start=today, today=today)
    assert {row["first_contact_on"] for row in log.customers} == {"2026-10-30"}
    check_all(log)
