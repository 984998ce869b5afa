"""What decide says of a made-up shop, against what it said when each answer was a row of its own.

The answers were written down before all answers of an occasion became one record; how they are kept and how quickly
they are found may change, they may not.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from engine import inquiry
from engine.report.stage import report_channels
from tests.shop import Shop

WRITTEN_DOWN = Path(__file__).parent.parent / "golden" / "answers.json"
FIRST = datetime(2026, 3, 2, 11, tzinfo=UTC)
PEOPLE = [f"P{number:02}" for number in range(14)]
RULES = {
    "thanks": """
purpose = "relationship"
holdout = 0.3
[on]
event = "service_call.completed"
when = '''event.amount > 50.0 && (customer.city == 'Forlì' || customer.has_email)
    && (score.tier == 'gold' || now.month == 3)'''
[journey]
stop_on = ["complaint.opened"]
again_after = "P2D"
[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
after = "P1D"
[[step]]
id = "card"
channel = "note"
template = "note/service_thank_you"
after = "P2D"
when = "event.amount > 500.0 && customer.has_address"
[[step]]
id = "gift"
channel = "reward"
points = 20
""",
    "owed": """
purpose = "transactional"
[on]
event = "service_call.completed"
[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
""",
    "offer": """
purpose = "marketing"
holdout = 0.1
[on]
event = "quote.sent"
when = '''count_events('quote.sent', 'P30D') > 1 || event.amount >= 900.0'''
[journey]
stop_on = ["complaint.opened"]
[[step]]
id = "mail"
channel = "email"
template = "email/quote_followup_1"
after = "P1D"
[[step]]
id = "later"
channel = "email"
template = "email/quote_followup_2"
await = "quote.accepted"
within = "P5D"
""",
    "yearly": """
purpose = "relationship"
[on]
date = "customer.birthday"
when = "customer.age >= 40"
[[step]]
id = "mail"
channel = "email"
template = "email/anniversary"
""",
    "swept": """
purpose = "relationship"
[on]
sweep = "daily"
when = "customer.has_open_complaint || customer.country == 'FR'"
[journey]
again_after = "P3D"
[[step]]
id = "mail"
channel = "email"
template = "email/delivery_checkin"
""",
}
KINDS = ("service_call.completed", "quote.sent", "quote.accepted", "complaint.opened", "complaint.resolved")


def lived(folder: Path) -> Shop:
    """A shop in which things happen for a week, decided on every day."""
    rules = {name: f'id = "{name}"\ntitle = "{name}"\n{text}' for name, text in RULES.items()}
    shop = Shop(folder / "shop", rules=rules)
    shop.configure("share = 0.0", "share = 0.15")
    chance = np.random.default_rng(11)
    for ref in PEOPLE:
        born = date(1970, 1, 1) + timedelta(days=int(chance.integers(0, 12)) * 365 + 60 + int(chance.integers(0, 9)))
        facts = {"email": "" if chance.random() < 0.15 else f"{ref.lower()}@mail.example", "birthday": str(born)}
        facts |= {"street": ""} if chance.random() < 0.3 else {}
        facts |= {"country": "FR"} if chance.random() < 0.2 else {}
        shop.customer(ref, consent=bool(chance.random() < 0.8), household=f"H{chance.integers(0, 9)}", **facts)
    for day in range(7):
        shop.at((FIRST + timedelta(days=day)).replace(tzinfo=None).isoformat())
        for hour in range(8):
            at = FIRST + timedelta(days=day, hours=hour - 9)
            kind = KINDS[int(chance.choice(5, p=(0.4, 0.3, 0.1, 0.1, 0.1)))]
            amount, who = round(float(chance.random()) * 1000, 2), PEOPLE[int(chance.integers(0, len(PEOPLE)))]
            shop.event(kind, at.isoformat(), who, amount=amount, reference=f"Q{chance.integers(0, 3)}")
        shop.app.decide()
    return shop


def answers(shop: Shop) -> dict[str, Any]:
    """All that explain and the reports tell of it."""
    found: dict[str, Any] = {}
    for ref in PEOPLE:
        told = inquiry.explain(shop.app, ref, None)
        found[ref] = [_answer(row) for row in told["decisions"]]
        found[f"{ref}: rules"] = [{name: one[name] for name in ("rule", "outcome", "text")} for one in told["rules"]]
    found["channels"] = {one.rule: one.outcomes for one in report_channels(shop.app.store)}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    names = ("rule_id", "occurrence", "outcome", "arm", "reasons", "decided_at", "journey", "exit_reason")
    steps = [{name: step[name] for name in ("step", "state", "reason", "due_at")} for step in row["actions"]]
    return {name: row[name] for name in names} | {"actions": steps}


def test_a_week_is_answered_as_it_was(tmp_path: Path) -> None:
    found, written = answers(lived(tmp_path)), json.loads(WRITTEN_DOWN.read_text(encoding="utf-8"))
    outcomes = {row["outcome"] for ref in PEOPLE for row in found[ref]}

    assert outcomes == {"act", "no", "refused", "holdout"}
    assert found.keys() == written.keys()
    for name, one in found.items():
        assert one == written[name], name
