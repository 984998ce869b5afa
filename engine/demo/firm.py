"""The invented firm: heating and cooling in Romagna, three years of it, the same every time for the same seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from engine.core.calendar import zone
from engine.demo.cast import CUSTOMERS_NEEDED, DAYS_NEEDED, ROLES, Role
from engine.demo.chance import Chance, between, happens, seeded, weighted
from engine.demo.lives import KINDS, Kind, life
from engine.demo.log import FirmLog, Row
from engine.demo.register import REFERRAL, consents, register
from engine.demo.story import REFUND, SALE, Moment, moments
from engine.demo.work import EVEN

_ZONE = zone("Europe/Rome")
_LIVED_DAYS = 60  # in these, only the cast is sent by somebody: nobody else could show a code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    moment: Moment
    customer: str
    thread: int  # the job that it belongs to: at most one quote and one sale each


def build(
    *,
    customers: int = 600,
    seed: int = 7,
    start: date = date(2023, 11, 1),
    today: date = date(2026, 10, 30),
) -> FirmLog:
    """The firm's whole log from `start` to the end of `today`. Raises ValueError when there is nothing to tell."""
    if customers < 1 or today < start or seed < 0:
        raise ValueError("the firm needs a customer, a seed that is not negative, and a start before today")
    arrivals = _arrivals(seeded(seed), customers, start, today)
    rows: list[Row] = []
    agreed: list[Row] = []
    told: list[_Told] = []
    codes: dict[str, str] = {}
    taken: set[str] = set()
    for number, (came_on, _, role) in enumerate(arrivals, start=1):
        rng, code = seeded(seed, number), f"C{number:05d}"
        kind = role.kind if role else weighted(rng, KINDS)
        rows.append(_registered(rng, code, kind, came_on, today, taken, role))
        agreed += consents(rng, code, came_on, today, willing=role is not None)
        told += _life(rng, code, kind, came_on, today, role)
        if role:
            codes[role.name] = code
    transactions, events = _numbered(told)
    return FirmLog(
        customers=tuple(rows),
        consents=tuple(sorted(agreed, key=lambda row: row["date"])),
        transactions=transactions,
        events=events,
        referred=tuple((codes[role.name], codes[role.sent_by]) for role in ROLES if role.sent_by and codes),
        start=start,
        today=today,
    )


def _arrivals(rng: Chance, customers: int, start: date, today: date) -> list[tuple[date, int, Role | None]]:
    """Who first calls on which day: a few were customers before the log began, the others come with the seasons."""
    days = (today - start).days
    plays = customers >= CUSTOMERS_NEEDED and days >= DAYS_NEEDED
    roles = ROLES if plays else ()
    found: list[tuple[date, int, Role | None]] = [
        (today - timedelta(days=role.joined), place, role) for place, role in enumerate(roles)
    ]
    for place in range(len(roles), customers):
        day = start + timedelta(days=between(rng, 0, min(45, days) if happens(rng, 0.14) else days))
        while not happens(rng, EVEN[day.month - 1] / max(EVEN)):
            day = start + timedelta(days=between(rng, 0, days))
        found.append((day, place, None))
    return sorted(found, key=lambda arrival: arrival[:2])


def _registered(
    rng: Chance, code: str, kind: Kind, came_on: date, today: date, taken: set[str], role: Role | None
) -> Row:
    row = register(rng, code, kind, came_on, taken, reachable=role is not None)
    if role is not None and role.sent_by:
        return row | {"source": REFERRAL, "acquisition_cost": "0.00"}
    if row["source"] == REFERRAL and (role is not None or came_on > today - timedelta(days=_LIVED_DAYS)):
        return row | {"source": "word_of_mouth"}
    return row


def _life(rng: Chance, code: str, kind: Kind, came_on: date, today: date, role: Role | None) -> list[_Told]:
    visits = role.script(rng, today) if role else life(rng, kind, came_on, today)
    return [
        _Told(moment=moment, customer=code, thread=thread)
        for thread, visit in enumerate(visits)
        for moment in moments(rng, visit)
        if moment.at.date() <= today
    ]


def _numbered(told: Iterable[_Told]) -> tuple[tuple[Row, ...], tuple[dict[str, Any], ...]]:
    """The moments in the order of time, with the numbers that the firm's books give them."""
    transactions: list[Row] = []
    events: list[dict[str, Any]] = []
    counts: dict[str, int] = defaultdict(int)
    sales: dict[tuple[str, int], str] = {}
    quotes: dict[tuple[str, int], str] = {}

    def following(series: str) -> int:
        counts[series] += 1
        return counts[series]

    for item in sorted(told, key=lambda item: (item.moment.at, item.customer, item.thread)):
        moment, job, year = item.moment, (item.customer, item.thread), item.moment.at.year
        if moment.kind in (SALE, REFUND):
            number = f"F-{year}-{following(f'F-{year}'):04d}"
            if moment.kind == SALE:
                sales[job] = number
            transactions.append(_transaction(item, number, sales[job] if moment.kind == REFUND else ""))
            continue
        payload = dict(moment.payload)
        if moment.kind == "quote.sent":
            quotes[job] = f"P-{year}-{following(f'P-{year}')}"
        if moment.kind.startswith("quote."):
            payload = {"reference": quotes[job]} | payload
        at = moment.at.replace(tzinfo=_ZONE).isoformat()
        head = {"id": f"E{following('E'):06d}", "customer": item.customer, "kind": moment.kind, "date": at}
        events.append(head | payload)
    return tuple(transactions), tuple(events)


def _transaction(item: _Told, number: str, reverses: str) -> Row:
    moment = item.moment
    return {
        "id": number,
        "customer": item.customer,
        "date": moment.at.isoformat(),
        "amount": f"{moment.cents / 100:.2f}",
        "currency": "EUR",
        "cost": f"{moment.cost / 100:.2f}" if moment.cents > 0 else "",
        "reverses": reverses,
        "referral_code": "",
        "what": str(moment.payload["what"]),
    }
