"""A year of a small shop whose rules wait for events and for dates that move, lived round by round, each moment frozen.

At three in the morning what is due goes out; eleven hours later something happens to somebody, and is decided on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from engine.core.calendar import at_local
from tests.shop import WHO, YES, Shop

BEGIN = datetime(2026, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REFS = [f"C{number}" for number in range(1, 9)]
MAIL = 'channel = "email"\ntemplate = "email/service_thank_you"\n'


def rule(name: str, on: str, *steps: str, journey: str = "", holdout: float = 0.0) -> str:
    """A rule with these steps, each a mail."""
    asked = "".join(f'[[step]]\nid = "s{number}"\n{MAIL}{step}\n' for number, step in enumerate(steps))
    head = f'id = "{name}"\ntitle = "A year"\npurpose = "relationship"\nholdout = {holdout}\n'
    return f"{head}[on]\n{on}\n[journey]\n{journey}\n{asked}"


STOP = 'stop_on = ["complaint.opened"]'
RULES = {
    "answer": rule(
        "answer",
        'event = "service_call.completed"\nwhen = "event.amount >= 20.0"',
        'after = "P1D"',
        'after = "P5D"\nunless = "review.received"',
        'await = "review.received"\nwithin = "P14D"\nafter = "PT2H"\n'
        "when = \"event.rating >= 3 && count_events('review.received', 'P90D') < 4\"",
        journey=STOP,
        holdout=0.2,
    ),
    "quoted": rule(
        "quoted",
        'event = "quote.sent"',
        'after = "P3D"\nunless = "quote.accepted"',
        'await = "quote.accepted"\nwithin = "P10D"\nafter = "P1D"\nvalid_for = "P2D"',
        journey='stop_on = ["quote.declined", "purchase"]\nagain_after = "P5D"',
    ),
    "bought": rule(
        "bought",
        'event = "service_call.booked"',
        'await = "purchase"\nwithin = "P20D"\nafter = "PT6H"\nwhen = "event.amount >= 20.0"',
        'after = "P3D"\nunless = "purchase"',
        journey=STOP,
    ),
    "ends": rule(
        "ends",
        'date = "contract.signed.ends_on"\nwhen = "event.amount > 30.0"',
        'before = "P30D"',
        'before = "P7D"\nunless = "purchase"',
        'await = "service_call.booked"\nwithin = "P20D"',
        journey=STOP,
    ),
    "served": rule(
        "served",
        'date = "service_call.completed"\nafter = "P2M"',
        'before = "P14D"',
        'after = "P7D"',
        journey='stop_on = ["service_call.booked"]',
    ),
    "quiet": rule("quiet", 'date = "customer.last_purchase"\nafter = "P40D"', "", 'after = "P9D"'),
    "usual": rule("usual", 'date = "customer.next_purchase"', 'before = "P3D"', 'after = "P7D"', journey=STOP),
    "first": rule("first", 'date = "customer.first_purchase"\nrepeat = "once"\nafter = "P5D"', 'before = "P4D"', ""),
    "swept": rule(
        "swept",
        'sweep = "daily"\nwhen = "now.instant - customer.last_purchase > duration(\'800h\')"',
        "",
        'await = "review.received"\nwithin = "P25D"',
        journey=f'{STOP}\nagain_after = "P60D"',
    ),
}
_HAPPENS = (
    "service_call.completed", "review.received", "quote.sent", "quote.accepted", "contract.signed", "sale", "sale",
    "complaint.opened", "complaint.resolved", "service_call.booked", "quote.declined", "sale", "consent",
)  # fmt: skip


def lived(folder: Path, days: int) -> Shop:
    """The shop after so many days."""
    shop = Shop(folder, rules=RULES, now=f"{BEGIN - DAY:%Y-%m-%dT%H:%M}")
    shop.configure("messages = 2", "messages = 3")
    shop.configure('# start = "2026-09-01"', f'start = "{BEGIN:%Y-%m-%d}"')
    shop.ingest("customers", [_person(ref) for ref in REFS])
    shop.ingest("consents", [{**YES, "customer": ref} for ref in REFS[:-1]])
    for number, (what, ref, at) in enumerate(before()):
        _happen(shop, number, what, ref, at)
    for number in range(days):
        at = at_local((BEGIN + number * DAY).date(), time(3), "Europe/Rome")
        shop.at(f"{at:%Y-%m-%dT%H:%M}").round()
        later = at + 11 * HOUR
        news = list(happens(number))
        if news:
            shop.at(f"{later:%Y-%m-%dT%H:%M}")
            for place, (what, ref) in enumerate(news):
                _happen(shop, 100 * number + 1000 + place, what, ref, later)
            shop.round()
    return shop


def happens(day: int) -> Iterator[tuple[str, str]]:
    """What happens on a day, and to whom: the same whenever it is asked."""
    for turn in range(3):
        drawn = crc32(f"{day}/{turn}".encode())
        if drawn % 3 == 0:
            yield _HAPPENS[drawn // 4 % len(_HAPPENS)], REFS[drawn // 64 % len(REFS)]


def before() -> Iterator[tuple[str, str, datetime]]:
    """What had happened before the first day."""
    for number, ref in enumerate(REFS[:-2]):
        yield "sale", ref, BEGIN - (200 + number) * DAY
        yield "sale", ref, BEGIN - (20 + 9 * number) * DAY
        yield "service_call.completed", ref, BEGIN - (30 + 50 * number) * DAY
        yield "contract.signed", ref, BEGIN - (3 + number) * DAY


def _person(ref: str) -> dict[str, str]:
    return {**WHO, "customer": ref, "email": f"{ref.lower()}@mail.example"}


def _happen(shop: Shop, number: int, what: str, ref: str, at: datetime) -> None:
    when, key = at.isoformat(), f"n{number}"
    if what == "sale":
        shop.sale(when, f"{10 + number % 90}.00", ref, id=key)
    elif what == "consent":
        said = {"customer": ref, "purpose": "any", "channel": "any", "given": "no" if number % 2 else "yes"}
        shop.ingest("consents", [{**said, "date": when}])
    else:
        shop.event(what, when, ref, id=key, **_payload(what, number, at))


def _payload(what: str, number: int, at: datetime) -> dict[str, Any]:
    if what == "contract.signed":
        ends = at + (10 + crc32(str(number).encode()) % 90) * DAY
        return {"amount": 10.0 * (number % 9), "ends_on": f"{ends:%Y-%m-%d}"}
    if what == "review.received":
        return {"rating": 1 + number % 5}
    if what.startswith("quote."):
        return {"reference": f"Q{number % 3}"} if number % 4 else {}
    return {"amount": 10.0 * (number % 9)}
