"""A purchase ends journeys and keeps steps back: in decide, and again right before anything goes out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.store import decisions
from tests.shop import THANKS, Shop

DONE = "service_call.completed"
STOPS = THANKS.replace("[[step]]", '[journey]\nstop_on = ["purchase"]\n[[step]]')
UNLESS = (
    THANKS + 'unless = "purchase"\n[[step]]\nid = "more"\nchannel = "email"\ntemplate = "email/service_thank_you"\n'
)
REASON = "purchase on 2026-03-02"


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    """A customer in a rule that stops on a purchase; the mail goes out tomorrow at nine."""
    opened = Shop(tmp_path / "shop", rules={"thanks": STOPS}, database=database)
    opened.customer()
    opened.event(DONE, "2026-03-02T09:00:00+01:00")
    opened.round()
    assert opened.states() == {"thanks.mail": "planned"}
    yield opened
    opened.close()


def ended(shop: Shop) -> tuple[str, str, str]:
    """What became of the step, and of the journey."""
    (decision,) = shop.decisions()
    return decision["actions"][0]["state"], decision["journey"], decision["exit_reason"]


@pytest.mark.any_store
def test_it_ends_with_what_was_bought_meanwhile(shop: Shop) -> None:
    shop.sale("2026-03-02T15:00:00+01:00", "12.00")
    assert (shop.app.decide().stopped, shop.app.decide().stopped) == (1, 0)
    assert ended(shop) == ("cancelled", "stopped", REASON)
    shop.at("2026-03-03T11:00").round()
    assert shop.mails() == []


@pytest.mark.any_store
def test_a_sale_that_decide_has_not_seen_is_asked_about_before_it_goes_out(shop: Shop) -> None:
    shop.at("2026-03-03T07:00").app.schedule()
    shop.sale("2026-03-02T15:00:00+01:00", "12.00")
    shop.at("2026-03-03T11:00").app.dispatch()
    assert ended(shop) == ("cancelled", "stopped", REASON)
    assert shop.mails() == []


def test_a_sale_that_was_known_before_the_rule_heard_of_its_event_counts(shop: Shop) -> None:
    shop.customer("C2")
    shop.sale("2026-03-02T15:00:00+01:00", "12.00", "C2")
    shop.app.decide()
    shop.event(DONE, "2026-03-02T10:00:00+01:00", "C2")
    shop.at("2026-03-03T11:00").round()
    assert [row["state"] for row in shop.actions() if row["customer"] == "C2"] == ["cancelled"]


@pytest.mark.parametrize(
    ("at", "amount"),
    [("2026-03-01T15:00:00+01:00", "12.00"), ("2026-03-02T09:00:00+01:00", "12.00"),
     ("2026-03-02T15:00:00+01:00", "-12.00")],
)  # fmt: skip
def test_what_was_bought_before_and_a_refund_end_nothing(shop: Shop, at: str, amount: str) -> None:
    shop.sale(at, amount)
    shop.at("2026-03-03T11:00").round()
    assert ended(shop)[0] == "delivered"


def test_what_others_buy_ends_nothing(shop: Shop) -> None:
    shop.customer("C2")
    shop.sale("2026-03-02T15:00:00+01:00", "12.00", "C2")
    shop.at("2026-03-03T11:00").round()
    assert ended(shop)[0] == "delivered"


def test_a_rule_that_does_not_say_so_goes_on(shop: Shop) -> None:
    shop.rule("other", THANKS.replace('"thanks"', '"other"').replace(DONE, "delivery.completed"))
    shop.event("delivery.completed", "2026-03-02T09:00:00+01:00")
    shop.app.decide()
    shop.sale("2026-03-02T15:00:00+01:00", "12.00")
    shop.at("2026-03-03T11:00").round()
    assert shop.states() == {"thanks.mail": "cancelled", "other.mail": "delivered"}


def test_a_journey_keeps_to_its_own_version(shop: Shop) -> None:
    shop.rule("thanks", THANKS)
    shop.sale("2026-03-02T15:00:00+01:00", "12.00")
    shop.at("2026-03-03T11:00").round()
    assert ended(shop) == ("cancelled", "stopped", REASON)


@pytest.mark.any_store
def test_a_step_stays_back_unless_nothing_was_bought(tmp_path: Path, database: str) -> None:
    shop = Shop(tmp_path / "unless", rules={"thanks": UNLESS}, database=database)
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.round()
    shop.sale("2026-03-02T15:00:00+01:00", "12.00")
    shop.at("2026-03-03T11:00").round()

    (decision,) = shop.decisions()
    told = {row["step"]: (row["state"], row["reason"]) for row in decision["actions"]}
    assert told["mail"] == ("cancelled", "purchase came on 2026-03-02")
    assert told["more"][0] == "delivered"
    shop.close()


def test_many_sales_at_once_are_gone_through_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.decide.stage.on_purchases.PAGE", 2)
    rows = [
        {"id": f"S{number}", "customer": f"N{number}" if number != 6 else "C1", "date": "2026-03-02T15:00:00+01:00",
         "amount": "5.00"}
        for number in range(9)
    ]  # fmt: skip
    shop.ingest("transactions", rows)
    assert shop.app.decide().stopped == 1
    assert ended(shop) == ("cancelled", "stopped", REASON)


def test_a_run_that_breaks_off_is_made_good_by_the_next(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Journeys end first, and then it is noted how far the sales were gone through."""
    monkeypatch.setattr("engine.decide.stage.on_purchases.PAGE", 1)
    shop.customer("C2")
    shop.event(DONE, "2026-03-02T09:30:00+01:00", "C2")
    shop.app.decide()
    for ref in ("C1", "C2"):
        shop.sale("2026-03-02T15:00:00+01:00", "12.00", ref)
    whole, calls = decisions.stop_journeys, []

    def once(*given: Any) -> int:
        calls.append(given)
        if len(calls) == 2:
            raise BrokenPipeError
        return whole(*given)

    monkeypatch.setattr(decisions, "stop_journeys", once)
    with pytest.raises(BrokenPipeError):
        shop.app.decide()
    assert sorted(row["state"] for row in shop.actions()) == ["cancelled", "planned"]
    assert [shop.app.decide().stopped, shop.app.decide().stopped] == [1, 0]
    assert {row["state"] for row in shop.actions()} == {"cancelled"}
