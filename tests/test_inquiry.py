"""What people ask: explain, ledger, actions, customers; and what they decide themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine import inquiry, orders
from engine.cli import run
from engine.errors import DeliveryError, UsageError
from engine.store import touchpoints
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


@pytest.mark.any_store
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


SERVICE = """
[adapters.files]
kind = "fake"
channel = "email"
folder = "out/service"
delivered = false
cancellable = true
cancel = ["{fate}"]
"""


def accepted(tmp_path: Path, fate: str) -> tuple[Shop, str]:
    """A mail that a service has accepted, which gives back what it accepted or does not."""
    shop = Shop(tmp_path / "shop")
    shop.configure("[adapters.files]", "[adapters.no_more]")
    path = shop.folder / "premura.toml"
    path.write_text(path.read_text(encoding="utf-8") + SERVICE.format(fate=fate), encoding="utf-8")
    (found,) = inquiry.actions(thanked(shop).app, "accepted")
    return shop, found["id"]


def test_what_a_service_gives_back_is_cancelled_and_was_never_heard(tmp_path: Path) -> None:
    shop, action = accepted(tmp_path, "ok")

    found = orders.change(shop.app, action, "cancel", "Marta")
    assert (found["state"], found["reason"]) == ("cancelled", "taken back by Marta")
    assert (shop.folder / "out" / "service" / "cancelled.jsonl").read_text(encoding="utf-8").count(action) == 1
    with shop.app.store.read() as connection:
        assert touchpoints.by_channel(connection) == []
    with pytest.raises(UsageError, match="is cancelled, not still with us"):
        orders.change(shop.app, action, "cancel", "Marta")
    shop.close()


def test_what_it_does_not_give_back_any_more_stays_accepted(tmp_path: Path) -> None:
    shop, action = accepted(tmp_path, "late")

    with pytest.raises(UsageError, match="is accepted, not still with us; nothing was changed"):
        orders.change(shop.app, action, "cancel", "Marta")
    with shop.app.store.read() as connection:
        assert touchpoints.by_channel(connection) == [("thanks", "email", 1)]
    shop.close()


def test_a_service_that_cannot_be_asked_is_said(tmp_path: Path) -> None:
    shop, action = accepted(tmp_path, "away")

    with pytest.raises(DeliveryError):
        orders.change(shop.app, action, "cancel", "Marta")
    assert len(inquiry.actions(shop.app, "accepted")) == 1
    shop.close()


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


@pytest.mark.any_store
def test_a_customers_facts_and_purchases(shop: Shop) -> None:
    shop.customer()
    shop.sale("2026-02-01", "49.90", id="S1")
    shop.sale("2026-02-05", "-49.90", id="S2", reverses="S1")

    told = inquiry.customer(shop.app, "C1")

    assert told["facts"]["city"] == "Forlì"
    assert told["purchases"] == [("2026-02-01", "49.90 EUR", "S1"), ("2026-02-05", "-49.90 EUR", "reverses S1")]
    assert told["permissions"] == ["2026-01-01: yes to any by any"]


def scored_twice(shop: Shop) -> Shop:
    """A customer among others, scored in the autumn and in March after a big purchase in February."""
    for number in range(1, 7):
        shop.customer(f"C{number}")
        shop.sale(f"2025-0{number}-03", "50.00", f"C{number}")
        shop.sale(f"2025-0{number + 2}-03", "60.00", f"C{number}")
    shop.at("2025-10-01T10:00").app.score()
    shop.sale("2026-02-03", "900.00")
    shop.at("2026-03-02T11:00").app.score()
    return shop


def test_a_score_is_shown_as_it_was_known_then(shop: Shop) -> None:
    scored_twice(shop)

    def score_of(instant: datetime | None) -> dict[str, object]:
        found: dict[str, object] = inquiry.customer(shop.app, "C1", instant)["score"]
        return found

    now, then = score_of(None), score_of(datetime(2025, 12, 1, tzinfo=UTC))
    assert (now["customer"], now["frequency"], then["frequency"]) == ("C1", 2, 1)
    assert (now["scored_at"], then["scored_at"]) == (
        datetime(2026, 3, 2, 11, tzinfo=UTC),
        datetime(2025, 10, 1, 10, tzinfo=UTC),
    )
    assert now["clv_minor"] != then["clv_minor"]
    assert score_of(datetime(2025, 10, 1, 10, tzinfo=UTC)) == then
    assert score_of(datetime(2026, 3, 2, 10, 59, tzinfo=UTC)) == then
    again = score_of(datetime(2026, 3, 2, 11, tzinfo=UTC))
    for name in ("frequency", "monetary_minor", "clv_minor", "clv_low_minor", "clv_high_minor", "tier"):
        assert again[name] == now[name]


def test_before_the_first_scoring_nothing_was_known(shop: Shop) -> None:
    scored_twice(shop)
    shop.customer("C9")

    assert inquiry.customer(shop.app, "C1", datetime(2025, 9, 30, tzinfo=UTC))["score"] is None
    assert inquiry.customer(shop.app, "C9")["score"] is None
    assert inquiry.customer(shop.app, "C9", datetime(2026, 3, 3, tzinfo=UTC))["score"] is None


def test_who_has_no_purchase_left_has_no_score_but_had_one(shop: Shop) -> None:
    scored_twice(shop)
    shop.ingest(
        "transactions",
        [{"id": f"R{row}", "customer": "C1", "date": "2026-03-02", "amount": f"-{amount}"}
         for row, amount in enumerate(("50.00", "60.00", "900.00"))],
    )  # fmt: skip
    shop.at("2026-03-04T11:00").app.score()

    assert inquiry.customer(shop.app, "C1")["score"] is None
    then = inquiry.customer(shop.app, "C1", datetime(2026, 3, 3, tzinfo=UTC))["score"]
    assert then["frequency"] == 2


def test_people_and_programs_ask_for_the_score_of_a_day(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    scored_twice(shop).close()

    def said(*words: str) -> str:
        capsys.readouterr()
        assert run(["customers", "show", "C1", *words, "-w", str(shop.folder)]) == 0
        return capsys.readouterr().out

    assert "scored 2026-03-02 12:00: tier " in said()  # on the clocks of Rome
    assert "four times out of five" in said()
    assert "scored 2025-10-01 12:00: tier " in said("--as-of", "2025-10-01")
    assert "no score is kept from 2025-09-30 or before" in said("--as-of", "2025-09-30")
    assert "900.00 EUR" in said("--as-of", "2025-10-01")  # what was bought is shown whole
    assert json.loads(said("--as-of", "2026-01-01", "--json"))["score"]["frequency"] == 1
    assert json.loads(said("--as-of", "2025-01-01", "--json"))["score"] is None
    capsys.readouterr()
    assert run(["customers", "show", "C1", "--as-of", "soon", "-w", str(shop.folder)]) == 2
    assert capsys.readouterr().err.startswith("--as-of: 'soon' is not a day")


def test_explain_names_the_customer_of_the_score(shop: Shop) -> None:
    assert inquiry.explain(scored_twice(shop).app, "C1", None)["score"]["customer"] == "C1"
