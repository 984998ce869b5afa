"""Decide through the front door: what is ingested, what is answered, what is planned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shop import THANKS, Shop

DONE = "service_call.completed"
QUOTE = """
id = "quote"
title = "Ask after a quote"
purpose = "relationship"
holdout = 0.0
[on]
event = "quote.sent"
[journey]
stop_on = ["quote.accepted"]
[[step]]
id = "first"
channel = "email"
template = "email/quote_followup_1"
after = "P1D"
[[step]]
id = "second"
channel = "email"
template = "email/quote_followup_2"
after = "P3D"
"""
BIRTHDAY = """
id = "birthday"
title = "Keep the birthday"
purpose = "relationship"
holdout = 0.0
[on]
date = "customer.birthday"
[[step]]
id = "card"
channel = "note"
template = "note/anniversary"
"""
GOLD = """
id = "gold"
title = "Welcome a gold customer"
purpose = "relationship"
holdout = 0.0
[on]
score = "tier == 'gold'"
[[step]]
id = "mail"
channel = "email"
template = "email/welcome_vip"
"""
SWEEP = """
id = "asleep"
title = "Wake who sleeps"
purpose = "relationship"
holdout = 0.0
[on]
sweep = "daily"
when = "score.days_since_purchase > 100"
[journey]
again_after = "P30D"
[[step]]
id = "mail"
channel = "email"
template = "email/delivery_checkin"
"""


def test_an_event_becomes_a_decision_with_reasons_and_one_action(shop: Shop) -> None:
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00", amount=120.0)

    summary = shop.app.decide()

    (decision,) = shop.decisions()
    assert (summary.events, summary.outcomes, summary.actions) == (1, {"act": 1}, 1)
    assert decision["outcome"] == "act"
    assert decision["reasons"][-1] == {"code": "step", "step": "mail", "holds": True, "text": "goes ahead"}
    assert shop.states() == {"thanks.mail": "planned"}


def test_the_same_event_ten_times_is_decided_once(shop: Shop) -> None:
    shop.customer()
    for _ in range(10):
        shop.event(DONE, "2026-03-02T09:00:00+01:00")
        shop.app.decide()

    assert shop.outcomes() == ["act"]
    assert len(shop.actions()) == 1


def test_two_events_of_a_day_are_two_occurrences(shop: Shop) -> None:
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.event(DONE, "2026-03-02T10:00:00+01:00")
    shop.app.decide()

    assert shop.outcomes() == ["act", "act"]


def test_no_consent_is_a_kept_refusal(shop: Shop) -> None:
    shop.customer(consent=False)
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.app.decide()

    (decision,) = shop.decisions()
    assert decision["outcome"] == "refused"
    assert "no consent for relationship by email" in [reason.get("text") for reason in decision["reasons"]]
    assert shop.actions() == []


def test_what_happened_before_the_start_is_history(shop: Shop) -> None:
    shop.configure('# start = "2026-09-01"', 'start = "2026-03-01"')
    shop.customer()
    shop.event(DONE, "2026-02-28T23:30:00+01:00", id="before")
    shop.event(DONE, "2026-03-01T00:30:00+01:00", id="after")

    summary = shop.app.decide()

    assert summary.history == 1
    assert [decision["occurrence"] for decision in shop.decisions()] == ["events/after"]


def test_an_event_that_lies_ahead_waits_for_its_time(shop: Shop) -> None:
    shop.customer()
    shop.event(DONE, "2026-03-05T09:00:00+01:00")
    assert shop.app.decide().events == 0

    assert shop.at("2026-03-05T09:00").app.decide().events == 1


def test_a_stop_event_cancels_what_is_pending_and_says_why(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"quote": QUOTE})
    shop.customer()
    shop.event("quote.sent", "2026-03-02T09:00:00+01:00", amount=900.0, reference="P-1", what="una caldaia")
    shop.round()
    shop.at("2026-03-03T11:00").round()
    assert shop.states() == {"quote.first": "delivered", "quote.second": "planned"}

    shop.event("quote.accepted", "2026-03-04T09:00:00+01:00", reference="P-1")
    summary = shop.at("2026-03-04T11:00").app.decide()

    assert summary.stopped == 1
    assert shop.states() == {"quote.first": "delivered", "quote.second": "cancelled"}
    assert shop.decisions()[0]["exit_reason"] == "quote.accepted on 2026-03-04"
    shop.at("2026-03-10T11:00").round()
    assert len(shop.mails()) == 1


def test_a_stop_event_from_before_the_journey_stops_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"quote": QUOTE})
    shop.customer()
    shop.event("quote.accepted", "2026-03-01T09:00:00+01:00", reference="P-0")
    shop.event("quote.sent", "2026-03-02T09:00:00+01:00", reference="P-1")
    shop.app.decide()

    assert set(shop.states().values()) == {"planned"}


def test_a_card_for_a_birthday_is_decided_ahead_by_the_days_that_paper_travels(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"birthday": BIRTHDAY}, now="2026-03-06T11:00")
    shop.customer(birthday="1980-03-10")
    assert shop.app.decide().outcomes == {}

    shop.at("2026-03-07T11:00").round()

    (action,) = shop.actions()
    assert shop.decisions()[0]["occurrence"] == "2026-03-10"
    assert action["state"] == "delivered"


def test_a_date_that_was_missed_while_the_program_was_off_is_still_seen(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"birthday": BIRTHDAY}, now="2026-03-01T11:00")
    shop.customer(birthday="1980-03-05")
    shop.app.decide()
    shop.at("2026-03-08T11:00").app.decide()

    assert [decision["occurrence"] for decision in shop.decisions()] == ["2026-03-05"]


def test_a_birthday_on_29_february_is_kept_on_the_28th(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"birthday": BIRTHDAY}, now="2026-02-26T11:00")
    shop.customer(birthday="1992-02-29")
    shop.app.decide()

    assert [decision["occurrence"] for decision in shop.decisions()] == ["2026-02-28"]


def test_a_customer_who_comes_later_that_day_is_not_missed(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"birthday": BIRTHDAY}, now="2026-03-07T08:00")
    shop.app.decide()
    shop.at("2026-03-07T11:00").customer(birthday="1980-03-07")
    shop.app.decide()

    assert shop.outcomes() == ["act"]


@pytest.fixture
def gold(tmp_path: Path, database: str) -> Iterator[Shop]:
    """Twenty-five customers with a history, of whom C1 is an ordinary one; scored once."""
    shop = Shop(tmp_path / "shop", rules={"gold": GOLD}, database=database)
    for number in range(1, 26):
        shop.customer(f"C{number}")
        shop.sale(f"2025-{1 + number % 6:02}-10", "80.00", f"C{number}")
        if number % 2:
            shop.sale(f"2025-{7 + number % 5:02}-12", "95.00", f"C{number}")
    shop.app.score()
    shop.app.decide()
    yield shop
    shop.close()


def test_the_first_scores_welcome_nobody(gold: Shop) -> None:
    assert gold.actions() == []


def test_who_becomes_gold_is_welcomed_once(gold: Shop) -> None:
    for day in ("2026-02-10", "2026-02-20", "2026-03-01"):
        gold.sale(day, "900.00", "C1")
    gold.at("2026-03-03T11:00").app.score()
    gold.app.decide()
    gold.app.decide()
    gold.at("2026-03-04T11:00").app.score()
    gold.app.decide()

    assert gold.outcomes("C1") == ["act"]
    assert [row["customer"] for row in gold.actions()] == ["C1"]


@pytest.mark.any_store
def test_a_crossing_between_two_runs_of_score_is_not_lost(gold: Shop) -> None:
    for day in ("2026-02-10", "2026-02-20", "2026-03-01"):
        gold.sale(day, "900.00", "C1")
    gold.at("2026-03-03T11:00").app.score()
    gold.at("2026-03-04T11:00").app.score()
    gold.app.decide()

    assert gold.outcomes("C1") == ["act"]


def test_a_sweep_asks_everybody_once_a_day_and_keeps_no_plain_no(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"asleep": SWEEP})
    shop.customer("C1")
    shop.customer("C2")
    shop.sale("2025-10-01", "50.00", "C1")
    shop.sale("2026-03-01", "50.00", "C2")
    shop.app.score()
    shop.app.decide()
    shop.app.decide()

    assert shop.outcomes("C1") == ["act"]
    assert shop.outcomes("C2") == []


def test_a_sweep_asks_again_only_after_its_interval(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"asleep": SWEEP})
    shop.customer()
    shop.sale("2025-10-01", "50.00")
    shop.app.score()
    for day in ("2026-03-02", "2026-03-20", "2026-04-02"):
        shop.at(f"{day}T11:00").app.decide()

    assert shop.outcomes() == ["act", "refused", "act"]


def test_sweeps_that_look_together_each_ask_whom_they_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    awake = SWEEP.replace("asleep", "awake").replace("> 100", "<= 100 || customer.city == 'Roma'")
    rules = {"asleep": SWEEP, "awake": awake, "all": SWEEP.replace("asleep", "all").replace("> 100", "> 0")}
    shop = Shop(tmp_path / "shop", rules=rules)
    for number, day in enumerate(("2025-10-01", "2026-03-01", "2025-09-01")):
        shop.customer(f"C{number}", city="Roma" if number == 2 else "Como")
        shop.sale(day, "50.00", f"C{number}")
    shop.app.score()

    def answered() -> list[list[str]]:
        return [sorted(one["rule_id"] for one in shop.decisions(f"C{number}")) for number in range(3)]

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.decide.stage.on_calendar.BATCH", 2)
    with monkeypatch.context() as patched:
        patched.setattr("engine.store.leases.set_mark", crash)
        with pytest.raises(KeyboardInterrupt):
            shop.app.decide()
    whole = [["all", "asleep"], ["all", "awake"], ["all", "asleep", "awake"]]
    assert answered() == whole

    shop.app.decide()
    shop.app.decide()
    assert answered() == whole
    assert len(shop.actions()) == 7


def test_a_crash_in_the_middle_of_a_batch_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("engine.store.new_events.take_off", crash)
        with pytest.raises(KeyboardInterrupt):
            shop.app.decide()
    assert shop.actions() == []

    shop.app.decide()
    assert shop.outcomes() == ["act"]


def test_a_changed_rule_is_kept_beside_the_old_one(shop: Shop) -> None:
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00", id="one")
    shop.app.decide()
    shop.rule("thanks", THANKS.replace("P1D", "P2D"))
    shop.event(DONE, "2026-03-02T10:00:00+01:00", id="two")
    shop.app.decide()

    first, second = shop.decisions()
    assert first["rule_hash"] != second["rule_hash"]
    assert [action["step"] for decision in (first, second) for action in decision["actions"]] == ["mail", "mail"]


def test_a_holdout_is_drawn_by_the_key_and_recorded(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"thanks": THANKS.replace("holdout = 0.0", "holdout = 0.5")})
    for number in range(1, 41):
        shop.customer(f"C{number}")
        shop.event(DONE, "2026-03-02T09:00:00+01:00", f"C{number}")
    summary = shop.app.decide()

    assert 10 <= summary.outcomes["holdout"] <= 30
    assert summary.outcomes["holdout"] + summary.outcomes["act"] == 40
    left = [row["customer"] for row in shop.actions()]
    assert all(shop.outcomes(f"C{number}") == ["holdout"] for number in range(1, 41) if f"C{number}" not in left)


def test_one_quote_accepted_leaves_the_other_open(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"quote": QUOTE})
    shop.customer()
    shop.event("quote.sent", "2026-03-02T09:00:00+01:00", reference="P-1", id="one")
    shop.event("quote.sent", "2026-03-02T09:30:00+01:00", reference="P-2", id="two")
    shop.app.decide()
    shop.event("quote.accepted", "2026-03-02T10:00:00+01:00", reference="P-1")
    shop.app.decide()

    ends = {decision["occurrence"]: decision["exit_reason"] for decision in shop.decisions()}
    assert ends == {"events/one": "quote.accepted on 2026-03-02", "events/two": ""}
    shop.at("2026-03-03T11:00").round()
    assert len(shop.mails()) == 1


def test_a_stop_event_without_a_reference_stops_all(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"quote": QUOTE})
    shop.customer()
    shop.event("quote.sent", "2026-03-02T09:00:00+01:00", reference="P-1", id="one")
    shop.event("quote.sent", "2026-03-02T09:30:00+01:00", id="two")
    shop.event("quote.accepted", "2026-03-02T10:00:00+01:00")
    shop.app.decide()

    assert {decision["exit_reason"] for decision in shop.decisions()} == {"quote.accepted on 2026-03-02"}
    assert {(one["state"], one["reason"]) for one in shop.actions()} == {("cancelled", "quote.accepted on 2026-03-02")}
    shop.at("2026-03-20T11:00").round()
    assert shop.mails() == []
