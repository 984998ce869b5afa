"""Two workers that decide at once on one PostgreSQL: they share the events, and each is decided on once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import text

from engine.app import App, open_app
from engine.core.facts import Transaction
from engine.store import customers, new_events, transactions
from engine.store.session import Store, open_store
from tests.databases import STORES
from tests.process.daemons import until
from tests.shop import THANKS, Shop

DONE = "service_call.completed"
NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
ONCE = THANKS.replace("[[step]]", '[journey]\nagain_after = "P90D"\n\n[[step]]')
SWEEP = """
id = "looked_after"
title = "Look after them"
purpose = "relationship"
holdout = 0.0
[on]
sweep = "daily"
[[step]]
id = "mail"
channel = "email"
template = "email/delivery_checkin"
"""

pytestmark = [
    pytest.mark.parametrize("database", ["postgresql"], indirect=True),
    pytest.mark.skipif("postgresql" not in STORES, reason="no wheel of it here"),
]


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    made = Shop(tmp_path / "shop", rules={"thanks": ONCE, "looked_after": SWEEP}, database=database)
    yield made
    made.close()


@pytest.fixture
def another(shop: Shop) -> Iterator[Store]:
    """The same database, as another worker has it."""
    opened = open_store(shop.app.settings.store)
    yield opened
    opened.close()


def at_once(shop: Shop, ask: Callable[[App], Any], workers: int = 2) -> list[Any]:
    """What each of so many workers found, who began together, each with connections of its own."""
    together = Barrier(workers)

    def work(_: int) -> Any:
        app = open_app(shop.folder, lambda: NOW)
        try:
            together.wait()
            return ask(app)
        finally:
            app.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


def test_each_event_is_decided_on_once_and_each_customer_by_one(shop: Shop) -> None:
    people = [f"C{number}" for number in range(2, 8)]
    for ref in people:
        shop.customer(ref)
    happened = [
        {"id": f"E{number}", "customer": people[number % 6], "kind": DONE, "date": "2026-03-02T09:00:00+01:00"}
        for number in range(1500)
    ]
    shop.ingest("events", happened)
    done = at_once(shop, lambda app: app.decide())

    assert sum(one.events for one in done) == 1500
    assert {ref: sorted(shop.outcomes(ref, "thanks")) for ref in people} == {
        ref: ["act"] + ["refused"] * 249 for ref in people
    }
    assert {ref: shop.outcomes(ref, "looked_after") for ref in people} == {ref: ["act"] for ref in people}
    assert len(shop.actions()) == 12
    with shop.app.store.read() as connection:
        assert connection.execute(text("SELECT sum(number) FROM tally")).scalar() == 1506


def test_whom_another_holds_is_left_to_it_with_all_that_happened_to_them(shop: Shop, another: Store) -> None:
    for ref in ("C2", "C3"):
        shop.customer(ref)
        for hour in ("09", "10"):
            shop.event(DONE, f"2026-03-02T{hour}:00:00+01:00", ref)
    with another.write() as first, shop.app.store.write() as second:
        keys = customers.ids_of(first, ["C2", "C3"])
        customers.hold(first, [keys["C2"]])
        assert [one.customer_id for one in new_events.next_events(second, NOW, 2)] == [keys["C3"]] * 2


def test_who_finds_nothing_but_what_others_hold_waits_for_them(shop: Shop, another: Store) -> None:
    shop.customer("C2")
    shop.event(DONE, "2026-03-02T09:00:00+01:00", "C2")
    asked = Event()

    def waits(store: Store) -> int:
        with store.write() as connection:
            asked.set()
            return len(new_events.next_events(connection, NOW, 10))

    with ThreadPoolExecutor(1) as pool:
        with another.write() as connection:
            (held,) = new_events.next_events(connection, NOW, 10)
            later = pool.submit(waits, shop.app.store)
            asked.wait()
            new_events.take_off(connection, [held.id])
        assert later.result(timeout=120) == 0


def test_a_sale_that_is_written_behind_a_newer_one_is_found(shop: Shop, another: Store) -> None:
    shop.rule("thanks", THANKS.replace("[[step]]", '[journey]\nstop_on = ["purchase"]\n\n[[step]]'))
    for ref in ("C2", "C3"):
        shop.customer(ref)
    shop.event(DONE, "2026-03-02T09:00:00+01:00", "C2")
    app = shop.app
    app.decide()
    with ThreadPoolExecutor(1) as pool:
        with another.write() as connection:
            sale = Transaction(customer="C2", ext_key="slow", occurred_at=NOW, amount_minor=1200, currency="EUR")
            who = customers.ids_of(connection, ["C2"])["C2"]
            transactions.add(connection, "till", [(who, sale)], NOW, "Europe/Rome")
            shop.sale("2026-03-02T11:30:00+01:00", "5.00", "C3")
            later = pool.submit(app.decide)
            until(lambda: later.done() or somebody_waits(shop))
        stopped = later.result(timeout=120).stopped

    assert stopped + app.decide().stopped == 1


def somebody_waits(shop: Shop) -> bool:
    """Whether anybody waits for the end of what others append to the log."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with shop.app.store.read() as connection:
        return bool(connection.execute(text(waiting)).scalar_one())
