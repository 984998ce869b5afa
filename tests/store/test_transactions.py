"""Transactions: stored once, never changed, read by score in the order and the shape that it needs."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from engine.core.facts import Transaction
from engine.store import scores, transactions
from engine.store.session import Store
from engine.store.transactions import NO_COST
from tests.store.seed import DAY, NOON, ROME, customer, sale

TODAY = date(2026, 3, 2).toordinal()
"""The day of NOON."""


def fact(key: str, amount: int = 1000, days: int = 0, **more: str) -> Transaction:
    return Transaction(
        customer="", ext_key=key, occurred_at=NOON + days * DAY, amount_minor=amount, currency="EUR", **more  # type: ignore[arg-type] # texts
    )  # fmt: skip


def add(connection: Connection, ref: str, *facts: Transaction, source: str = "till") -> int:
    key = customer(connection, ref)
    return transactions.add(connection, source, [(key, one) for one in facts], NOON, ROME)


def read(connection: Connection, through: int = 99, refs: list[str] | None = None) -> list[tuple[str, int, int, int]]:
    """What score reads: customer, day and the day of the sale that a refund names, counted from today, and amount."""
    names = {customer(connection, ref): ref for ref in ("C1", "C2", "C3")}
    keys = None if refs is None else [key for key, ref in names.items() if ref in refs]
    found = [row for some in transactions.purchases(connection, "EUR", TODAY + through, keys) for row in some]
    assert all(type(row) is tuple for row in found)  # the driver's own: nothing is made for each row
    return [(names[who], day - TODAY, amount, sold and sold - TODAY) for who, day, amount, _, sold in found]


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


def test_score_reads_by_customer_and_day(store: Store) -> None:
    with store.write() as connection:
        for ref, days in (("C2", 1), ("C1", 3), ("C2", 0), ("C1", 2)):
            sale(connection, ref, at=NOON + days * DAY)
        first, second = [("C2", 0, 1000, 0), ("C2", 1, 1000, 0)], [("C1", 2, 1000, 0), ("C1", 3, 1000, 0)]
        assert read(connection) == [*first, *second]  # C2 came first
        assert read(connection, through=2) == [*first, second[0]]
        assert read(connection, refs=["C1"]) == second
        assert read(connection, refs=[]) == []


def test_what_a_sale_cost_is_told_where_it_is_known(store: Store) -> None:
    with store.write() as connection:
        sale(connection, key="1", cost_minor=400)
        sale(connection, key="2", at=NOON + DAY)
        sale(connection, key="3", at=NOON + 2 * DAY, cost_minor=0)
        costs = [row[3] for some in transactions.purchases(connection, "EUR", TODAY + 9) for row in some]
    assert costs == [400, NO_COST, 0]


def test_a_transaction_has_the_day_that_the_shop_had(store: Store) -> None:
    with store.write() as connection:
        late = NOON + timedelta(hours=11, minutes=30)  # after midnight in Rome
        sale(connection, at=late)
        assert read(connection) == [("C1", 1, 1000, 0)]
        more = Transaction(customer="", ext_key="X", occurred_at=late, amount_minor=5, currency="EUR")
        transactions.add(connection, "till", [(customer(connection), more)], NOON, "America/New_York")
        assert read(connection) == [("C1", 0, 5, 0), ("C1", 1, 1000, 0)]


def test_other_currencies_are_left_out_and_counted(store: Store) -> None:
    with store.write() as connection:
        sale(connection, key="1")
        for number, currency in enumerate(("USD", "AUD", "JPY"), 2):
            other = Transaction(
                customer="", ext_key=str(number), occurred_at=NOON + number * DAY, amount_minor=5, currency=currency
            )
            add(connection, "C1", other)
        assert read(connection) == [("C1", 0, 1000, 0)]
        assert [transactions.foreign(connection, "EUR", TODAY + days) for days in (1, 2, 3, 9)] == [0, 1, 2, 3]
        assert transactions.foreign(connection, "USD", TODAY + 9) == 3


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
            assert read(connection)[-2:] == [("C1", 5, -1, 0), ("C1", 6, -2, 0)]


LOGS = st.lists(
    st.tuples(st.sampled_from(["C1", "C2", "C3"]), st.integers(-5, 5), st.integers(-(2**45), 2**45)), max_size=12
)


@settings(deadline=None, max_examples=30)
@given(LOGS, st.integers(-5, 5), st.sets(st.sampled_from(["C1", "C2", "C3"])))
def test_score_reads_all_that_was_stored(
    sandbox: Store, log: list[tuple[str, int, int]], through: int, refs: set[str]
) -> None:
    with sandbox.read() as connection:
        keys = {ref: customer(connection, ref) for ref in ("C1", "C2", "C3")}
        for number, (ref, days, amount) in enumerate(log):
            add(connection, ref, fact(str(number), amount, days))
        wanted = sorted(
            ((ref, days, amount, 0) for ref, days, amount in log if days <= through),
            key=lambda row: (keys[row[0]], row[1], row[2]),
        )
        assert read(connection, through) == wanted
        assert read(connection, through, sorted(refs)) == [row for row in wanted if row[0] in refs]


def test_they_come_in_lists_of_some(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_CHUNK", 2)
    with store.write() as connection:
        for days in range(5):
            sale(connection, at=NOON + days * DAY)
        assert [len(some) for some in transactions.purchases(connection, "EUR", TODAY + 9)] == [2, 2, 1]
        next(transactions.purchases(connection, "EUR", TODAY + 9))  # and need not be read to the end
        assert transactions.count(connection) == 5


def test_score_reads_from_the_index_alone(sandbox: Store) -> None:
    """Over millions of rows it is what makes the difference."""
    with sandbox.read() as connection:

        def plan(question: str) -> str:
            return " ".join(str(row[3]) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {question}")))

        reading = str(transactions._purchases("EUR", 1).compile(connection, compile_kwargs={"literal_binds": True}))
        assert plan(reading) == "SCAN txn USING COVERING INDEX txn_history"  # and no sorting
        some = plan(reading.replace("WHERE", "WHERE customer_id IN (1, 2) AND"))
        assert some == "SEARCH txn USING COVERING INDEX txn_history (customer_id=? AND day<?)"
        assert "INDEX txn_history (customer_id=?)" in plan("SELECT min(occurred_at) FROM txn WHERE customer_id = 1")


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
    assert len([row for some in transactions.purchases(narrow, "EUR", TODAY, range(3000)) for row in some]) == 1
    refunds = [fact(f"R{number}", -1, 1, reverses=f"S{number}") for number in range(3000)]
    assert add(narrow, "C1", *refunds) == 3000
