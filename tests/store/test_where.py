"""WHERE says of rows what the closure says of each, in both databases: also of what is missing or does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    case,
    create_engine,
    insert,
    select,
)

from engine.core.condition import Test, Type, microseconds
from engine.decide.closure import closure
from engine.decide.condition import compile_condition
from engine.store.where import where
from tests.databases import STORES
from tests.decide.oracles import NAMES, SCOPE, a_thousand, conditions, contexts, trees
from tests.store.conftest import Blank

ROWS = contexts(200, missing=0.25)
KINDS: Mapping[Type, Any] = {
    Type.DOUBLE: Double,
    Type.INT: BigInteger,
    Type.STRING: String,
    Type.BOOL: Boolean,
    Type.TIMESTAMP: BigInteger,
}
TABLE = Table(
    "facts", MetaData(), Column("row", Integer, primary_key=True), *(Column(name, KINDS[NAMES[name]]) for name in NAMES)
)


@pytest.fixture(scope="module", params=STORES)
def facts(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A table with a column for every name."""
    blank: Blank = request.getfixturevalue(f"blank_{request.param}")
    engine = create_engine(blank())
    with engine.connect() as connection:
        TABLE.create(connection)
        plain = [
            {name: microseconds(value) if isinstance(value, datetime) else value for name, value in row.items()}
            for row in ROWS
        ]
        connection.execute(insert(TABLE), [{"row": number, **row} for number, row in enumerate(plain)])
        yield connection
    engine.dispose()


def holds(connection: Connection, tree: Test) -> list[int]:
    columns = {name: TABLE.c[name] for name in NAMES}
    query = select(TABLE.c.row).where(where(tree, columns, connection.dialect.name)).order_by(TABLE.c.row)
    return list(connection.execute(query).scalars())


def by_closure(tree: Test) -> list[int]:
    one = closure(tree)
    return [number for number, row in enumerate(ROWS) if one(row)]


def test_a_thousand_conditions_say_what_the_closure_says(facts: Connection) -> None:
    columns = {name: TABLE.c[name] for name in NAMES}
    for start in range(0, 1000, 100):
        some = trees()[start : start + 100]
        asked = [
            case((where(tree, columns, facts.dialect.name), 1), else_=0).label(f"c{n}") for n, tree in enumerate(some)
        ]
        answers = zip(*facts.execute(select(*asked).order_by(TABLE.c.row)), strict=True)
        for source, tree, said in zip(a_thousand()[start:], some, answers, strict=False):
            assert [row for row, holds in enumerate(said) if holds] == by_closure(tree), source


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(conditions())
def test_it_says_what_the_closure_says(facts: Connection, source: str) -> None:
    tree = compile_condition(source, SCOPE).tree
    assert holds(facts, tree) == by_closure(tree)


@pytest.mark.parametrize(
    "source",
    [
        "score.frequency * 9223372036854775807 > 0",
        "score.frequency / (score.frequency - score.frequency) == 0",
        "score.frequency % 0 == 0 || score.frequency == 3",
        "-(-9223372036854775807 - score.frequency) < 0",
        "event.amount * 1e149 * 1e10 > 0.0",
        "event.amount * 1e-200 * 1e-200 < 1.0",
        "event.amount / 1e-300 > 1.0",
        "event.amount / 0.0 > 0.0 || event.amount / 0.0 <= 0.0",
        "int(event.amount * 1e19) > 0",
        "event.occurred_at + duration('99999999h') > now.instant",
        "event.occurred_at - duration('99999999h') < now.instant",
        "score.tier < 'old'",
        "score.tier.endsWith('something longer than it')",
    ],
)
def test_what_does_not_exist_is_missing(facts: Connection, source: str) -> None:
    tree = compile_condition(source, SCOPE).tree
    assert holds(facts, tree) == by_closure(tree)
