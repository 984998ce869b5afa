"""The history as of an instant is what the store answers at that instant."""

from __future__ import annotations

from datetime import date, timedelta

from engine.backtest import known
from engine.backtest.period import Period
from engine.core.lookback import lookbacks
from engine.decide.past_history import History
from engine.store import customers, history
from tests.shop import Shop

ASKED = lookbacks([
    "has_event('quote.sent')", "has_event('quote.sent', 'P2D')", "count_events('quote.sent', 'P1M')",
    "count_events('review.received')", "count_purchases()", "count_purchases('P3D')", "sum_purchases()",
    "sum_purchases('P5D')",
])  # fmt: skip
MARCH = Period(since=date(2026, 3, 1), until=date(2026, 3, 31), time_zone="Europe/Rome")


def test_it_answers_as_the_store_does(shop: Shop) -> None:
    shop.at("2026-05-01T11:00")
    for number, ref in enumerate(("C1", "C2", "C3")):
        shop.customer(ref, time_zone="Pacific/Auckland" if number == 1 else "")
        for day in range(1 + number, 31, 4 + number):
            shop.event("quote.sent", f"2026-03-{day:02}T00:30:00+01:00", ref)
            shop.sale(f"2026-03-{day:02}", f"{10 * day}.50" if day % 3 else f"-{day}.25", ref)
        shop.sale("2026-03-09", "70.00", ref, currency="CHF")
    assert len(ASKED) == 8
    with shop.app.store.read() as connection:
        zones = {key: one.facts.time_zone for key, one in customers.load(connection).items()}
        read = known.Past(histories=known.histories(connection, ASKED, MARCH, "EUR"), sales={}, events={})
        lives = known.lives(connection, MARCH, "k", read)
        for hour in range(0, 31 * 24, 17):
            at = MARCH.begins + timedelta(hours=hour)
            past = history.Past(now=at, currency="EUR", time_zone="Europe/Rome", zones=set(zones.values()))
            expected = history.answers(connection, ASKED, zones, past)
            assert {life.id: life.history.answers(ASKED, at, life.time_zone, "EUR") for life in lives} == expected


def test_of_nothing_it_is_nothing() -> None:
    assert list(History().answers(ASKED, MARCH.begins, "Europe/Rome", "EUR").values()) == [
        False, False, 0, 0, 0, 0, 0.0, 0.0,
    ]  # fmt: skip
