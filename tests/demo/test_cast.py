from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.calendar import anniversary
from engine.demo.cast import CUSTOMERS_NEEDED, DAYS_NEEDED, ROLES
from engine.demo.chance import seeded
from engine.demo.firm import build
from engine.demo.log import FirmLog
from engine.demo.story import moments
from tests.demo.telling import LIVED, day_of, firm, lived, of, sales

TODAY = date(2026, 10, 30)
SEEDS = [7, 8, 21]
ANSWERS = ("quote.accepted", "quote.declined")


def of_kind(log: FirmLog, kind: str) -> list[dict[str, Any]]:
    return [event for event in lived(log) if event["kind"] == kind]


def test_roles_send_only_those_who_come_later() -> None:
    joined = {role.name: role.joined for role in ROLES}
    assert len(joined) == len(ROLES) < CUSTOMERS_NEEDED
    assert max(joined.values()) < DAYS_NEEDED
    assert all(joined[role.sent_by] > role.joined for role in ROLES if role.sent_by)


@given(seed=st.integers(0, 10**6), role=st.sampled_from(ROLES), today=st.dates(date(2025, 1, 1), date(2030, 12, 31)))
def test_a_role_is_played_between_its_first_call_and_today(seed: int, role: Any, today: date) -> None:
    rng = seeded(seed)
    told = [moment for visit in role.script(rng, today) for moment in moments(rng, visit)]
    assert told
    assert all(moment.at.date() >= today - timedelta(days=role.joined) for moment in told)
    assert all(moment.at.date() <= today for moment in told), "the cast leaves nothing for tomorrow"


@pytest.mark.parametrize("seed", SEEDS)
def test_there_is_enough_of_everything(seed: int) -> None:
    log = firm(seed)
    assert len(of_kind(log, "service_call.completed")) >= 60
    assert len(of_kind(log, "delivery.completed")) >= 8
    assert len(of_kind(log, "quote.sent")) >= 12
    assert len(of_kind(log, "quote.accepted")) >= 6
    assert len(of_kind(log, "quote.declined")) >= 1
    assert len(of_kind(log, "complaint.opened")) >= 3
    assert len(of_kind(log, "complaint.resolved")) >= 1
    assert sum(event["rating"] == 5 for event in of_kind(log, "review.received")) >= 8


@pytest.mark.parametrize("seed", SEEDS)
def test_quotes_are_answered_early_late_and_never(seed: int) -> None:
    log = firm(seed)
    answers = {event["reference"]: event for event in log.events if event["kind"] in ANSWERS}
    waits = [
        (day_of(answers[quote["reference"]]) - day_of(quote)).days if quote["reference"] in answers else None
        for quote in of_kind(log, "quote.sent")
    ]
    assert sum(wait is not None and wait <= 2 for wait in waits) >= 1
    assert sum(wait is not None and 4 <= wait <= 7 for wait in waits) >= 2
    assert sum(wait is None for wait in waits) >= 2


@pytest.mark.parametrize("seed", SEEDS)
def test_two_complaints_stay_open_and_mute_what_follows(seed: int) -> None:
    log = firm(seed)
    muted = 0
    for opened in of_kind(log, "complaint.opened"):
        story = of(log, opened["customer"])
        if any(event["kind"] == "complaint.resolved" and event["date"] > opened["date"] for event in story):
            continue
        done = [event for event in story if event["kind"] in ("service_call.completed", "delivery.completed")]
        same_day = any(day_of(event) == day_of(opened) for event in done)
        later = any(event["date"] > opened["date"] for event in done)
        muted += same_day or later
    assert muted >= 2


@pytest.mark.parametrize("seed", SEEDS)
def test_two_newcomers_were_sent_by_somebody_who_praised_the_firm(seed: int) -> None:
    log = firm(seed)
    came = {row["customer"]: row for row in log.customers}
    assert len(log.referred) == 2
    bought = []
    for newcomer, referrer in log.referred:
        row = came[newcomer]
        assert row["source"] == "referral"
        assert row["email"]
        arrived = date.fromisoformat(row["first_contact_on"])
        stars = [day_of(event) for event in of(log, referrer, "review.received") if event["rating"] == 5]
        assert any(log.today - timedelta(days=LIVED) < day <= arrived - timedelta(days=14) for day in stars)
        assert came[referrer]["email"]
        (consent,) = (consent for consent in log.consents if consent["customer"] == referrer)
        assert (consent["purpose"], consent["channel"], consent["given"]) == ("any", "any", "yes")
        bought.append(min(day_of(sale) for sale in sales(log) if sale["customer"] == newcomer))
    assert min(bought) <= log.today - timedelta(days=16)
    assert max(bought) <= log.today


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_else_came_by_referral_in_the_lived_days(seed: int) -> None:
    log = firm(seed)
    since = (log.today - timedelta(days=LIVED - 1)).isoformat()
    fresh = [row for row in log.customers if row["first_contact_on"] >= since]
    assert {row["customer"] for row in fresh if row["source"] == "referral"} == {
        newcomer for newcomer, _ in log.referred
    }
    assert all(row["referral_code"] == "" for row in log.transactions)


@pytest.mark.parametrize("seed", SEEDS)
def test_refunds_are_both_whole_and_partial(seed: int) -> None:
    log = firm(seed)
    paid = {row["id"]: Decimal(row["amount"]) for row in log.transactions}
    since = log.today - timedelta(days=LIVED - 1)
    back = [row for row in log.transactions if row["reverses"] and day_of(row) >= since]
    shares = [-paid[row["id"]] / paid[row["reverses"]] for row in back]
    assert 1 in shares
    assert any(0 < share < 1 for share in shares)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_modest_customers_begin_to_spend_much(seed: int) -> None:
    log = firm(seed)
    since = log.today - timedelta(days=LIVED - 1)
    before: dict[str, list[Decimal]] = {}
    after: dict[str, Decimal] = {}
    for row in sales(log):
        if day_of(row) < since:
            before.setdefault(row["customer"], []).append(Decimal(row["amount"]))
        else:
            after[row["customer"]] = after.get(row["customer"], Decimal(0)) + Decimal(row["amount"])
    risen = [code for code, spent in after.items() if spent >= 4500 and len(before.get(code, ())) >= 2]
    assert sum(sum(before[code]) < 500 for code in risen) >= 2


@pytest.mark.parametrize("seed", SEEDS)
def test_first_purchases_have_their_anniversary_in_the_lived_days(seed: int) -> None:
    log = firm(seed)
    first: dict[str, date] = {}
    for row in sales(log):
        first.setdefault(row["customer"], day_of(row))
    since = log.today - timedelta(days=LIVED - 1)
    kept = [day for day in first.values() if day.year < 2026 and since <= anniversary(day, 2026) <= log.today]
    assert len(kept) >= 30


def test_a_small_or_a_young_firm_has_no_cast() -> None:
    small = build(customers=CUSTOMERS_NEEDED - 1)
    young = build(customers=200, start=TODAY - timedelta(days=DAYS_NEEDED - 1), today=TODAY)
    assert small.referred == young.referred == ()
    assert build(customers=CUSTOMERS_NEEDED).referred != ()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), today=st.dates(date(2026, 1, 1), date(2028, 12, 31)))
def test_the_cast_plays_on_any_day_and_seed(seed: int, today: date) -> None:
    log = build(customers=CUSTOMERS_NEEDED, seed=seed, start=today - timedelta(days=1000), today=today)
    assert len(log.referred) == 2
    open_ones = 0
    for event in of_kind(log, "complaint.opened"):
        open_ones += not of(log, event["customer"], "complaint.resolved")
    assert open_ones >= 2
    assert sum(bool(row["reverses"]) for row in log.transactions) >= 2
