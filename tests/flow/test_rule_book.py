"""The rule book by the front door: each rule goes ahead, does not, stops, and asks for consent where it must.

All rules are in force for everybody, as in a new workspace.
"""

from __future__ import annotations

import pytest

from tests.flow.book import Case, book, came_of, live
from tests.shop import Shop

DAYS = ["2026-03-02T06:30", "2026-03-02T12:00", *(f"2026-03-{day:02d}T12:00" for day in range(3, 25))]
AT_EIGHT = "2026-03-02T08:00:00+01:00"
TUESDAY = "2026-03-03T08:00:00+01:00"
JOB = {"amount": 120.0, "what": "manutenzione della caldaia", "technician": "Luca"}
PARCEL = {"amount": 40.0, "what": "filtri di ricambio", "reference": "O-1"}
QUOTE = {"amount": 900.0, "what": "caldaia nuova", "reference": "Q-1"}
COMPLAINT = {"what": "perde ancora acqua", "reference": "K-1"}
MAIL = {"mail": "delivered"}
NO_MAIL = {"mail": "cancelled"}
SPOKE = ("2025-11-03T09:00:00+01:00", "review.received", {"rating": 4})
BOUGHT = ("2025-11-03T09:00:00+01:00", "delivery.completed", {"what": "sale per l'addolcitore"})
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
    "quote-mute": Case(rule="quote_followup", kind="quote.sent", payload=QUOTE, consent=False),
    "thanks": Case(rule="service_thank_you", kind="service_call.completed", payload=JOB, steps=MAIL),
    "thanks-rework": Case(
        rule="service_thank_you",
        kind="service_call.completed",
        payload=JOB,
        then=((AT_EIGHT, "service_call.reworked", {}),),
        steps=NO_MAIL,
    ),
    "thanks-mute": Case(rule="service_thank_you", kind="service_call.completed", payload=JOB, consent=False),
    "csat": Case(rule="csat_ask", kind="service_call.completed", payload=JOB, steps=MAIL),
    "csat-twice": Case(
        rule="csat_ask",
        kind="service_call.completed",
        payload=JOB,
        then=(("2026-03-09T08:00:00+01:00", "service_call.completed", JOB),),
        steps=MAIL,
    ),
    "csat-said": Case(
        rule="csat_ask",
        kind="service_call.completed",
        payload=JOB,
        then=((TUESDAY, "csat.answered", {"rating": 4}),),
        steps=NO_MAIL,
    ),
    "csat-mute": Case(rule="csat_ask", kind="service_call.completed", payload=JOB, consent=False),
    "parcel": Case(rule="delivery_checkin", kind="delivery.completed", payload=PARCEL, steps=MAIL),
    "parcel-back": Case(
        rule="delivery_checkin",
        kind="delivery.completed",
        payload=PARCEL,
        then=((TUESDAY, "return.opened", {"reference": "O-1"}),),
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
    "review-poor": Case(rule="positive_feedback_thanks", kind="review.received", payload={"rating": 3}),
    "friends": Case(
        rule="referral_ask",
        kind="review.received",
        payload={"rating": 5},
        steps={"code": "delivered", "mail": "delivered"},
    ),
    "friends-mute": Case(rule="referral_ask", kind="review.received", payload={"rating": 5}, consent=False),
    "birthday": Case(rule="birthday", facts=BORN, steps=MAIL),
    "birthday-of-nobody": Case(rule="birthday", facts={"birthday": "1900-03-05"}),
    "birthday-mute": Case(rule="birthday", facts=BORN, consent=False),
    "birthday-stop": Case(
        rule="birthday",
        facts=BORN,
        then=((TUESDAY, "complaint.opened", COMPLAINT),),
        steps={"mail": "suppressed"},
    ),
}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = book(tmp_path_factory.mktemp("book") / "shop", "2026-03-02T06:30")
    live(shop, CASES, DAYS)
    return shop


@pytest.mark.parametrize("name", CASES)
def test_what_comes_of_it(lived: Shop, name: str) -> None:
    assert came_of(lived, CASES[name].rule).get(name) == CASES[name].steps


def test_nobody_heard_of_one_thing_more_than_twice(lived: Shop) -> None:
    for name, case in CASES.items():
        mails = [row for row in lived.actions() if (row["customer"], row["channel"]) == (name, "email")]
        heard = [row for row in mails if row["state"] == "delivered"]
        assert len(heard) <= (3 if case.rule == "quote_followup" else 2), name


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
