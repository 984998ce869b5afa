"""Keys in one bound value: numbers and texts, none and very many, in questions and in changes."""

from __future__ import annotations

from sqlalchemy import select, update

from engine.store import tables
from engine.store.listed import among, listed, one_of
from engine.store.session import Store
from tests.store.seed import customer

_CUSTOMER = tables.table(tables.Customer)
NAMED = select(_CUSTOMER.c.ref).where(one_of(_CUSTOMER.c.id, "whose"), one_of(_CUSTOMER.c.ref)).order_by(_CUSTOMER.c.id)


def test_a_statement_that_is_made_once_takes_any_keys(store: Store) -> None:
    with store.write() as connection:
        one, two = customer(connection, "C1"), customer(connection, 'it\'s "2"')
        everybody = ["C1", 'it\'s "2"', "nobody"]
        for numbers, texts, found in (
            ([one, two], everybody, everybody[:2]),
            ({two}, everybody, everybody[1:2]),
            (range(100_000), ["C1"], ["C1"]),
            ([], everybody, []),
            ([one], [], []),
        ):
            keys = {"whose": listed(connection, numbers), "keys": listed(connection, texts)}
            assert connection.execute(NAMED, keys).scalars().all() == found


def test_a_statement_may_ask_for_several_lists_and_for_what_is_in_none(store: Store) -> None:
    with store.write() as connection:
        one, two, three = (customer(connection, f"C{number}") for number in range(3))
        wanted = among(connection, _CUSTOMER.c.id, [one, two]), ~among(connection, _CUSTOMER.c.ref, ["C1", "C2"])
        assert connection.execute(select(_CUSTOMER.c.id).where(*wanted)).scalars().all() == [one]
        named = update(_CUSTOMER).where(among(connection, _CUSTOMER.c.id, iter([two, three]))).values(company="Due")
        assert connection.execute(named).rowcount == 2
