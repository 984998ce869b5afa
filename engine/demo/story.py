"""One job as a story: the quote, the answer, the work, the bill, and what comes after, as dated moments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from engine.demo.chance import Chance, between, happens, pick, wait, weighted
from engine.demo.work import REVIEWS, TECHNICIANS, Job, priced, workday

SALE, REFUND = "sale", "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened, at a local time: a sale or a refund (`cents`, signed), or an event with its payload."""

    at: datetime
    kind: str
    cents: int = 0
    cost: int = 0
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What was wrong, days after the work (0: the same evening), and how it ended; `resolved_after` 0: it has not."""

    what: str
    after: int
    resolved_after: int = 0
    reworked: bool = False
    refund_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One job for one customer: all that is decided about it before it is told."""

    job: Job
    what: str
    cents: int
    done_on: date | None  # None: nothing came of the quote
    quoted_on: date | None = None
    answer: str = ""  # accepted | declined | "" for silence
    answered_on: date | None = None
    rating: int = 0  # 0: no review
    complaint: Complaint | None = None
    returned_after: int = 0  # days after the delivery; 0: kept


def natural(rng: Chance, job: Job, wished_on: date, thrift: float) -> Visit:
    """A job as it goes when somebody asks for it on that day; `thrift` as in `priced`."""
    what, cents = priced(rng, job, thrift)
    done: date | None = workday(wished_on + timedelta(days=between(rng, 0, 4)))
    quoted = answered = None
    answer = ""
    if happens(rng, job.quoted):
        quoted = workday(wished_on + timedelta(days=between(rng, 0, 2)))
        answer = weighted(rng, (("accepted", 0.62), ("declined", 0.16), ("", 0.22)))
        answered = quoted + timedelta(days=1 + min(int(wait(rng, 4.5)), 20)) if answer else None
        accepted = answered if answer == "accepted" else None
        done = workday(accepted + timedelta(days=between(rng, 2, 12))) if accepted else None
    complaint = _complaint(rng, job, cents) if happens(rng, 0.05) else None
    return Visit(
        job=job,
        what=what,
        cents=cents,
        done_on=done,
        quoted_on=quoted,
        answer=answer,
        answered_on=answered,
        rating=0 if job.delivered else _rating(rng, unhappy=complaint is not None),
        complaint=complaint,
        returned_after=between(rng, 2, 8) if job.delivered and not complaint and happens(rng, 0.07) else 0,
    )


def moments(rng: Chance, visit: Visit) -> Iterator[Moment]:
    """The visit's moments, each not before the one that it follows from."""
    if visit.quoted_on:
        about = {"amount": visit.cents / 100, "what": visit.what}
        yield Moment(at=_clock(rng, visit.quoted_on, 9, 18), kind="quote.sent", payload=about)
    if visit.answered_on:
        yield Moment(at=_clock(rng, visit.answered_on, 8, 21), kind=f"quote.{visit.answer}")
    if visit.done_on is None:
        return
    done = _clock(rng, visit.done_on, 8, 15)
    cost = round(visit.cents * (visit.job.cost + 0.08 * float(rng.random())))
    yield Moment(at=done + timedelta(minutes=10), kind=SALE, cents=visit.cents, cost=cost, payload={"what": visit.what})
    done, completed = _completed(rng, visit, done)
    yield completed
    if visit.rating:
        review = {"rating": visit.rating, "text": pick(rng, REVIEWS[visit.rating])}
        yield Moment(at=_later(rng, done, between(rng, 1, 5), 19, 22), kind="review.received", payload=review)
    if visit.complaint:
        yield from _trouble(rng, visit, visit.complaint, done)
    if visit.returned_after:
        back = _later(rng, done, visit.returned_after, 9, 18)
        yield Moment(at=back, kind="return.opened", payload={"what": visit.what})
        repaid = _later(rng, back, between(rng, 3, 6), 9, 18)
        yield Moment(at=repaid, kind=REFUND, cents=-visit.cents, payload={"what": f"reso: {visit.what}"})


def _completed(rng: Chance, visit: Visit, done: datetime) -> tuple[datetime, Moment]:
    if visit.job.delivered:
        done = _later(rng, done, between(rng, 1, 3), 9, 16)
        about = {"amount": visit.cents / 100, "what": visit.what}
        return done, Moment(at=done, kind="delivery.completed", payload=about)
    free = visit.job.visit_later
    if free:
        done = _later(rng, done, between(rng, 7, 35), 8, 16)
    about = {"amount": 0.0 if free else visit.cents / 100, "what": free or visit.what}
    return done, Moment(at=done, kind="service_call.completed", payload=about | {"technician": pick(rng, TECHNICIANS)})


def _trouble(rng: Chance, visit: Visit, complaint: Complaint, done: datetime) -> Iterator[Moment]:
    opened = _later(rng, done, complaint.after, 17, 19)
    yield Moment(at=opened, kind="complaint.opened", payload={"what": complaint.what})
    if not complaint.resolved_after:
        return
    resolved = _later(rng, opened, complaint.resolved_after, 14, 19)
    if complaint.reworked:
        again = {"what": f"secondo intervento: {visit.what}", "technician": pick(rng, TECHNICIANS)}
        yield Moment(at=resolved - timedelta(hours=3), kind="service_call.reworked", payload=again)
    yield Moment(at=resolved, kind="complaint.resolved", payload={"what": complaint.what})
    if complaint.refund_cents:
        reason = {"what": f"rimborso parziale: {visit.what}"}
        yield Moment(at=resolved + timedelta(minutes=20), kind=REFUND, cents=-complaint.refund_cents, payload=reason)


def _complaint(rng: Chance, job: Job, cents: int) -> Complaint:
    share = between(rng, 10, 30) if happens(rng, 0.35) else 0
    return Complaint(
        what=pick(rng, job.complaints),
        after=between(rng, 0, 6),
        resolved_after=between(rng, 2, 15),
        reworked=not job.delivered and happens(rng, 0.6),
        refund_cents=cents * share // 10000 * 100,  # whole euros
    )


def _rating(rng: Chance, *, unhappy: bool) -> int:
    if not happens(rng, 0.24):
        return 0
    return weighted(rng, ((1, 3), (2, 4), (3, 3)) if unhappy else ((3, 1), (4, 3), (5, 7)))


def _clock(rng: Chance, day: date, first: int, last: int) -> datetime:
    return datetime.combine(day, time(first)) + timedelta(minutes=5 * between(rng, 0, 12 * (last - first) - 1))


def _later(rng: Chance, moment: datetime, days: int, first: int, last: int) -> datetime:
    return _clock(rng, workday(moment.date() + timedelta(days=days)), first, last)
