"""What customers did last, and who did something since."""

from __future__ import annotations

from datetime import timedelta

from engine.store import customers, latest
from engine.store.latest import Newest
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, happened, sale

DONE = "service_call.completed"


def test_the_last_event_of_a_kind_of_each(store: Store) -> None:
    with store.write() as connection:
        ada, eva = customer(connection, "C1"), customer(connection, "C2")
        for days, what in ((-5, "old"), (-1, "new"), (1, "ahead")):
            happened(connection, DONE, "C1", NOON + days * DAY, what=what)
        happened(connection, "quote.sent", "C2")
        happened(connection, DONE, "C3")

        found = latest.last_events(connection, DONE, [ada, eva], NOON)
        assert {key: one.facts.payload for key, one in found.items()} == {ada: {"what": "new"}}
        assert latest.last_events(connection, DONE, [], NOON) == {}


def test_purchases_up_to_a_day_of_the_shop(store: Store) -> None:
    today = NOON.date()
    with store.write() as connection:
        ada, eva = customer(connection, "C1"), customer(connection, "C2")
        for days, amount in ((-9, 100), (-9, 200), (-4, 0), (-2, -100), (3, 500)):
            sale(connection, "C1", amount, NOON + days * DAY)
        sale(connection, "C2", -100, NOON - DAY)

        found = latest.purchase_days(connection, [ada, eva], today)
        assert found == {ada: [(today - 9 * DAY).toordinal(), (today - 4 * DAY).toordinal()]}
        assert latest.last_purchases(connection, [ada, eva], today) == {ada: NOON - 4 * DAY}
        assert latest.last_purchases(connection, [ada], today + 3 * DAY) == {ada: NOON + 3 * DAY}


def test_who_changed_bought_or_had_an_event_since(store: Store) -> None:
    with store.write() as connection:
        keys = [customer(connection, f"C{number}") for number in range(4)]
        assert latest.newest(connection) == Newest()
        sale(connection, "C0")
        happened(connection, DONE, "C0")
        before = latest.newest(connection)
        assert before.event > 0
        assert before.txn > 0

        def touched(kind: str = "", beyond: Newest = before, limit: int = 9) -> list[int]:
            return sorted(latest.touched(connection, NOON, beyond, kind=kind, limit=limit))

        assert touched() == touched(DONE) == []
        assert touched(beyond=Newest()) == touched(DONE, Newest()) == keys[:1]
        customers.save(connection, [("C1", {"city": "Forlì"})], NOON + timedelta(seconds=1))
        sale(connection, "C2")
        happened(connection, DONE, "C3")
        happened(connection, "quote.sent", "C0")
        assert touched() == [keys[1], keys[2]]
        assert touched(DONE) == [keys[1], keys[3]]
        assert len(touched(DONE, limit=1)) == 1
