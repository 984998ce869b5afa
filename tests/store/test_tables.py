"""The tables and the migrations that make them say the same, and the database itself keeps what is append-only."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, BigInteger, Boolean, Connection, Date, Float, Integer, LargeBinary, inspect, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlmodel import AutoString, SQLModel, UTCDateTime

from engine.core.facts import ConsentRecord
from engine.core.records import LedgerPosting
from engine.store import ledger, permissions, tables
from engine.store.session import Store, open_store
from tests.store.seed import HASH, NOON, customer, ready

KNOWN_TYPES = (JSON, BigInteger, Boolean, Date, Float, Integer, LargeBinary, AutoString, UTCDateTime)
APPEND_ONLY = ("ledger_entry", "consent")


def test_migrations_make_the_tables(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []
        made = set(inspect(connection).get_table_names())
    assert made == {*SQLModel.metadata.tables, "alembic_version"}


def test_partial_indexes_are_partial(store: Store) -> None:
    wanted = {
        "customer_household": "<> ''",
        "score_fresh": "fresh",
        "action_due": "ready",
        "referral_invite": "newcomer_id is null",
    }
    query = {
        True: "SELECT name, sql FROM sqlite_master WHERE type = 'index'",
        False: "SELECT indexname, indexdef FROM pg_indexes",
    }[store.is_sqlite]
    with store.read() as connection:
        found = {name: str(sql).lower() for name, sql in connection.execute(text(query))}
    for name, sign in wanted.items():
        assert sign in found[name].split(" where ")[1]


def test_every_column_is_of_a_type_that_both_databases_keep_alike() -> None:
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            assert isinstance(column.type, KNOWN_TYPES), f"{table.name}.{column.name}"
            assert isinstance(column.type, BigInteger) or not column.name.endswith(("amount", "_minor"))


def test_a_model_has_its_table() -> None:
    assert tables.table(tables.LedgerEntry) is SQLModel.metadata.tables["ledger_entry"]
    assert tables.table(tables.Customer).name == "customer"


def fill(connection: Connection) -> None:
    action = ready(connection)
    posting = LedgerPosting(amount=50, unit="points", kind="grant")
    booking = ledger.Booking(
        posting=posting, transfer="t", customer=(action.customer_id, "C1"), rule_hash=HASH, action=action.id
    )
    ledger.post(connection, [booking], NOON)
    record = ConsentRecord(customer="C1", purpose="any", channel="any", given=True, at=NOON)
    permissions.add_consents(connection, [(customer(connection, "C1"), record)])


def rows(connection: Connection, name: str) -> list[Any]:
    return list(connection.execute(text(f"SELECT * FROM {name} ORDER BY id")))  # noqa: S608 - one of two names


@pytest.mark.parametrize("name", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET customer_id = customer_id",
        "DELETE FROM {}",
        "DELETE FROM {} WHERE id = (SELECT min(id) FROM {})",
    ],
)
def test_what_was_booked_or_consented_to_is_never_changed(store: Store, name: str, statement: str) -> None:
    with store.write() as connection:
        fill(connection)
        before = rows(connection, name)
    assert before
    with pytest.raises(IntegrityError, match=f"{name} is append-only"), store.write() as connection:
        connection.execute(text(statement.format(name, name)))
    with store.read() as connection:
        assert rows(connection, name) == before


@pytest.mark.parametrize("name", APPEND_ONLY)
def test_nor_by_a_back_door(store: Store, name: str) -> None:
    with store.write() as connection:
        fill(connection)
        before = rows(connection, name)
    back_door = f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}" if store.is_sqlite else f"TRUNCATE {name}"  # noqa: S608 - one of two names
    with pytest.raises(DatabaseError, match=f"{name} is append-only"), store.write() as connection:
        connection.execute(text(back_door))
    with store.read() as connection:
        assert rows(connection, name) == before


@pytest.mark.parametrize("name", APPEND_ONLY)
def test_another_program_cannot_change_it_either(file: Path, name: str) -> None:
    store = open_store(f"sqlite:///{file}")
    with store.write() as connection:
        fill(connection)
    store.close()
    other = sqlite3.connect(file)
    with pytest.raises(sqlite3.IntegrityError, match=f"{name} is append-only"):
        other.execute(f"DELETE FROM {name}")  # noqa: S608 - one of two names
    other.close()
