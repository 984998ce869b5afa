from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.demo.chance import seeded
from engine.demo.story import REFUND, SALE, Complaint, Moment, Visit, moments, natural
from engine.demo.work import BOILER, CONTRACT, COOLING, PARTS, REPAIR, SERVICE, THERMOSTAT, Job

JOBS: tuple[Job, ...] = (SERVICE, REPAIR, BOILER, COOLING, PARTS, CONTRACT, THERMOSTAT)
SEEDS = st.integers(0, 10**6)
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
DAY = date(2026, 10, 14)  # a Wednesday


def told(visit: Visit, seed: int = 1) -> list[Moment]:
    return list(moments(seeded(seed), visit))


def kinds(found: Sequence[Moment]) -> list[str]:
    return [moment.kind for moment in found]


def one(found: Sequence[Moment], kind: str) -> Moment:
    (moment,) = (moment for moment in found if moment.kind == kind)
    return moment


def plain(job: Job = REPAIR, cents: int = 20000) -> Visit:
    return Visit(job=job, what=job.whats[0][0], cents=cents, done_on=DAY)


def test_a_plain_visit_is_work_and_its_bill_on_one_day() -> None:
    found = told(plain())
    assert kinds(found) == [SALE, "service_call.completed"]
    sale, work = found
    assert sale.at.date() == work.at.date() == DAY
    assert sale.at - work.at == timedelta(minutes=10)
    assert sale.cents == 20000
    assert 0 < sale.cost < sale.cents
    assert work.payload["amount"] == 200.0
    assert work.payload["what"] == sale.payload["what"]
    assert work.payload["technician"]


def test_a_parcel_is_paid_first_and_delivered_later() -> None:
    found = told(plain(PARTS, 2590))
    assert kinds(found) == [SALE, "delivery.completed"]
    assert found[0].at.date() < found[1].at.date()
    assert found[1].payload == {"amount": 25.9, "what": PARTS.whats[0][0]}


def test_a_contract_is_paid_once_and_its_visit_is_free() -> None:
    found = told(plain(CONTRACT, 18000))
    assert kinds(found) == [SALE, "service_call.completed"]
    assert found[1].at - found[0].at > timedelta(days=5)
    assert found[1].payload["amount"] == 0.0
    assert found[1].payload["what"] == CONTRACT.visit_later


def test_an_accepted_quote_leads_to_the_work() -> None:
    visit = replace(
        plain(BOILER, 300000), quoted_on=date(2026, 10, 1), answer="accepted", answered_on=date(2026, 10, 6)
    )
    found = told(visit)
    assert kinds(found) == ["quote.sent", "quote.accepted", SALE, "service_call.completed"]
    assert one(found, "quote.sent").payload == {"amount": 3000.0, "what": BOILER.whats[0][0]}


@pytest.mark.parametrize(("answer", "expected"), [("declined", ["quote.sent", "quote.declined"]), ("", ["quote.sent"])])
def test_nothing_is_done_without_a_yes(answer: str, expected: list[str]) -> None:
    answered = date(2026, 10, 6) if answer else None
    visit = replace(plain(), done_on=None, quoted_on=date(2026, 10, 1), answer=answer, answered_on=answered)
    assert kinds(told(visit)) == expected


def test_a_review_comes_days_after_the_work() -> None:
    found = told(replace(plain(), rating=5))
    review, work = one(found, "review.received"), one(found, "service_call.completed")
    assert review.payload["rating"] == 5
    assert review.payload["text"]
    assert review.at.date() > work.at.date()


def test_an_open_complaint_stays_open() -> None:
    found = told(replace(plain(), complaint=Complaint(what="perde acqua", after=2)))
    assert kinds(found) == [SALE, "service_call.completed", "complaint.opened"]
    assert found[-1].payload == {"what": "perde acqua"}


def test_a_complaint_at_once_comes_the_same_evening() -> None:
    for job in (REPAIR, PARTS, CONTRACT):
        for seed in range(30):
            found = told(replace(plain(job), complaint=Complaint(what="perde acqua", after=0)), seed)
            done = next(moment for moment in found if moment.kind.endswith(".completed"))
            complaint = one(found, "complaint.opened")
            assert complaint.at.date() == done.at.date()
            assert complaint.at > done.at


def test_a_settled_complaint_is_worked_on_resolved_and_partly_paid_back() -> None:
    settled = Complaint(what="perde acqua", after=1, resolved_after=4, reworked=True, refund_cents=4000)
    found = told(replace(plain(), complaint=settled))
    assert kinds(found)[2:] == ["complaint.opened", "service_call.reworked", "complaint.resolved", REFUND]
    assert [moment.at for moment in found[2:]] == sorted(moment.at for moment in found[2:])
    assert found[-1].cents == -4000
    assert one(found, "complaint.resolved").payload == {"what": "perde acqua"}


def test_what_is_sent_back_is_paid_back_whole() -> None:
    found = told(replace(plain(PARTS, 4990), returned_after=5))
    assert kinds(found) == [SALE, "delivery.completed", "return.opened", REFUND]
    assert one(found, REFUND).cents == -4990
    assert one(found, "delivery.completed").at < one(found, "return.opened").at < one(found, REFUND).at


@given(seed=SEEDS, job=st.sampled_from(JOBS), wished=DAYS, thrift=st.floats(0.3, 6))
def test_whatever_happens_happens_in_its_order(seed: int, job: Job, wished: date, thrift: float) -> None:
    rng = seeded(seed)
    found = list(moments(rng, natural(rng, job, wished, thrift)))
    assert found
    assert all(moment.at.date() >= wished for moment in found)
    assert all(moment.at.tzinfo is None and 6 <= moment.at.hour <= 21 for moment in found)
    sold = [moment for moment in found if moment.kind == SALE]
    back = [moment for moment in found if moment.kind == REFUND]
    assert len(sold) <= 1
    assert -sum(moment.cents for moment in back) <= sum(moment.cents for moment in sold)
    assert all(moment.at > sold[0].at for moment in back)
    assert bool(sold) == any(kind.endswith(".completed") for kind in kinds(found))
    quotes = [moment.at for moment in found if moment.kind.startswith("quote.")]
    assert quotes == sorted(quotes)
    assert all(at < moment.at for at in quotes for moment in found if not moment.kind.startswith("quote."))


@given(seed=SEEDS, wished=DAYS)
def test_the_firm_does_not_work_on_sundays(seed: int, wished: date) -> None:
    rng = seeded(seed)
    visit = natural(rng, REPAIR, wished, 1.0)
    for moment in moments(rng, visit):
        if moment.kind in (SALE, REFUND, "service_call.completed", "complaint.resolved", "quote.sent"):
            assert moment.at.weekday() != 6


def test_the_unhappy_do_not_give_five_stars() -> None:
    rng = seeded(9)
    ratings: dict[bool, list[int]] = {True: [], False: []}
    for _ in range(4000):
        visit = natural(rng, REPAIR, DAY, 1.0)
        if visit.rating:
            ratings[visit.complaint is not None].append(visit.rating)
    assert max(ratings[True]) <= 3
    assert min(ratings[False]) >= 3
    assert ratings[False].count(5) > len(ratings[False]) / 2


def test_quotes_are_answered_in_all_three_ways() -> None:
    rng = seeded(10)
    visits = [natural(rng, COOLING, DAY, 1.0) for _ in range(600)]
    quoted = [visit for visit in visits if visit.quoted_on]
    assert len(quoted) > 500
    assert {visit.answer for visit in quoted} == {"accepted", "declined", ""}
    assert all((visit.done_on is not None) == (visit.answer == "accepted") for visit in quoted)
    waits = [(visit.answered_on - visit.quoted_on).days for visit in quoted if visit.answered_on and visit.quoted_on]
    assert min(waits) == 1
    assert max(waits) <= 21
