"""Schedule through the front door: dates, deferrals, drops, expiry, and journeys that come to their end."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.shop import THANKS, Shop

DONE = "service_call.completed"
EVENING = THANKS.replace('after = "P1D"', 'after = "P1D"\nwindow = { days = "mon-fri", from = "10:00", to = "12:00" }')


def due(shop: Shop) -> list[str]:
    return [f"{datetime.fromisoformat(str(row['due_at'])):%m-%d %H:%M}" for row in shop.actions()]


def test_a_step_is_dated_into_its_window(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"thanks": EVENING})
    shop.customer()
    shop.event(DONE, "2026-03-06T15:00:00+01:00")
    shop.at("2026-03-06T15:00").app.decide()
    summary = shop.app.schedule()

    assert (summary.scheduled, summary.deferred) == (1, 0)
    assert due(shop) == ["03-09 09:00"]  # Monday, ten o'clock in Rome


def test_a_customer_in_another_zone_is_dated_by_their_own_clock(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"thanks": EVENING})
    shop.customer(time_zone="America/New_York")
    shop.event(DONE, "2026-03-03T15:00:00+01:00")
    shop.at("2026-03-03T15:00").app.decide()
    shop.app.schedule()

    assert due(shop) == ["03-04 15:00"]  # ten o'clock in New York


def test_the_third_word_in_a_week_waits_and_goes_or_is_dropped(shop: Shop) -> None:
    shop.customer()
    for hour in (8, 9, 10):
        shop.event(DONE, f"2026-03-02T{hour:02}:00:00+01:00")
    shop.app.decide()
    summary = shop.app.schedule()

    assert summary.scheduled + summary.dropped == 3
    assert (summary.deferred, summary.dropped) in ((1, 0), (0, 1))
    assert sorted(due(shop))[:2] == ["03-03 07:00", "03-03 08:00"]


def test_scheduling_twice_changes_nothing(shop: Shop) -> None:
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.app.decide()
    shop.app.schedule()
    before = shop.actions()

    assert shop.app.schedule().scheduled == 0
    assert shop.actions() == before


def test_what_is_long_past_expires_and_the_journey_ends(shop: Shop) -> None:
    shop.customer()
    shop.event(DONE, "2026-01-02T09:00:00+01:00")
    shop.round()

    assert shop.states() == {"thanks.mail": "expired"}
    assert shop.decisions()[0]["journey"] == "finished"
    assert shop.mails() == []


def test_a_transactional_word_is_not_capped(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"thanks": THANKS.replace('"relationship"', '"transactional"')})
    shop.customer()
    for hour in (8, 9, 10):
        shop.event(DONE, f"2026-03-02T{hour:02}:00:00+01:00")
    shop.app.decide()

    assert shop.app.schedule().scheduled == 3
    assert due(shop) == ["03-03 07:00", "03-03 08:00", "03-03 09:00"]
