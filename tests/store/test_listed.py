"""Keys in one bound value: numbers and texts, none and very many, in questions and in changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.exc import DataError

from engine.store import tables
from engine.store.listed import among, array, listed, one_of
from engine.store.session import Store, open_store
from tests.store.seed import customer

_CUSTOMER = tables.table(tables.Customer)
NAMED = select(_CUSTOMER.c.ref).where(one_of(_CUSTOMER.c.id, "whose"), one_of(_CUSTOMER.c.ref)).order_by(_CUSTOMER.c.id)

ODD = 'it\'s "2", {NULL}, \\a\\'


@pytest.fixture
def postgresql(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store on PostgreSQL."""
    request.getfixturevalue("postgresql_test")
    opened = open_store(request.getfixturevalue("blank_postgresql")())
    yield opened
    opened.close()


def test_a_statement_that_is_made_once_takes_any_keys(store: Store) -> None:
    with store.write() as connection:
        one, two = customer(connection, "C1"), customer(connection, ODD)
        everybody = ["C1", ODD, "nobody"]
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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
    | st.lists(st.integers(-(2**63), 2**63 - 1) | st.none())
    | st.lists(st.sampled_from(["NULL", "null", "", '"', "\\", "a,b", "{}", None]))
)
def test_an_array_is_what_was_given(postgresql: Store, values: list[Any]) -> None:
    kind = "TEXT" if any(isinstance(one, str) for one in values) else "BIGINT"
    with postgresql.read() as connection:
        assert connection.exec_driver_sql(f"SELECT %s::{kind}[]", (array(values),)).scalar() == values


def test_a_text_that_no_database_takes_is_refused(postgresql: Store) -> None:
    with postgresql.read() as connection, pytest.raises(DataError, match="NUL"):
        connection.exec_driver_sql("SELECT %s::TEXT[]", (array(["a\0b", "c"]),))
