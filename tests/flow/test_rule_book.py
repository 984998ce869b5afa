"""The rule book by the front door: each rule goes ahead, does not, stops, and asks for consent where it must.

All rules are in force for everybody, as in a new workspace.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.backtest import request
from engine.backtest.run import backtest
from tests.databases import STORES
from tests.flow.book import MORNING, Case, book, came_of, live
from tests.shop import Shop

NOONS = "03-02 03-03 03-04 03-05 03-06 03-07 03-09 03-11 03-12 03-17 03-23 03-30 04-01 04-09 04-15"
DAYS = ["2026-03-02T06:30", *(f"2026-{day}T12:00" for day in NOONS.split())]
"""A round before anything may go out, and one on each day on which something is to happen."""
AT_EIGHT = "2026-03-02T08:00:00+01:00"
TUESDAY = "2026-03-03T08:00:00+01:00"
JOB = {"amount": 120.0, "what": "manutenzione della caldaia", "technician": "Luca"}
PARCEL = {"amount": 40.0, "what": "filtri di ricambio", "reference": "O-1"}
QUOTE = {"amount": 900.0, "what": "caldaia nuova", "reference": "Q-1"}
LARGE = {**QUOTE, "amount": 3480.0}
COMPLAINT = {"what": "perde ancora acqua", "reference": "K-1"}
MAIL = {"mail": "delivered"}
NO_MAIL = {"mail": "cancelled"}
SPOKE = ("2025-11-03T09:00:00+01:00", "review.received", {"rating": 4})
BOUGHT = ("2025-11-03T09:00:00+01:00", "delivery.completed", {"what": "sale per l'addolcitore"})
SERVED = "2025-04-08T10:00:00+02:00"  # the eighth of April, a Wednesday in 2026
SIGNED = "2025-04-10T10:00:00+02:00"
CONTRACT = {"what": "contratto di manutenzione", "amount": 900.0, "ends_on": "2026-04-16"}
PROMISE = {"what": "pompa", "reference": "O-7", "promised_on": "2026-03-05"}
LATE = {"look": "delivered", "mail": "delivered"}
POINTS = {"points": 120, "expires_on": "2026-04-06"}
BORN = {"birthday": "1980-03-05"}

CASES = {
    "quote": Case(
        rule="quote_followup",
        kind="quote.sent",
        payload=QUOTE,
        steps=dict.fromkeys(("first", "second", "last"), "delivered"),
    ),
    "quote-yes": Case(
        rule="quote_followup",
        kind="quote.sent",
        payload=QUOTE,
        then=(("2026-03-04T08:00:00+01:00", "quote.accepted", {"reference": "Q-1"}),),
        steps={"first": "delivered", "second": "cancelled", "last": "cancelled"},
    ),
    "quote-large": Case(
        rule="quote_followup",
        kind="quote.sent",
        payload=LARGE,
        steps=dict.fromkeys(("first", "second", "call", "last"), "delivered"),
    ),
    "quote-large-no": Case(
        rule="quote_followup",
        kind="quote.sent",
        payload=LARGE,
        then=(("2026-03-09T07:00:00+01:00", "quote.declined", {"reference": "Q-1"}),),
        steps={"first": "delivered", "second": "delivered", "call": "cancelled", "last": "cancelled"},
    ),
    "quote-mute": Case(rule="quote_followup", kind="quote.sent", payload=QUOTE, consent=False),
    "quote-large-mute": Case(
        rule="quote_followup", kind="quote.sent", payload=LARGE, consent=False, steps={"call": "delivered"}
    ),
    "thanks": Case(rule="service_thank_you", kind="service_call.completed", payload=JOB, steps=MAIL),
    "thanks-rework": Case(
        rule="service_thank_you",
        kind="service_call.completed",
        payload=JOB,
        then=((AT_EIGHT, "service_call.reworked", {}),),
        steps=NO_MAIL,
    ),
    "thanks-mute": Case(rule="service_thank_you", kind="service_call.completed", payload=JOB, consent=False),
    "csat": Case(rule="csat_ask", kind="service_call.completed", payload=JOB, steps={**MAIL, "call": "expired"}),
    "csat-poor": Case(
        rule="csat_ask",
        kind="service_call.completed",
        payload=JOB,
        then=(("2026-03-12T08:00:00+01:00", "csat.answered", {"rating": 2, "text": "due visite per una guarnizione"}),),
        steps={**MAIL, "call": "delivered"},
    ),
    "csat-good": Case(
        rule="csat_ask",
        kind="service_call.completed",
        payload=JOB,
        then=(("2026-03-12T08:00:00+01:00", "csat.answered", {"rating": 5}),),
        steps={**MAIL, "call": "cancelled"},
    ),
    "csat-twice": Case(
        rule="csat_ask",
        kind="service_call.completed",
        payload=JOB,
        then=(("2026-03-09T08:00:00+01:00", "service_call.completed", JOB),),
        steps={**MAIL, "call": "expired"},
    ),
    "csat-said": Case(
        rule="csat_ask",
        kind="service_call.completed",
        payload=JOB,
        then=((TUESDAY, "csat.answered", {"rating": 4}),),
        steps={**NO_MAIL, "call": "cancelled"},
    ),
    "csat-mute": Case(
        rule="csat_ask", kind="service_call.completed", payload=JOB, consent=False, steps={"call": "expired"}
    ),
    "parcel": Case(rule="delivery_checkin", kind="delivery.completed", payload=PARCEL, steps=MAIL),
    "parcel-back": Case(
        rule="delivery_checkin",
        kind="delivery.completed",
        payload=PARCEL,
        then=((TUESDAY, "return.opened", {"reference": "O-1"}),),
        steps=NO_MAIL,
    ),
    "parcel-praised": Case(
        rule="delivery_checkin",
        kind="delivery.completed",
        payload=PARCEL,
        then=((TUESDAY, "review.received", {"rating": 5}),),
        steps=NO_MAIL,
    ),
    "parcel-mute": Case(rule="delivery_checkin", kind="delivery.completed", payload=PARCEL, consent=False),
    "parcel-review": Case(rule="review_request", kind="delivery.completed", payload=PARCEL, steps=MAIL),
    "parcel-reviewed": Case(
        rule="review_request",
        kind="delivery.completed",
        payload=PARCEL,
        then=((TUESDAY, "review.received", {"rating": 2}),),
        steps=NO_MAIL,
    ),
    "parcel-known": Case(rule="review_request", kind="delivery.completed", payload=PARCEL, before=(SPOKE,)),
    "parcel-second": Case(rule="review_request", kind="delivery.completed", payload=PARCEL, before=(BOUGHT,)),
    "parcel-review-mute": Case(rule="review_request", kind="delivery.completed", payload=PARCEL, consent=False),
    "more": Case(rule="cross_sell", kind="delivery.completed", payload=PARCEL, before=(BOUGHT,), steps=MAIL),
    "more-first": Case(rule="cross_sell", kind="delivery.completed", payload=PARCEL),
    "more-back": Case(
        rule="cross_sell",
        kind="delivery.completed",
        payload=PARCEL,
        before=(BOUGHT,),
        then=((TUESDAY, "return.opened", {"reference": "O-1"}),),
        steps=NO_MAIL,
    ),
    "more-mute": Case(rule="cross_sell", kind="delivery.completed", payload=PARCEL, before=(BOUGHT,), consent=False),
    "return": Case(rule="easy_return", kind="return.opened", payload=PARCEL, steps=MAIL),
    "return-mute": Case(rule="easy_return", kind="return.opened", payload=PARCEL, consent=False, steps=MAIL),
    "return-done": Case(
        rule="easy_return",
        kind="return.opened",
        payload=PARCEL,
        then=((AT_EIGHT, "refund.completed", {"reference": "O-1"}),),
        steps=NO_MAIL,
    ),
    "return-of-another": Case(
        rule="easy_return",
        kind="return.opened",
        payload=PARCEL,
        then=((AT_EIGHT, "refund.completed", {"reference": "O-2"}),),
        steps=MAIL,
    ),
    "refund": Case(rule="refund_apology", kind="refund.completed", payload=PARCEL, steps=MAIL),
    "refund-mute": Case(rule="refund_apology", kind="refund.completed", payload=PARCEL, consent=False, steps=MAIL),
    "complaint": Case(
        rule="complaint_recovery",
        kind="complaint.opened",
        payload=COMPLAINT,
        steps={"call": "delivered", "remind": "delivered"},
    ),
    "complaint-settled": Case(
        rule="complaint_recovery",
        kind="complaint.opened",
        payload=COMPLAINT,
        then=((TUESDAY, "complaint.resolved", {"reference": "K-1"}),),
        steps={"call": "delivered", "remind": "cancelled"},
    ),
    "complaint-mute": Case(
        rule="complaint_recovery",
        kind="complaint.opened",
        payload=COMPLAINT,
        consent=False,
        steps={"call": "delivered", "remind": "delivered"},
    ),
    "review": Case(
        rule="positive_feedback_thanks", kind="review.received", payload={"rating": 5}, steps={"answer": "delivered"}
    ),
    "review-mute": Case(  # a task is for your own people
        rule="positive_feedback_thanks",
        kind="review.received",
        payload={"rating": 5},
        consent=False,
        steps={"answer": "delivered"},
    ),
    "review-poor": Case(rule="positive_feedback_thanks", kind="review.received", payload={"rating": 3}),
    "friends": Case(
        rule="referral_ask",
        kind="review.received",
        payload={"rating": 5},
        steps={"code": "delivered", "mail": "delivered"},
    ),
    "friends-mute": Case(rule="referral_ask", kind="review.received", payload={"rating": 5}, consent=False),
    "late": Case(rule="delivery_delay", kind="delivery.promised", payload=PROMISE, steps=LATE),
    "late-mute": Case(rule="delivery_delay", kind="delivery.promised", payload=PROMISE, consent=False, steps=LATE),
    "late-not": Case(
        rule="delivery_delay",
        kind="delivery.promised",
        payload=PROMISE,
        then=(("2026-03-04T10:00:00+01:00", "delivery.completed", {"reference": "O-7"}),),
    ),
    "late-just": Case(
        rule="delivery_delay",
        kind="delivery.promised",
        payload=PROMISE,
        then=(("2026-03-06T06:30:00+01:00", "delivery.completed", {"reference": "O-7"}),),
        steps=dict.fromkeys(LATE, "cancelled"),
    ),
    "late-moved": Case(
        rule="delivery_delay",
        kind="delivery.promised",
        payload=PROMISE,
        then=(("2026-03-04T10:00:00+01:00", "delivery.promised", {**PROMISE, "promised_on": "2026-07-01"}),),
    ),
    "due": Case(
        rule="maintenance_due",
        kind="service_call.completed",
        at=SERVED,
        payload=JOB,
        steps=dict.fromkeys(("month", "week", "call"), "delivered"),
    ),
    "due-booked": Case(
        rule="maintenance_due",
        kind="service_call.completed",
        at=SERVED,
        payload=JOB,
        then=(("2026-03-11T10:00:00+01:00", "service_call.booked", {"planned_on": "2026-04-03"}),),
        steps={"month": "delivered", "week": "cancelled", "call": "cancelled"},
    ),
    "due-done": Case(
        rule="maintenance_due",
        kind="service_call.completed",
        at=SERVED,
        payload=JOB,
        then=(("2026-03-11T10:00:00+01:00", "service_call.completed", JOB),),
        steps={"month": "delivered", "week": "cancelled", "call": "cancelled"},
    ),
    "due-later": Case(
        rule="maintenance_due", kind="service_call.completed", at="2025-11-08T10:00:00+01:00", payload=JOB
    ),
    "due-mute": Case(
        rule="maintenance_due",
        kind="service_call.completed",
        at=SERVED,
        payload=JOB,
        consent=False,
        steps={"call": "delivered"},
    ),
    "contract": Case(
        rule="renewal",
        kind="contract.signed",
        at=SIGNED,
        payload=CONTRACT,
        steps=dict.fromkeys(("first", "call", "last"), "delivered"),
    ),
    "contract-small": Case(
        rule="renewal",
        kind="contract.signed",
        at=SIGNED,
        payload={**CONTRACT, "amount": 200.0},
        steps=dict.fromkeys(("first", "last"), "delivered"),
    ),
    "contract-new": Case(
        rule="renewal",
        kind="contract.signed",
        at=SIGNED,
        payload=CONTRACT,
        then=(("2026-03-10T10:00:00+01:00", "contract.signed", {**CONTRACT, "ends_on": "2027-04-16"}),),
        steps={"first": "delivered", "call": "cancelled", "last": "cancelled"},
    ),
    "contract-endless": Case(rule="renewal", kind="contract.signed", at=SIGNED, payload={"amount": 900.0}),
    "contract-mute": Case(
        rule="renewal", kind="contract.signed", at=SIGNED, payload={**CONTRACT, "amount": 200.0}, consent=False
    ),
    "points": Case(
        rule="points_expiring",
        kind="points.expiring",
        payload=POINTS,
        steps=dict.fromkeys(("first", "last"), "delivered"),
    ),
    "points-used": Case(
        rule="points_expiring",
        kind="points.expiring",
        payload=POINTS,
        then=(("2026-03-10T10:00:00+01:00", "points.redeemed", {"points": 120}),),
        steps={"first": "delivered", "last": "cancelled"},
    ),
    "points-few": Case(rule="points_expiring", kind="points.expiring", payload={**POINTS, "points": 5}),
    "points-mute": Case(rule="points_expiring", kind="points.expiring", payload=POINTS, consent=False),
    "birthday": Case(rule="birthday", facts=BORN, steps=MAIL),
    "birthday-of-nobody": Case(rule="birthday", facts={"birthday": "1900-03-05"}),
    "birthday-mute": Case(rule="birthday", facts=BORN, consent=False),
    "birthday-stop": Case(rule="birthday", facts=BORN, then=((TUESDAY, "complaint.opened", COMPLAINT),), steps=NO_MAIL),
}


@pytest.fixture(scope="module", params=STORES)
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    database = request.getfixturevalue("blank_postgresql")() if request.param == "postgresql" else ""
    shop = book(tmp_path_factory.mktemp("book") / "shop", "2026-03-02T06:30", database=database)
    live(shop, CASES, DAYS)
    yield shop
    shop.close()


@pytest.mark.parametrize("name", CASES)
def test_what_comes_of_it(lived: Shop, name: str) -> None:
    assert came_of(lived, CASES[name].rule).get(name) == CASES[name].steps


REPLAYED = sorted({case.rule for case in CASES.values()} - {"birthday", "positive_feedback_thanks", "refund_apology",
                  "renewal", "service_thank_you"})  # fmt: skip
"""Those that ask about no scores, of which this shop has none."""


@pytest.mark.parametrize("rule", REPLAYED)
def test_a_backtest_of_these_weeks_sends_what_was_sent(lived: Shop, rule: str) -> None:
    shop = lived.at("2026-04-20T11:00")
    found = backtest(
        shop.app, request.rule_of(shop.app, rule), request.period(shop.app, "2026-03-02", DAYS[-1].partition("T")[0])
    )
    shop.at(DAYS[-1])
    sent = {
        (customer, step)
        for customer, steps in came_of(shop, rule).items()
        for step, state in steps.items()
        if state == "delivered"
    }
    assert {(row.customer, row.step) for row in found.rows if row.outcome == "sent"} == sent != set()


def test_one_thing_that_happens_brings_two_mails_at_most(lived: Shop) -> None:
    mails = [row for row in lived.actions() if (row["channel"], row["state"]) == ("email", "delivered")]
    for name, case in CASES.items():
        if case.at == MORNING and not case.then and case.rule != "quote_followup":
            assert sum(row["customer"] == name for row in mails) <= 2, name


def test_tasks_lie_where_a_new_workspace_keeps_them(lived: Shop) -> None:
    folder = lived.folder / "out" / "tasks"
    told = [path.read_text(encoding="utf-8") for path in folder.glob("*.complaint.*.md")]
    assert len(told) == 2
    assert any(text.startswith("# Reclamo di Letizia D'Amico: chiamare entro quattro ore\n") for text in told)
    assert all("(complaint)" in text and "perde ancora acqua" in text for text in told)


def test_living_the_last_day_again_changes_nothing(lived: Shop) -> None:
    before = lived.actions()
    lived.close()
    lived.round()
    assert lived.actions() == before
