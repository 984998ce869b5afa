"""What score reads: all that was stored, as arrays, from the index alone."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from engine.core.facts import Transaction
from engine.store import purchases, transactions
from engine.store.purchases import NO_COST, Booked
from engine.store.session import Store
from tests.store.seed import DAY, NOON, TODAY, add, customer, fact, read, sale

Row = tuple[int, int, int, int, int]


def everything(connection: Connection, through: int = 99, pieces: int = 3) -> Booked:
    """Read as score reads it, a piece after the other."""
    newest = transactions.newest(connection)
    spans = purchases.spans(connection, pieces)
    found = (purchases.between(connection, "EUR", TODAY + through, keys, newest) for keys in spans)
    return purchases.joined(list(chain.from_iterable(found)))


def theirs(connection: Connection, keys: Collection[int], through: int = 0) -> Booked:
    """Of some customers, as score reads it."""
    return purchases.of_customers(connection, "EUR", TODAY + through, keys, transactions.newest(connection))


def rows(found: Booked) -> list[Row]:
    cost = [NO_COST] * len(found) if found.cost_minor is None else found.cost_minor.tolist()
    sold = [0] * len(found) if found.sale_day is None else found.sale_day.tolist()
    columns = (found.customer_id.tolist(), found.day.tolist(), found.amount_minor.tolist(), cost, sold)
    return sorted(zip(*columns, strict=True))


def test_an_empty_store(store: Store) -> None:
    with store.read() as connection:
        assert purchases.spans(connection, 4) == []
        assert rows(everything(connection)) == []
        assert rows(theirs(connection, [])) == []


def test_only_these_customers_and_only_up_to_a_day(store: Store) -> None:
    with store.write() as connection:
        for ref, days in (("C2", 1), ("C1", 3), ("C2", 0), ("C1", 2)):
            sale(connection, ref, at=NOON + days * DAY)
        first, second = [("C1", 2, 1000, 0), ("C1", 3, 1000, 0)], [("C2", 0, 1000, 0), ("C2", 1, 1000, 0)]
        assert read(connection) == [*first, *second]
        assert read(connection, through=2) == [first[0], *second]
        assert read(connection, refs=["C1"]) == first
        assert read(connection, refs=[]) == []
        assert len(everything(connection, through=2)) == 3


def test_the_plain_rows_of_most_shops_are_read_without_more(store: Store) -> None:
    with store.write() as connection:
        sale(connection, "C1", key="1")
        sale(connection, "C2", -500, key="2")
        found = everything(connection)
    assert (found.cost_minor, found.sale_day, found.foreign) == (None, None, 0)
    assert sorted(found.amount_minor.tolist()) == [-500, 1000]


def test_what_a_sale_cost_is_told_where_it_is_known(store: Store) -> None:
    with store.write() as connection:
        sale(connection, "C1", key="0")
        sale(connection, "C2", key="1", cost_minor=400)
        sale(connection, "C2", key="2", at=NOON + DAY)
        sale(connection, "C2", key="3", at=NOON + 2 * DAY, cost_minor=0)
        sale(connection, "C3", key="4")
        costs = [row[3] for row in rows(everything(connection))]
        assert costs == [row[3] for row in rows(everything(connection, pieces=1))]
    assert costs == [NO_COST, 400, NO_COST, 0, NO_COST]


def test_other_currencies_are_left_out_and_counted(store: Store) -> None:
    with store.write() as connection:
        sale(connection, "C1", key="1")
        for number, currency in enumerate(("USD", "AUD", "JPY"), 2):
            at = NOON + number * DAY
            other = Transaction(customer="", ext_key=str(number), occurred_at=at, amount_minor=5, currency=currency)
            add(connection, f"C{number}", other)
        assert read(connection) == [("C1", 0, 1000, 0)]
        assert [everything(connection, days).foreign for days in (1, 2, 3, 9)] == [0, 1, 2, 3]
        assert len(everything(connection)) == 1
        assert len(purchases.joined(list(purchases.between(connection, "USD", TODAY + 9, range(1, 9), 99)))) == 1


def test_what_was_stored_after_the_newest_does_not_count(store: Store) -> None:
    with store.write() as connection:
        sale(connection, "C1", key="1")
        newest = transactions.newest(connection)
        sale(connection, "C1", 7, key="2")
        (keys,) = purchases.spans(connection, 1)
        (found,) = purchases.between(connection, "EUR", TODAY, keys, newest)
        assert len(found) == 1
        assert len(purchases.of_customers(connection, "EUR", TODAY, keys, newest)) == 1


LOGS = st.lists(
    st.tuples(st.sampled_from(["C1", "C2", "C3"]), st.integers(-5, 5), st.integers(-(2**45), 2**45)), max_size=12
)


@settings(deadline=None, max_examples=30)
@given(LOGS, st.integers(-5, 5), st.integers(1, 4))
def test_score_reads_all_that_was_stored(
    sandbox: Store, log: list[tuple[str, int, int]], through: int, pieces: int
) -> None:
    with sandbox.read() as connection:
        keys = {ref: customer(connection, ref) for ref in ("C1", "C2", "C3")}
        for number, (ref, days, amount) in enumerate(log):
            add(connection, ref, fact(str(number), amount, days))
        wanted = sorted((keys[ref], TODAY + days, amount, NO_COST, 0) for ref, days, amount in log if days <= through)
        assert rows(everything(connection, through, pieces)) == wanted
        assert rows(theirs(connection, keys.values(), through)) == wanted


SHOPS = st.lists(
    st.tuples(
        st.sampled_from(["C1", "C2", "C3"]),
        st.integers(0, 3),
        st.integers(-300, 300),
        st.none() | st.integers(0, 300),
        st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
        st.none() | st.integers(0, 9),
    ),
    max_size=10,
)


@settings(deadline=None, max_examples=30)
@given(SHOPS, st.integers(1, 3))
def test_what_is_read_is_what_a_plain_question_gives(
    sandbox: Store, shop: list[tuple[str, int, int, int | None, str, int | None]], pieces: int
) -> None:
    """Refunds that name their sale, nothing paid, several a day, costs, other currencies."""
    asked = (
        "SELECT customer_id, day, amount_minor, coalesce(cost_minor, :none), sale_day FROM txn WHERE currency = 'EUR'"
    )
    with sandbox.read() as connection:
        keys = {ref: customer(connection, ref) for ref in ("C1", "C2", "C3")}
        for number, (ref, days, amount, cost, currency, sold) in enumerate(shop):
            one = Transaction(
                customer=ref,
                ext_key=str(number),
                occurred_at=NOON + days * DAY,
                amount_minor=amount,
                currency=currency,
                cost_minor=cost,
                reverses=None if sold is None else str(sold),
            )
            add(connection, ref, one)
        wanted = sorted(tuple(row) for row in connection.execute(text(asked), {"none": NO_COST}))
        others = sum(row[4] != "EUR" for row in shop)
        for found in (
            everything(connection, 9, pieces),
            theirs(connection, keys.values(), 9),
        ):
            assert rows(found) == wanted
            assert found.foreign == others


def test_keys_may_lie_far_apart(store: Store) -> None:
    keys = [99, 2**31 + 5, 2**40 - 1, 2**40, 2**61]
    with store.write() as connection:
        for number, key in enumerate(keys):
            customer(connection, f"C{number}")
            connection.execute(
                text("UPDATE customer SET id = :key WHERE ref = :ref"), {"key": key, "ref": f"C{number}"}
            )
            sale(connection, f"C{number}", number + 1)
        found = theirs(connection, [*reversed(keys)])
        assert [row[:3] for row in rows(found)] == [(key, TODAY, number) for number, key in enumerate(keys, 1)]
        last = list(purchases.between(connection, "EUR", TODAY, range(keys[-1] - 25_000, keys[-1] + 1), 99))
        assert [row[:3] for row in rows(purchases.joined(last))] == [(keys[-1], TODAY, 5)]


@pytest.mark.parametrize("customers", [1, 2])
def test_few_customers_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch, customers: int) -> None:
    monkeypatch.setattr(purchases, "_CUSTOMERS", customers)
    with store.write() as connection:
        for number in range(5):
            sale(connection, f"C{number}", number + 1)
        assert [row[2] for row in rows(everything(connection))] == [1, 2, 3, 4, 5]


def test_score_reads_from_the_index_alone(sandbox: Store) -> None:
    """Over millions of rows it is what makes the difference."""
    with sandbox.read() as connection:

        def plan(question: str) -> str:
            return " ".join(str(row[3]) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {question}")))

        txn = purchases._TXN.c
        for whole in (False, True):
            query = purchases._query(connection, "EUR", 1, whole=whole)
            some = query.where(txn.day <= 1, txn.id <= 9, txn.customer_id.between(1, 2))
            said = plan(str(some.compile(connection, compile_kwargs={"literal_binds": True})))
            assert said == "SEARCH txn USING COVERING INDEX txn_history (customer_id>? AND customer_id<?)"
        assert "INDEX txn_history (customer_id=?)" in plan("SELECT min(occurred_at) FROM txn WHERE customer_id = 1")


def test_any_number_of_keys_can_be_asked_for(narrow: Connection) -> None:
    sale(narrow)
    assert len(theirs(narrow, range(3000))) == 1
