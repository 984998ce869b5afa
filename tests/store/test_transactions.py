"""Transactions: stored once, never changed, added up exactly."""

from __future__ import annotations

from sqlalchemy import Connection

from engine.core.facts import Transaction
from engine.store import scores, transactions
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, sale


def fact(key: str, amount: int = 1000, days: int = 0, **more: str) -> Transaction:
    return Transaction(
        customer="", ext_key=key, occurred_at=NOON + days * DAY, amount_minor=amount, currency="EUR", **more  # type: ignore[arg-type] # texts
    )  # fmt: skip


def test_a_transaction_is_stored_once_for_each_source(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        assert (
            transactions.add(connection, "till", [(key, fact("1")), (key, fact("2")), (key, fact("1", 7))], NOON) == 2
        )
        assert transactions.add(connection, "till", [(key, fact("1", 9)), (key, fact("3"))], NOON) == 1
        assert transactions.add(connection, "web", [(key, fact("1"))], NOON) == 1
        assert transactions.add(connection, "web", [], NOON) == 0
        assert transactions.count(connection) == 4
        assert transactions.known_keys(connection, "till", ["1", "3", "9"]) == {"1", "3"}
        assert transactions.by_keys(connection, "till", ["1"])["1"].amount_minor == 1000  # the first word stands


def test_a_transaction_comes_back_as_it_was(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        sold = fact("R1", -(2**40), reverses="1", referral_code="ABC")
        transactions.add(connection, "till", [(key, sold)], NOON)
        (found,) = transactions.of_customer(connection, key)
    assert (found.customer_id, found.ext_key, found.occurred_at) == (key, "R1", NOON)
    assert (found.amount_minor, found.currency, found.reverses, found.referral_code) == (-(2**40), "EUR", "1", "ABC")


def test_the_history_is_by_customer_and_time(store: Store) -> None:
    with store.write() as connection:
        for ref, days in (("C2", 1), ("C1", 3), ("C2", 0), ("C1", 2)):
            sale(connection, ref, at=NOON + days * DAY)
        names = {customer(connection, ref): ref for ref in ("C1", "C2")}
        found = [
            (names[row.customer_id], (row.occurred_at - NOON).days)
            for row in transactions.history(connection, NOON + 3 * DAY)
        ]
    by_customer = [[one for one in found if one[0] == ref] for ref in ("C1", "C2")]
    assert by_customer == [[("C1", 2)], [("C2", 0), ("C2", 1)]]  # the third day itself is not before it
    assert found == by_customer[1] + by_customer[0]  # C2 came first


def test_what_was_given_back_is_added_up(store: Store) -> None:
    with store.write() as connection:
        sale(connection, amount=1000, key="A")
        sale(connection, amount=-300, key="B", reverses="A")
        sale(connection, amount=-(2**40), key="C", reverses="A")
        sale(connection, amount=-5, key="D", reverses="X")
        found = transactions.reversing(connection, "till", ["A", "Z"])
        assert found == {"A": 2**40 + 300}
        assert type(found["A"]) is int
        assert transactions.reversing(connection, "web", ["A"]) == {}


def test_the_first_purchase_is_a_sale(store: Store) -> None:
    with store.write() as connection:
        sale(connection, "C1", -500, NOON - DAY)
        sale(connection, "C1", 500, NOON + DAY)
        sale(connection, "C1", 500, NOON)
        sale(connection, "C2", -500, NOON)
        one, two = customer(connection, "C1"), customer(connection, "C2")
        assert transactions.first_of(connection, [one, two]) == {one: NOON}
        assert transactions.first_of(connection, []) == {}


def test_whoever_bought_is_to_be_scored_again(store: Store) -> None:
    with store.write() as connection:
        sale(connection, "C1", key="1")
        sale(connection, "C2", key="2")
        assert scores.dirty(connection) == 2
        scores.clean(connection, NOON)
        assert scores.dirty(connection) == 0
        sale(connection, "C1", key="1")  # nothing new
        assert scores.dirty(connection) == 0


def test_what_came_while_scores_were_made_is_not_forgotten(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        transactions.add(connection, "till", [(key, fact("1"))], NOON)
        transactions.add(connection, "till", [(key, fact("2"))], NOON + 2 * DAY)  # scoring began the day before
        scores.clean(connection, NOON + DAY)
        assert scores.dirty(connection) == 1


def test_any_number_of_keys_can_be_asked_for(narrow: Connection) -> None:
    sale(narrow)
    assert list(transactions.first_of(narrow, range(3000)).values()) == [NOON]
