"""What people ask: explain, ledger, actions, customers; and what they decide themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import inquiry, orders
from engine.errors import UsageError
from tests.shop import THANKS, Shop

DONE = "service_call.completed"
GIFT = THANKS + '\n[[step]]\nid = "gift"\nchannel = "reward"\npoints = 25\n'
CARD = THANKS.replace('channel = "email"', 'channel = "note"\napprove = true').replace("email/", "note/")


def thanked(shop: Shop) -> Shop:
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00", amount=90.0)
    shop.round()
    shop.at("2026-03-03T11:00").round()
    return shop


def test_explain_tells_what_was_decided_and_what_came_of_it(shop: Shop) -> None:
    thanked(shop).app.schedule()

    told = inquiry.explain(shop.app, "C1", None)

    assert (told["customer"], told["name"], told["why"]) == ("C1", "Letizia D'Amico", "")
    (decision,) = told["decisions"]
    assert (decision["rule_id"], decision["journey"]) == ("thanks", "finished")
    assert decision["exit_reason"] == "all steps done"
    assert [action["state"] for action in decision["actions"]] == ["delivered"]


@pytest.mark.parametrize("words", ["C1", "letizia@mail.example", "LETIZIA@mail.example", "d'amico", "Letizia D'A"])
def test_a_customer_is_found_by_reference_address_or_name(shop: Shop, words: str) -> None:
    shop.customer()

    assert inquiry.explain(shop.app, words, None)["customer"] == "C1"


def test_an_ambiguous_name_lists_who_is_meant(shop: Shop) -> None:
    shop.customer("C1")
    shop.customer("C2")

    with pytest.raises(UsageError, match="may be C1 Letizia D'Amico, C2 Letizia D'Amico: say the reference"):
        inquiry.explain(shop.app, "letizia", None)
    with pytest.raises(UsageError, match="no customer has"):
        inquiry.explain(shop.app, "%", None)


def test_explain_says_why_nothing_was_asked(shop: Shop) -> None:
    shop.customer()
    assert "nothing has happened to them" in inquiry.explain(shop.app, "C1", None)["why"]

    shop.event("delivery.completed", "2026-03-02T09:00:00+01:00")
    assert inquiry.explain(shop.app, "C1", None)["why"] == "1 events wait for premura decide"

    shop.app.decide()
    assert "no rule waits for their kinds" in inquiry.explain(shop.app, "C1", None)["why"]


def test_the_ledger_names_the_rule_version_that_granted(tmp_path: Path) -> None:
    shop = thanked(Shop(tmp_path / "shop", rules={"thanks": GIFT}))

    told = inquiry.ledger(shop.app, "C1")

    assert told["balance"] == {"points": 25}
    (entry,) = told["entries"]
    assert (entry["rule_id"], entry["kind"], entry["amount"]) == ("thanks", "grant", 25)
    assert entry["rule_hash"] == shop.app.rules[0].hash


def test_a_held_card_goes_only_after_a_yes(tmp_path: Path) -> None:
    shop = thanked(Shop(tmp_path / "shop", rules={"thanks": CARD}))
    (held,) = inquiry.actions(shop.app, "held")
    assert "grazie di cuore" in inquiry.action(shop.app, held["id"])["payload"]["text"]

    assert orders.change(shop.app, held["id"][-8:], "approve", "Marta")["state"] == "ready"
    shop.round()

    assert shop.states() == {"thanks.mail": "delivered"}
    assert len(list((shop.folder / "out" / "cards").glob("*-card.pdf"))) == 1


def test_a_cancelled_action_stays_cancelled(tmp_path: Path) -> None:
    shop = thanked(Shop(tmp_path / "shop", rules={"thanks": CARD}))
    (held,) = inquiry.actions(shop.app, "held")

    assert orders.change(shop.app, held["id"], "cancel", "Marta")["reason"] == "cancelled by Marta"
    with pytest.raises(UsageError, match="is cancelled, not held; nothing was changed"):
        orders.change(shop.app, held["id"], "approve", "Marta")
    shop.round()

    assert list((shop.folder / "out").rglob("*card*")) == []


def test_what_is_done_cannot_be_cancelled_or_resolved(shop: Shop) -> None:
    (sent,) = inquiry.actions(thanked(shop).app, "delivered")

    for verb in ("cancel", "approve", "sent", "not_sent"):
        with pytest.raises(UsageError, match="is delivered"):
            orders.change(shop.app, sent["id"], verb, "Marta")


def test_an_id_that_fits_none_or_several_is_refused(shop: Shop) -> None:
    thanked(shop)

    with pytest.raises(UsageError, match="no action has an id"):
        inquiry.action(shop.app, "zzz")
    with pytest.raises(UsageError, match="none of"):
        inquiry.actions(shop.app, "sleeping")


def test_a_suppressed_address_gets_nothing_whatever_was_consented(shop: Shop) -> None:
    shop.customer()
    assert orders.suppress(shop.app, "C1", "asked by phone") == {"customer": "C1", "new": True}
    assert orders.suppress(shop.app, "C1", "asked by phone")["new"] is False
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.round()

    assert shop.outcomes() == ["refused"]
    assert "suppressed on any: asked by phone" in inquiry.explain(shop.app, "C1", None)["permissions"]


def test_a_customers_facts_and_purchases(shop: Shop) -> None:
    shop.customer()
    shop.sale("2026-02-01", "49.90", id="S1")
    shop.sale("2026-02-05", "-49.90", id="S2", reverses="S1")

    told = inquiry.customer(shop.app, "C1")

    assert told["facts"]["city"] == "Forlì"
    assert told["purchases"] == [("2026-02-01", "49.90 EUR", "S1"), ("2026-02-05", "-49.90 EUR", "reverses S1")]
    assert told["permissions"] == ["2026-01-01: yes to any by any"]
