"""Schedule through the front door: dates, deferrals, drops, expiry, and journeys that come to their end."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path

import pytest

from engine.core.calendar import Duration, add, zone
from engine.core.keys import fraction
from tests.shop import THANKS, WHO, Shop

ROME = "Europe/Rome"
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


def test_what_is_long_past_takes_nobodys_place_under_the_cap(tmp_path: Path) -> None:
    late = THANKS.replace('after = "P1D"', 'after = "P1D"\nvalid_for = "P1D"')
    shop = Shop(tmp_path / "shop", rules={"thanks": late})
    shop.customer()
    for hour in (8, 9):
        shop.event(DONE, f"2026-02-27T{hour:02}:00:00+01:00")  # after a standstill: these were to go out on Saturday
    shop.event(DONE, "2026-03-02T10:00:00+01:00")
    shop.app.decide()
    summary = shop.app.schedule()

    assert (summary.scheduled, summary.deferred, summary.dropped, summary.expired) == (1, 0, 0, 2)
    assert sorted(row["state"] for row in shop.actions()) == ["expired", "expired", "planned"]
    assert "03-03 09:00" in due(shop)


def test_what_is_late_but_not_too_late_is_dated_for_now_or_its_next_window(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"thanks": EVENING})
    shop.customer()
    shop.event(DONE, "2026-02-27T10:00:00+01:00")  # a Friday: due on Monday at ten
    shop.app.decide()

    assert shop.app.schedule().deferred == 0
    assert due(shop) == ["03-02 11:00"]  # it is noon in Rome, and the window closes now

    late = Shop(tmp_path / "late", rules={"thanks": EVENING}, now="2026-03-02T11:01")
    late.customer()
    late.event(DONE, "2026-02-27T10:00:00+01:00")
    late.app.decide()

    assert late.app.schedule().deferred == 0
    assert due(late) == ["03-03 09:00"]


CARD = """
id = "card"
title = "Write a card"
purpose = "relationship"
holdout = 0.0

[on]
event = "service_call.completed"

[[step]]
id = "card"
channel = "note"
template = "note/service_thank_you"
after = "P10D"
window = { days = "tue" }
valid_for = "P20D"
"""


def test_paper_under_the_cap_still_arrives_in_its_window(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"card": CARD})
    shop.configure("messages = 2", "messages = 1")
    shop.configure('within = "P7D"', 'within = "P8D"')
    shop.customer()
    for hour in (8, 9):
        shop.event(DONE, f"2026-03-02T{hour:02}:00:00+01:00")
    shop.app.decide()
    summary = shop.app.schedule()

    assert (summary.scheduled, summary.deferred) == (2, 1)
    # Two Tuesdays, the 17th and the 31st at midnight in Rome, less the three days that cards travel.
    assert due(shop) == ["03-13 23:00", "03-27 23:00"]


def test_a_step_that_the_cap_leaves_no_time_for_is_dropped_and_says_so(tmp_path: Path) -> None:
    shop = Shop(
        tmp_path / "shop", rules={"thanks": THANKS.replace('after = "P1D"', 'after = "P1D"\nvalid_for = "P2D"')}
    )
    shop.customer()
    for hour in (8, 9, 10):
        shop.event(DONE, f"2026-03-02T{hour:02}:00:00+01:00")
    shop.app.decide()
    summary = shop.app.schedule()

    assert (summary.scheduled, summary.deferred, summary.dropped) == (2, 0, 1)
    (dropped,) = [row for row in shop.actions() if row["state"] == "cancelled"]
    assert dropped["reason"] == "the customer would hear from us more than 2 times within P7D"
    assert summary.finished_journeys == 1


def test_of_many_journeys_some_are_looked_at_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.schedule.stage.LOOKED_AT", 2)
    short = 'after = "P1D"\nvalid_for = "P2D"'
    rules = {
        name: THANKS.replace('"thanks"', f'"{name}"').replace('after = "P1D"', short) for name in ("thanks", "again")
    }
    shop = Shop(tmp_path / "shop", rules=rules)
    shop.customer()
    for hour in (8, 9, 10):
        shop.event(DONE, f"2026-03-02T{hour:02}:00:00+01:00")
    shop.app.decide()  # six journeys, of which the cap leaves two something to do

    finished = [shop.app.schedule().finished_journeys for _ in range(5)]
    assert (sum(finished), max(finished)) == (4, 2)
    assert len([row for row in shop.actions() if row["state"] == "planned"]) == 2


def test_what_was_sent_counts_under_the_cap(shop: Shop) -> None:
    shop.configure("messages = 2", "messages = 1")
    shop.customer()
    shop.event(DONE, "2026-03-02T08:00:00+01:00")
    shop.at("2026-03-03T09:00").round()
    assert len(shop.mails()) == 1
    shop.event(DONE, "2026-03-03T08:00:00+01:00", id="second")
    shop.app.decide()

    assert shop.app.schedule().deferred == 1
    assert due(shop)[1] == "03-10 09:00"  # a week after the first went out


def test_nobody_is_dated_more_often_than_the_shop_wants(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"thanks": EVENING + 'valid_for = "P60D"\n'}, now="2026-03-25T12:00")
    people = [f"C{number:02}" for number in range(12)]
    yes = {"purpose": "any", "channel": "any", "given": "yes", "date": "2026-01-01"}
    shop.ingest("customers", [{**WHO, "customer": ref, "email": f"{ref}@mail.example"} for ref in people])
    shop.ingest("consents", [{"customer": ref, **yes} for ref in people])
    lots = [(ref, number, int(20 * fraction("lots", ref, str(number)))) for ref in people for number in range(7)]
    shop.ingest(
        "events",
        [
            {"id": f"{ref}/{number}", "customer": ref, "kind": DONE, "date": f"2026-03-{day + 1:02}T09:00:00+01:00"}
            for ref, number, day in lots
        ],
    )
    shop.app.decide()
    summary = shop.app.schedule()

    assert summary.scheduled == len(lots)
    assert summary.deferred > len(people)
    dated = [(row["customer"], datetime.fromisoformat(str(row["due_at"]))) for row in shop.actions()]
    for ref in people:
        own = sorted(when for who, when in dated if who == ref)
        assert all(later >= add(first, Duration(days=7), ROME) for first, later in zip(own, own[2:], strict=False))
    for _, when in dated:
        local = when.astimezone(zone(ROME))
        assert local.weekday() < 5
        assert time(10) <= local.time() <= time(12)


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


NIGHT = '# from = "21:00"', 'from = "21:00"', '# to = "08:00"', 'to = "08:00"'


def quiet(shop: Shop, *, night: bool = True, holidays: bool = False) -> None:
    """The shop leaves people in peace at night, on public holidays, or both."""
    if night:
        shop.configure(NIGHT[0], NIGHT[1])
        shop.configure(NIGHT[2], NIGHT[3])
    if holidays:
        shop.configure("holidays = false", "holidays = true")


def test_at_night_nothing_goes_out_on_the_customers_clock(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    quiet(shop)
    for ref, tz in (("C1", ROME), ("C2", "America/New_York")):
        shop.customer(ref, time_zone=tz)
        shop.event(DONE, "2026-03-01T23:30:00+01:00", ref)
    shop.app.decide()
    summary = shop.app.schedule()

    assert (summary.scheduled, summary.deferred) == (2, 0)
    assert due(shop) == ["03-02 22:30", "03-03 07:00"]  # half past five in New York, and eight in Rome
    assert {row["customer"] for row in shop.actions() if str(row["due_at"]).startswith("2026-03-02")} == {"C2"}


def test_on_holidays_of_the_customers_country_nothing_goes_out(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", now="2026-04-24T12:00")
    quiet(shop, holidays=True)
    places = {"C1": "IT", "C2": "DE", "C3": ""}
    for ref, country in places.items():
        shop.customer(ref, country=country)
        shop.event(DONE, "2026-04-24T10:00:00+02:00", ref)
    shop.app.decide()
    shop.app.schedule()

    dates = {row["customer"]: str(row["due_at"])[:16].replace("T", " ") for row in shop.actions()}
    assert dates == {
        "C1": "2026-04-26 06:00",  # the 25th of April is Italy's, and the 26th a Sunday like others
        "C2": "2026-04-25 08:00",
        "C3": "2026-04-26 06:00",  # nobody knows where: as in the shop's country
    }


def test_what_a_customer_is_owed_waits_for_the_morning_but_not_for_the_holiday_to_end(tmp_path: Path) -> None:
    owed = THANKS.replace('"relationship"', '"transactional"')
    shop = Shop(tmp_path / "shop", rules={"thanks": owed}, now="2026-04-30T12:00")
    quiet(shop, holidays=True)
    shop.customer()
    shop.event(DONE, "2026-04-29T23:00:00+02:00")
    shop.app.decide()
    shop.app.schedule()

    assert due(shop) == ["05-01 06:00"]


def test_rewards_are_entered_at_any_hour(tmp_path: Path) -> None:
    gift = THANKS.replace("[[step]]", '[[step]]\nid = "gift"\nchannel = "reward"\npoints = 10\n\n[[step]]', 1)
    shop = Shop(tmp_path / "shop", rules={"thanks": gift})
    quiet(shop, holidays=True)
    shop.customer()
    shop.event(DONE, "2026-03-01T23:30:00+01:00")
    shop.app.decide()
    shop.app.schedule()

    assert due(shop) == ["03-01 22:30", "03-03 07:00"]


def test_a_step_whose_window_lies_in_the_night_ends_and_says_so(tmp_path: Path) -> None:
    late = THANKS.replace('after = "P1D"', 'after = "P1D"\nwindow = { from = "22:00", to = "23:00" }')
    shop = Shop(tmp_path / "shop", rules={"thanks": late})
    quiet(shop)
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.app.decide()
    summary = shop.app.schedule()

    assert (summary.scheduled, summary.dropped, summary.finished_journeys) == (0, 1, 1)
    (ended,) = shop.actions()
    assert (ended["state"], ended["reason"]) == (
        "cancelled",
        "its window lies wholly in the quiet hours or on holidays",
    )


def test_what_waits_for_the_cap_does_not_come_at_night_either(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"thanks": THANKS + 'valid_for = "P30D"\n'})
    quiet(shop)
    shop.configure("messages = 2", "messages = 1")
    shop.configure('within = "P7D"', 'within = "PT12H"')
    shop.customer()
    for hour in (18, 19):
        shop.event(DONE, f"2026-03-01T{hour}:00:00+01:00")
    shop.app.decide()

    assert shop.app.schedule().deferred == 1
    assert due(shop) == ["03-02 17:00", "03-03 07:00"]  # twelve hours after six in the evening is six in the morning


def test_what_is_late_does_not_go_out_at_night_or_on_a_holiday(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", now="2026-04-29T12:00")
    quiet(shop, holidays=True)
    shop.customer()
    shop.event(DONE, "2026-04-29T10:00:00+02:00")
    shop.app.decide()
    shop.app.schedule()
    for night_or_holiday in ("2026-04-30T19:30", "2026-05-01T10:00", "2026-05-02T05:59"):
        shop.at(night_or_holiday).app.dispatch()
        assert shop.mails() == []
    shop.at("2026-05-02T06:00").app.dispatch()
    assert len(shop.mails()) == 1
