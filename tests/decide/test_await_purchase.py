"""Steps that wait for a purchase: through the front door, in every order, on both stores, in a backtest too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from engine.backtest import request
from engine.backtest.run import backtest
from engine.store import leases, waits
from tests.shop import Shop

DONE = "service_call.completed"
FOLLOW = """
id = "follow"
title = "Thank those who buy after a service call"
purpose = "relationship"
holdout = 0.0
[on]
event = "service_call.completed"
[[step]]
id = "thanks"
channel = "email"
template = "email/bought"
await = "purchase"
within = "P14D"
when = "event.amount >= 50.0"
after = "PT2H"
"""
WORDS = {
    "html": "<p>{{ event.amount | money(event.currency) }} {{ event.occurred_on }}</p>\n",
    "txt": "Subject: Grazie\n\n{{ event.amount | money(event.currency) }}, {{ event.occurred_on }}\n",
}


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    """A boiler was serviced at nine on 2 March, Rome's time; decide has heard of it."""
    made = open_shop(tmp_path / "shop", database)
    made.customer()
    made.event(DONE, "2026-03-02T09:00:00+01:00")
    made.round()
    assert step(made) == ("waiting", "waits for purchase until 2026-03-16")
    yield made
    made.close()


def open_shop(folder: Path, database: str = "") -> Shop:
    made = Shop(folder, rules={"follow": FOLLOW}, database=database)
    for kind, text in WORDS.items():
        (folder / "templates" / "email" / f"bought.it.{kind}.j2").write_text(text, encoding="utf-8")
    return made


def step(shop: Shop) -> tuple[str, str]:
    (found,) = shop.actions()
    return found["state"], found["reason"]


@pytest.mark.any_store
def test_the_sale_lets_it_go_and_after_counts_from_it(shop: Shop) -> None:
    shop.sale("2026-03-05T10:00:00+01:00", "80.50")
    summary = shop.at("2026-03-05T09:30").app.decide()

    assert (summary.awaited, summary.given_up) == (1, 0)
    assert step(shop) == ("planned", "purchase came on 2026-03-05")
    (row,) = shop.actions()
    assert row["due_at"] == datetime(2026, 3, 5, 11, tzinfo=UTC)
    shop.at("2026-03-05T11:01").round()
    assert step(shop)[0] == "delivered"
    (mail,) = shop.mails()
    said = message_from_bytes(mail.read_bytes(), policy=default).get_body(("plain",))
    assert said is not None
    assert said.get_content().split() == ["80,50", "€,", "2026-03-05"]
    assert shop.app.decide().awaited == 0
    shop.app.schedule()
    (decision,) = shop.decisions()
    assert decision["exit_reason"] == "all steps done"


@pytest.mark.any_store
def test_a_sale_that_was_there_before_the_event_was_heard_of_counts(tmp_path: Path, database: str) -> None:
    shop = open_shop(tmp_path / "late", database)
    shop.customer()
    shop.sale("2026-03-02T10:00:00+01:00", "60.00")
    shop.round()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    assert shop.app.decide().awaited == 1
    assert step(shop) == ("planned", "purchase came on 2026-03-02")
    shop.close()


def test_the_first_sale_decides(shop: Shop) -> None:
    shop.ingest(
        "transactions",
        [
            {"id": "2", "customer": "C1", "date": "2026-03-05T10:00:00+01:00", "amount": "80.00"},
            {"id": "1", "customer": "C1", "date": "2026-03-04T10:00:00+01:00", "amount": "20.00"},
        ],
    )
    shop.at("2026-03-05T11:00").round()
    why = "purchase came on 2026-03-04, but event.amount >= 50.0 is false: event.amount is 20.0"
    assert step(shop) == ("cancelled", why)


def test_what_was_paid_in_another_currency_has_no_amount(shop: Shop) -> None:
    shop.sale("2026-03-04T10:00:00+01:00", "80.00", currency="CHF")
    shop.at("2026-03-05T11:00").round()
    assert step(shop) == (
        "cancelled",
        "purchase came on 2026-03-04, but event.amount >= 50.0 is false: event.amount is unknown",
    )


@pytest.mark.parametrize(
    ("at", "amount", "who"),
    [
        ("2026-03-02T09:00:00+01:00", "80.00", "C1"),
        ("2026-03-01T09:00:00+01:00", "80.00", "C1"),
        ("2026-03-04T09:00:00+01:00", "-80.00", "C1"),
        ("2026-03-04T09:00:00+01:00", "80.00", "C2"),
        ("2026-03-16T09:01:00+01:00", "80.00", "C1"),
    ],
    ids=["of that instant", "before", "a refund", "of another", "too late"],
)
def test_what_is_not_meant_lets_nothing_go(shop: Shop, at: str, amount: str, who: str) -> None:
    if who == "C2":
        shop.customer("C2")
    shop.sale(at, amount, who)
    assert shop.at("2026-03-04T11:00").app.decide().awaited == 0
    assert step(shop)[0] == "waiting"
    shop.at("2026-03-16T08:02").round()
    assert step(shop) == ("expired", "no purchase came within P14D")


@pytest.mark.any_store
def test_a_sale_taken_in_when_the_time_is_over_still_counts_before_it_is_given_up(shop: Shop) -> None:
    shop.sale("2026-03-15T10:00:00+01:00", "80.00")
    with shop.app.store.write() as connection:  # as if another process had gone through it meanwhile
        leases.set_mark(connection, "purchases", "99", shop.app.clock())
    assert shop.at("2026-03-17T08:00").app.decide().awaited == 1
    assert step(shop)[0] == "planned"


def test_a_journey_keeps_to_its_own_version(shop: Shop) -> None:
    shop.rule("follow", FOLLOW.replace('await = "purchase"\nwithin = "P14D"\nwhen = "event.amount >= 50.0"\n', ""))
    shop.sale("2026-03-05T10:00:00+01:00", "80.00")
    shop.at("2026-03-05T09:30").app.decide()
    assert step(shop) == ("planned", "purchase came on 2026-03-05")


def test_a_run_that_breaks_off_is_made_good_by_the_next(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits goes on first, and then it is noted how far the sales were gone through."""
    shop.customer("C2")
    shop.event(DONE, "2026-03-02T09:30:00+01:00", "C2")
    shop.app.decide()
    for ref in ("C1", "C2"):
        shop.sale("2026-03-02T10:45:00+01:00", "80.00", ref)
    whole, calls = waits.settle, []

    def once(*given: Any) -> int:
        calls.append(given)
        if len(calls) == 2:
            raise BrokenPipeError
        return whole(*given)

    monkeypatch.setattr("engine.decide.stage.on_purchases.PAGE", 1)
    monkeypatch.setattr(waits, "settle", once)
    with pytest.raises(BrokenPipeError):
        shop.app.decide()
    assert sorted(row["state"] for row in shop.actions()) == ["planned", "waiting"]
    assert [shop.app.decide().awaited, shop.app.decide().awaited] == [1, 0]
    assert {row["state"] for row in shop.actions()} == {"planned"}


def test_whoever_may_not_be_written_to_any_more_is_not(shop: Shop) -> None:
    no = {"customer": "C1", "purpose": "any", "channel": "any", "given": "no", "date": "2026-03-03"}
    shop.ingest("consents", [no])
    shop.sale("2026-03-05T10:00:00+01:00", "80.00")
    shop.at("2026-03-05T09:30").app.decide()
    assert step(shop)[0] == "suppressed"


def test_a_backtest_replays_it(shop: Shop) -> None:
    shop.sale("2026-03-05T10:00:00+01:00", "80.00")
    shop.at("2026-03-05T11:01").round()
    shop.at("2026-04-02T11:00")
    found = backtest(
        shop.app, request.rule_of(shop.app, "follow"), request.period(shop.app, "2026-03-01", "2026-03-31")
    )
    (row,) = found.rows
    assert (str(row.outcome), row.at) == ("sent", datetime(2026, 3, 5, 11, tzinfo=UTC))
