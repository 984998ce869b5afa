"""The ledger: two entries a transfer that add up to nothing, once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.core.records import LedgerPosting
from engine.store import ledger
from engine.store.session import Store
from tests.store.seed import DAY, HASH, NOON, ready

POSTINGS = st.tuples(
    st.sampled_from(["t1", "t2", "t3", "t4"]),
    st.sampled_from(["C1", "C2", "programme"]),  # a customer may be called like the other account
    st.integers(-(2**40), 2**40),
    st.sampled_from(["points", "EUR"]),
    st.sampled_from(["grant", "reverse", "redeem", "expire"]),
)


def post(
    connection: Connection, transfer: str, ref: str, amount: int, unit: str = "points", kind: str = "grant"
) -> bool:
    action = ready(connection, ref, occurrence=f"{transfer}/{ref}/{amount}/{unit}/{kind}")
    booking = ledger.Booking(
        posting=LedgerPosting(amount=amount, unit=unit, kind=kind, memo="Thank you"),
        transfer=transfer,
        customer=(action.customer_id, ref),
        rule_hash=HASH,
        action=action.id,
    )
    return ledger.post(connection, [booking], NOON) == 1


def test_a_reward_goes_from_the_programme_to_the_customer(store: Store) -> None:
    with store.write() as connection:
        assert post(connection, "t1", "C1", 50)
    with store.read() as connection:
        assert ledger.balances(connection, "customer:C1") == {"points": 50}
        assert ledger.balances(connection, ledger.PROGRAMME) == {"points": -50}
        assert ledger.balances(connection, "customer:C2") == {}
        (entry,) = ledger.of_customer(connection, "C1")
        assert (entry["amount"], entry["kind"], entry["memo"], entry["rule_id"]) == (50, "grant", "Thank you", "thanks")
        assert (entry["rule_hash"], entry["booked_at"], entry["transfer"]) == (HASH, NOON, "t1")
        assert ledger.of_customer(connection, "C2") == []
        assert [dict(one) for one in ledger.entries(connection)] == [dict(entry)]


def test_a_transfer_is_booked_once(store: Store) -> None:
    with store.write() as connection:
        assert post(connection, "t1", "C1", 50)
        assert not post(connection, "t1", "C1", 70)
        assert ledger.balances(connection, "customer:C1") == {"points": 50}


def test_a_transfer_is_not_booked_by_halves(store: Store) -> None:
    with store.write() as connection:
        assert post(connection, "t1", "C1", 50)
        assert not post(connection, "t1", "C2", 50)  # the programme's half is taken
        assert ledger.totals(connection) == {"points": 0}


def test_entries_are_in_the_order_of_their_booking(store: Store) -> None:
    with store.write() as connection:
        for number, later in ((3, 0), (1, 2), (2, 1)):
            action = ready(connection, "C1", occurrence=str(number))
            booking = ledger.Booking(
                posting=LedgerPosting(amount=number, unit="points", kind="grant"),
                transfer=str(number),
                customer=(action.customer_id, "C1"),
                rule_hash=HASH,
                action=action.id,
            )
            ledger.post(connection, [booking], NOON + later * DAY)
        assert [entry["amount"] for entry in ledger.of_customer(connection, "C1")] == [3, 2, 1]
        assert [entry["amount"] for entry in ledger.entries(connection)] == [3, 2, 1]


@settings(deadline=None, max_examples=25)
@given(st.lists(POSTINGS, max_size=6))
def test_the_books_balance(sandbox: Store, postings: list[tuple[str, str, int, str, str]]) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    booked: set[str] = set()
    with sandbox.read() as connection:
        for transfer, ref, amount, unit, kind in dict.fromkeys(postings):
            assert post(connection, transfer, ref, amount, unit, kind) == (transfer not in booked)
            if transfer not in booked:
                expected[ref, unit] += amount
            booked.add(transfer)
            assert set(ledger.totals(connection).values()) <= {0}
        for ref, unit in expected:
            balance = ledger.balances(connection, f"customer:{ref}")
            assert balance[unit] == expected[ref, unit]
            assert type(balance[unit]) is int
        spent = ledger.balances(connection, ledger.PROGRAMME)
        assert all(spent[unit] == -sum(n for (_, each), n in expected.items() if each == unit) for unit in spent)
        assert len(ledger.entries(connection)) == len(booked)
