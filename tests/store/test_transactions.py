"""Transactions: stored once, never changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from engine.core.facts import Transaction
from engine.store import scores, transactions
from engine.store.session import Store
from tests.store.seed import DAY, NOON, add, customer, fact, read, sale


def test_a_transaction_is_stored_once_for_each_source(store: Store) -> None:
    with store.write() as connection:
        assert add(connection, "C1", fact("1"), fact("2"), fact("1", 7)) == 2
        assert add(connection, "C1", fact("1", 9), fact("3")) == 1
        assert add(connection, "C1", fact("1"), source="web") == 1
        assert add(connection, "C1", source="web") == 0
        assert transactions.count(connection) == 4
        assert transactions.by_keys(connection, "till", ["1", "3", "9"]).keys() == {"1", "3"}
        assert transactions.by_keys(connection, "till", ["1"])["1"].amount_minor == 1000  # the first word stands


def test_a_transaction_comes_back_as_it_was(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        add(connection, "C1", fact("R1", -(2**40), reverses="1", referral_code="ABC"))
        (found,) = transactions.of_customer(connection, key)
    assert (found.customer_id, found.ext_key, found.occurred_at) == (key, "R1", NOON)
    assert (found.amount_minor, found.currency, found.reverses, found.referral_code) == (-(2**40), "EUR", "1", "ABC")


def test_the_first_purchase_is_a_sale(store: Store) -> None:
    with store.write() as connection:
        sale(connection, "C1", -500, NOON - DAY)
        sale(connection, "C1", 500, NOON + DAY)
        sale(connection, "C1", 500, NOON)
        sale(connection, "C2", -500, NOON)
        one, two = customer(connection, "C1"), customer(connection, "C2")
        assert transactions.first_of(connection, [one, two]) == {one: NOON}
        assert transactions.first_of(connection, []) == {}


def test_a_transaction_has_the_day_that_the_shop_had(store: Store) -> None:
    with store.write() as connection:
        late = NOON + timedelta(hours=11, minutes=30)  # after midnight in Rome
        sale(connection, at=late)
        assert read(connection) == [("C1", 1, 1000, 0)]
        more = Transaction(customer="", ext_key="X", occurred_at=late, amount_minor=5, currency="EUR")
        transactions.add(connection, "till", [(customer(connection), more)], NOON, "America/New_York")
        assert read(connection) == [("C1", 0, 5, 0), ("C1", 1, 1000, 0)]


class TestTheDayOfTheSaleThatARefundNames:
    def test_is_known_when_the_sale_is_stored(self, store: Store) -> None:
        with store.write() as connection:
            add(connection, "C1", fact("A"), fact("B", days=1))
            add(connection, "C1", fact("R", -300, 5, reverses="B"))
            assert read(connection)[-1] == ("C1", 5, -300, 1)

    def test_is_known_when_both_come_together_in_any_order(self, store: Store) -> None:
        with store.write() as connection:
            add(connection, "C1", fact("R", -300, 5, reverses="B"), fact("B", days=1))
            assert read(connection)[-1] == ("C1", 5, -300, 1)

    def test_is_that_of_the_first_word(self, store: Store) -> None:
        with store.write() as connection:
            add(connection, "C1", fact("A", days=1))
            add(connection, "C1", fact("A", days=2), fact("R", -300, 5, reverses="A"))
            assert read(connection)[-1] == ("C1", 5, -300, 1)

    @pytest.mark.parametrize("reverses", [None, "X", "R0"])
    def test_is_none_without_a_sale(self, store: Store, reverses: str | None) -> None:
        with store.write() as connection:
            add(connection, "C1", fact("A"), fact("R0", -100, 1))
            add(connection, "C1", fact("R", -300, 5, **({"reverses": reverses} if reverses else {})))
            assert read(connection)[-1] == ("C1", 5, -300, 0)

    def test_is_none_for_a_sale_of_somebody_or_somewhere_else(self, store: Store) -> None:
        with store.write() as connection:
            add(connection, "C2", fact("A"))
            add(connection, "C1", fact("B"), source="web")
            add(connection, "C1", fact("R1", -1, 5, reverses="A"), fact("R2", -2, 6, reverses="B"))
            assert read(connection)[1:3] == [("C1", 5, -1, 0), ("C1", 6, -2, 0)]


def test_whoever_bought_is_to_be_scored_again(store: Store) -> None:
    with store.write() as connection:
        sale(connection, "C1", key="1")
        sale(connection, "C2", key="2")
        assert scores.dirty(connection) == 2
        scores.clean(connection, NOON, seen=transactions.newest(connection))
        assert scores.dirty(connection) == 0
        sale(connection, "C1", key="1")  # nothing new
        assert scores.dirty(connection) == 0


def test_the_newest_transaction_is_the_last_stored(store: Store) -> None:
    with store.write() as connection:
        assert transactions.newest(connection) == 0
        assert sale(connection, key="1") == transactions.newest(connection)
        last = sale(connection, key="2", at=NOON - 9 * DAY)
        sale(connection, key="1")
        assert transactions.newest(connection) == last


def test_any_number_of_keys_can_be_asked_for(narrow: Connection) -> None:
    sale(narrow)
    assert list(transactions.first_of(narrow, range(3000)).values()) == [NOON]
    refunds = [fact(f"R{number}", -1, 1, reverses=f"S{number}") for number in range(3000)]
    assert add(narrow, "C1", *refunds) == 3000
