"""Events: stored once, and found again by whom they happened to, and when."""

from __future__ import annotations

from engine.core.facts import Event
from engine.store import events
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, happened


def fact(key: str, kind: str = "quote.sent", days: int = 0) -> Event:
    return Event(
        customer="", kind=kind, ext_key=key, occurred_at=NOON + days * DAY, payload={"amount": 12.5, "it": "è"}
    )


def test_an_event_is_stored_once_for_each_source(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        assert events.add(connection, "shop", [(key, fact("1")), (key, fact("2")), (key, fact("1"))], NOON) == 2
        assert events.add(connection, "shop", [(key, fact("2")), (key, fact("3"))], NOON) == 1
        assert events.add(connection, "till", [(key, fact("1"))], NOON) == 1
        assert events.add(connection, "till", [], NOON) == 0
        found = events.of_customer(connection, key)
    assert [(one.source, one.facts.ext_key) for one in found] == [
        ("shop", "1"),
        ("shop", "2"),
        ("shop", "3"),
        ("till", "1"),
    ]
    assert found[0].facts == fact("1")


class TestFirstSince:
    def test_the_first_of_these_kinds_from_an_instant_on(self, store: Store) -> None:
        with store.write() as connection:
            for days, kind in (
                (3, "quote.accepted"),
                (1, "quote.accepted"),
                (2, "complaint.opened"),
                (0, "quote.sent"),
            ):
                happened(connection, kind, at=NOON + days * DAY)
            happened(connection, "quote.accepted", "C2", at=NOON)
            key, kinds = customer(connection), ("quote.accepted", "complaint.opened")

            def first(days: float) -> str:
                found = events.since(connection, [key], kinds, NOON + days * DAY).get(key)
                return f"{found[0].facts.kind} {(found[0].facts.occurred_at - NOON).days}" if found else ""

            assert first(0) == first(1) == "quote.accepted 1"
            assert first(1.5) == "complaint.opened 2"
            assert first(4) == ""
            assert events.since(connection, [key], (), NOON) == {}


def test_what_happened_later_is_left_out(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        for days in range(3):
            happened(connection, "quote.sent", at=NOON + days * DAY)

        def then(days: int) -> int:
            return len(events.of_customer(connection, key, NOON + days * DAY))

        assert [then(days) for days in (-1, 0, 1, 9)] == [0, 1, 2, 3]
