"""Customers who fall silent, by the front door: from sales to scores, from scores to whoever looks after them.

One of the best gets a call; who stays away gets a question, and a card if it pays and somebody approves it; who has
gone gets one goodbye.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from tests.flow.book import book, came_of, mailbox, tell
from tests.shop import WHO, YES, Shop

FIRST = date(2025, 1, 5)
FREQUENT = ["leaves", "leaves-mute", "comes-back", "orders", "pays-well"]
HABIT = ["habit", "habit-mute"]
"""They buy every three weeks until the end of December; what happens then differs."""
AFTER = {
    "2026-03-20": ["2026-03-21", "2026-03-28"],
    "2026-04-03": ["2026-04-04", "2026-04-07"],
    "2026-05-20": ["2026-05-21"],
}
"""When everybody is scored, and when there is a round after that."""


def sales(ref: str, gap: int, number: int, amount: int = 50, first: date = FIRST) -> Iterator[dict[str, str]]:
    for one in range(number):
        day = first + timedelta(days=gap * one)
        yield {"id": f"{ref}:{day}", "customer": ref, "date": day.isoformat(), "amount": f"{amount}.00"}


def crowd() -> Iterator[dict[str, str]]:
    """Ordinary people: some stay, some go."""
    for one in range(24):
        yield from sales(f"P{one}", 20 + 3 * (one % 7), 3 + one % 11, first=FIRST + timedelta(days=one))
    for one in range(20):
        yield from sales(f"O{one}", 40, 1 + one % 2, first=date(2025, 1 + one % 12, 10))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = book(tmp_path_factory.mktemp("silent") / "shop", "2026-03-20T06:00", without=["anniversary", "birthday"])
    shop.configure("messages = 2 ", "messages = 9 ")
    people = ["best", "best-mute", *FREQUENT, *HABIT]
    shop.ingest("customers", [{**WHO, "customer": ref, **mailbox(ref)} for ref in people])
    shop.ingest("consents", [{**YES, "customer": ref} for ref in people if not ref.endswith("mute")])
    rows = [
        *crowd(),
        *(row for ref in FREQUENT + HABIT for row in sales(ref, 21, 18, 400 if ref == "pays-well" else 50)),
    ]
    rows += [row for ref in ("best", "best-mute") for row in sales(ref, 14, 30, 400)]
    shop.ingest("transactions", [*rows, *sales("comes-back", 21, 1, first=date(2026, 3, 10))])
    shop.ingest("transactions", [row for ref in HABIT for row in sales(ref, 21, 1, first=date(2026, 3, 10))])
    for day in AFTER:
        shop.at(f"{day}T06:00").app.score()
        shop.round()
        if day == "2026-04-03":
            shop.sale("2026-03-30", "50.00", "habit")
            tell(shop, [("orders", "2026-04-03T08:30:00+02:00", "quote.sent", {"amount": 900.0})])
        for later in AFTER[day]:
            shop.at(f"{later}T12:00").round()
    return shop


def test_one_of_the_best_who_falls_silent_is_called_whatever_they_said_about_mail(lived: Shop) -> None:
    assert {"best", "best-mute"} <= came_of(lived, "vip_care").keys()
    assert came_of(lived, "vip_care")["best"] == {"call": "delivered"}
    assert came_of(lived, "vip_care")["best-mute"] == {"call": "delivered"}
    told = list((lived.folder / "out" / "tasks").glob("*.best.*.md"))
    assert len(told) == 1
    assert told[0].read_text(encoding="utf-8").startswith("# Chiamare Letizia D'Amico: uno dei migliori clienti")


def test_who_stays_away_is_asked_once(lived: Shop) -> None:
    assert came_of(lived, "win_back")["leaves"] == {"mail": "delivered"}, "what they will still bring pays no card"


def test_a_card_that_pays_waits_for_a_yes_and_does_not_go_without_one(lived: Shop) -> None:
    assert came_of(lived, "win_back")["pays-well"] == {"mail": "delivered", "note": "expired"}


def test_whoever_asks_for_something_themselves_is_not_asked_back(lived: Shop) -> None:
    assert came_of(lived, "win_back")["orders"] == {"mail": "cancelled"}


def test_who_buys_every_three_weeks_is_asked_before_the_next_time_and_once_after(lived: Shop) -> None:
    assert came_of(lived, "replenishment")["comes-back"] == {"before": "delivered", "after": "delivered"}


def test_who_buys_in_time_is_not_asked_again(lived: Shop) -> None:
    assert came_of(lived, "replenishment")["habit"] == {"before": "delivered", "after": "cancelled"}


def test_who_has_no_habit_left_or_never_said_yes_is_not_asked(lived: Shop) -> None:
    assert not {"habit-mute", "leaves", "best"} & came_of(lived, "replenishment").keys()


def test_who_has_gone_is_told_goodbye(lived: Shop) -> None:
    assert came_of(lived, "sunset")["leaves"] == {"mail": "delivered"}
    mails = [row for row in lived.actions() if (row["customer"], row["channel"]) == ("leaves", "email")]
    assert [row["rule"] for row in sorted(mails, key=lambda row: row["due_at"])] == ["win_back", "sunset"]


@pytest.mark.parametrize("rule", ["win_back", "sunset"])
def test_who_came_back_or_never_said_yes_hears_nothing(lived: Shop, rule: str) -> None:
    assert not {"comes-back", "leaves-mute"} & came_of(lived, rule).keys()
    assert "act" not in lived.outcomes("comes-back", rule)
    assert set(lived.outcomes("leaves-mute", rule)) == {"refused"}
