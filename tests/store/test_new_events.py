"""New events: decided on once, in the order in which they came."""

from __future__ import annotations

from engine.core.facts import Event
from engine.store import events, new_events
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, happened


def fact(key: str, days: int = 0) -> Event:
    return Event(
        customer="", kind="quote.sent", ext_key=key, occurred_at=NOON + days * DAY, payload={"amount": 12.5, "it": "è"}
    )


def test_they_wait_for_their_time_and_are_taken_in_the_order_of_their_coming(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        events.add(connection, "shop", [(key, fact("b", 1)), (key, fact("a")), (key, fact("c", 5))], NOON)

        def waiting(days: int, limit: int = 9) -> list[str]:
            return [one.ext_key for one in new_events.next_events(connection, NOON + days * DAY, limit)]

        assert waiting(0) == ["a"]
        assert waiting(1) == ["b", "a"]
        assert waiting(9, limit=2) == ["b", "a"]
        (first,) = new_events.next_events(connection, NOON + DAY, 1)
        assert (first.source, first.customer_id, first.kind) == ("shop", key, "quote.sent")
        assert (first.occurred_at, first.payload) == (NOON + DAY, {"amount": 12.5, "it": "è"})
        new_events.take_off(connection, [first.id])
        assert waiting(9) == ["a", "c"]


def test_what_was_known_is_not_new_again(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        events.add(connection, "shop", [(key, fact("a"))], NOON)
        new_events.take_off(connection, new_events.of_customer(connection, key))
        assert events.add(connection, "shop", [(key, fact("a")), (key, fact("b")), (key, fact("b"))], NOON) == 1
        assert [one.ext_key for one in new_events.next_events(connection, NOON, 9)] == ["b"]


def test_history_is_known_and_never_decided_on(store: Store) -> None:
    with store.write() as connection:
        for days in (-2, -1, 0):
            happened(connection, "quote.sent", at=NOON + days * DAY)
        assert new_events.take_off_history(connection, NOON) == 2
        assert new_events.take_off_history(connection, NOON) == 0
        assert [one.occurred_at for one in new_events.next_events(connection, NOON, 9)] == [NOON]


def test_at_an_instant_it_was_new_what_had_not_come_in(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        events.add(connection, "shop", [(key, fact("a")), (key, fact("b"))], NOON)
        events.add(connection, "shop", [(key, fact("c"))], NOON + DAY)
        events.add(connection, "shop", [(customer(connection, "C2"), fact("d"))], NOON)
        a, b, c = sorted(new_events.of_customer(connection, key))
        new_events.take_off(connection, [a, c])
        assert new_events.of_customer(connection, key) == {b}
        assert new_events.of_customer(connection, key, NOON) == {b, c}
        assert new_events.of_customer(connection, key, NOON + DAY) == {b}
