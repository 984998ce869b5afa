"""Forty days of a small shop with a rule of each kind, lived round by round as the daemon does, each moment frozen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.shop import WHO, YES, Shop

DONE, OPENED, RESOLVED = "service_call.completed", "complaint.opened", "complaint.resolved"
BEGIN = datetime(2026, 2, 2, tzinfo=UTC)
DAYS = 40
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REFS = [f"C{number}" for number in range(1, 13)]


def care(name: str, on: str, *, more: str = "", after: str = "P0D", holdout: float = 0.25) -> str:
    """A rule with two mails, the second a day later."""
    step = 'channel = "email"\ntemplate = "email/service_thank_you"'
    return f"""
id = "{name}"
title = "Care"
purpose = "relationship"
holdout = {holdout}
[on]
{on}
{more}
[[step]]
id = "first"
{step}
after = "{after}"
[[step]]
id = "second"
{step}
after = "P3D"
when = "customer.city == 'Forlì'"
"""


RULES = {
    "done": care(
        "done",
        f'event = "{DONE}"\nwhen = "event.amount > 50.0 && known(score.tier)"',
        more='[journey]\nagain_after = "P10D"\nstop_on = ["complaint.opened"]',
        after="P1D",
    ),
    "born": care("born", 'date = "customer.birthday"\nwhen = "customer.age >= 18"', holdout=0.0),
    "gold": care("gold", "score = \"tier == 'gold'\"", more='[journey]\nagain_after = "P5D"', holdout=0.0),
    "asleep": care(
        "asleep",
        'sweep = "daily"\nwhen = "score.days_since_purchase > 25 && score.p_alive > 0.1"',
        more='[journey]\nagain_after = "P15D"\nstop_on = ["complaint.opened"]',
    ),
}


def lived(folder: Path) -> Shop:
    """The shop after its forty days."""
    shop = Shop(folder, rules=RULES, now="2026-02-01T11:00")
    shop.configure("messages = 2", "messages = 100")
    shop.ingest("customers", [_person(number) for number in range(len(REFS))])
    shop.ingest("consents", [{**YES, "customer": ref} for number, ref in enumerate(REFS) if number % 5 != 4])
    shop.ingest("transactions", [row for number in range(len(REFS)) for row in _bought(number)])
    for day in range(DAYS):
        _day(shop, day)
    return shop


def _person(number: int) -> dict[str, str]:
    birthday = (BEGIN + timedelta(days=3 * number)).replace(year=1970 + 4 * number)
    own = {"customer": REFS[number], "email": f"{REFS[number].lower()}@mail.example"}
    return {**WHO, **own, "birthday": f"{birthday:%Y-%m-%d}", "city": "Forlì" if number % 3 else "Rimini"}


def _bought(number: int) -> list[dict[str, str]]:
    return [
        {"id": f"{number}-{month}", "customer": REFS[number], "date": f"2025-{month:02}-{10 + number}",
         "amount": f"{40 + 5 * number}.00"}
        for month in range(1, 12, 1 + number % 4)
    ]  # fmt: skip


def _day(shop: Shop, number: int) -> None:
    """At three everybody is scored, and all that happened is decided on, dated and sent."""
    at = BEGIN + number * DAY + 3 * HOUR
    shop.at(f"{at:%Y-%m-%dT%H:%M}")
    ref, other, before = (REFS[place % len(REFS)] for place in (number * 5, number * 7, number * 5 - 5))
    happened = [(DONE, at, ref, 30.0 * (number % 5))]
    if number % 4 == 1:
        happened.append((DONE, at, other, 90.0))
    if number % 6 == 2:
        happened.append((OPENED, at - HOUR, before, 0.0))
    if number % 6 == 5:
        happened.append((RESOLVED, at - HOUR, REFS[(number * 5 - 20) % len(REFS)], 0.0))
    rows = [
        {"id": f"{number}-{one}", "kind": kind, "date": when.isoformat(), "customer": who, "amount": amount}
        for one, (kind, when, who, amount) in enumerate(happened)
    ]
    shop.ingest("events", rows)
    if number % 9 == 4:
        said = {"customer": REFS[4], "purpose": "any", "channel": "any", "date": at.isoformat()}
        shop.ingest("consents", [{**said, "given": "no" if number % 2 else "yes"}])
    if number % 3 == 0:
        shop.sale(at.isoformat(), f"{300 * (1 + number % 7)}.00", other)
    shop.app.score()
    shop.round()
