"""What every invented firm must keep to, whatever its seed and size; and the firm of the demo, built once."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from engine.demo.firm import build
from engine.demo.log import FirmLog

Row = dict[str, str]
LIVED = 60


@cache
def firm(seed: int = 7) -> FirmLog:
    """The demo's firm."""
    return build(seed=seed)


def lived(log: FirmLog) -> list[dict[str, Any]]:
    """The events of the last sixty days."""
    since = (log.today - timedelta(days=LIVED - 1)).isoformat()
    return [event for event in log.events if event["date"] >= since]


def of(log: FirmLog, customer: str, *kinds: str) -> list[dict[str, Any]]:
    """A customer's events, of these kinds or of all."""
    return [event for event in log.events if event["customer"] == customer and (not kinds or event["kind"] in kinds)]


def sales(log: FirmLog) -> list[Row]:
    """The transactions that are no refunds."""
    return [row for row in log.transactions if not row["reverses"]]


def day_of(row: dict[str, Any]) -> date:
    """The local day of a transaction or an event."""
    return date.fromisoformat(row["date"][:10])


def check_all(log: FirmLog) -> None:
    """Every promise about the stories in a log."""
    check_people(log)
    check_books(log)
    check_refunds(log)
    check_quotes(log)
    check_work(log)
    check_complaints(log)
    check_returns(log)


def check_people(log: FirmLog) -> None:
    """Nothing happens to a stranger, before the first contact, or after today."""
    came = {row["customer"]: row["first_contact_on"] for row in log.customers}
    assert len(came) == len(log.customers)
    addresses = [row["email"] for row in log.customers if row["email"]]
    assert len(addresses) == len(set(addresses))
    today = log.today.isoformat()
    assert all(log.start.isoformat() <= day <= today for day in came.values())
    for row in (*log.consents, *log.transactions, *log.events):
        assert came[row["customer"]] <= row["date"][:10] <= today
    for newcomer, referrer in log.referred:
        assert came[referrer] < came[newcomer]


def check_books(log: FirmLog) -> None:
    """Ids are unique, files are in the order of time, and quotes are numbered without a gap."""
    for rows in (log.transactions, log.events):
        ids = [row["id"] for row in rows]
        assert len(ids) == len(set(ids))
    for dates in ([row["date"] for row in log.transactions], [row["date"] for row in log.consents]):
        assert dates == sorted(dates)
    instants = [datetime.fromisoformat(event["date"]) for event in log.events]
    assert instants == sorted(instants)
    assert all(instant.tzinfo is not None for instant in instants)
    years: dict[str, list[int]] = defaultdict(list)
    for event in log.events:
        if event["kind"] == "quote.sent":
            _, year, number = event["reference"].split("-")
            assert event["date"].startswith(year)
            years[year].append(int(number))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in years.values())


def check_refunds(log: FirmLog) -> None:
    """A refund names an earlier sale of the same customer and never gives back more than was paid."""
    sold: dict[str, Row] = {}
    back: dict[str, Decimal] = defaultdict(Decimal)
    for row in log.transactions:
        amount = Decimal(row["amount"])
        if not row["reverses"]:
            assert amount > 0
            assert 0 < Decimal(row["cost"]) < amount
            sold[row["id"]] = row
            continue
        sale = sold[row["reverses"]]
        assert amount < 0
        assert sale["customer"] == row["customer"]
        assert sale["date"] < row["date"]
        back[sale["id"]] -= amount
        assert back[sale["id"]] <= Decimal(sale["amount"])


def check_quotes(log: FirmLog) -> None:
    """An answer follows its quote by a day or more, comes once, and from the same customer."""
    sent: dict[str, dict[str, Any]] = {}
    answered: set[str] = set()
    for event in log.events:
        if event["kind"] == "quote.sent":
            sent[event["reference"]] = event
        elif event["kind"].startswith("quote."):
            quote = sent[event["reference"]]
            assert quote["customer"] == event["customer"]
            assert day_of(quote) < day_of(event)
            assert event["reference"] not in answered
            answered.add(event["reference"])


def check_work(log: FirmLog) -> None:
    """What was done and cost something was paid on that day (a parcel: up to a week before)."""
    paid = {(row["customer"], day_of(row), row["what"], Decimal(row["amount"])) for row in sales(log)}
    for event in log.events:
        if event["kind"] not in ("service_call.completed", "delivery.completed") or not event["amount"]:
            continue
        ahead = 8 if event["kind"] == "delivery.completed" else 1
        amount = Decimal(str(event["amount"]))
        assert any(
            (event["customer"], day_of(event) - timedelta(days=days), event["what"], amount) in paid
            for days in range(ahead)
        )


def check_complaints(log: FirmLog) -> None:
    """A complaint follows work, and what is resolved was opened; work is done again only while one is open."""
    for code in {event["customer"] for event in log.events if event["kind"].startswith("complaint.")}:
        served, opened = False, []
        for event in of(log, code):
            if event["kind"] in ("service_call.completed", "delivery.completed"):
                served = True
            elif event["kind"] == "complaint.opened":
                assert served
                opened.append(event["what"])
            elif event["kind"] == "complaint.resolved":
                opened.remove(event["what"])
            elif event["kind"] == "service_call.reworked":
                assert opened


def check_returns(log: FirmLog) -> None:
    """What is sent back was delivered before."""
    arrived: set[tuple[str, str]] = set()
    for event in log.events:
        if event["kind"] == "delivery.completed":
            arrived.add((event["customer"], event["what"]))
        elif event["kind"] == "return.opened":
            assert (event["customer"], event["what"]) in arrived
