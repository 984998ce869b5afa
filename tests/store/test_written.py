"""What is written a column at a time is what SQLAlchemy writes value by value, and what JSON says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import texts
from engine.core.texts import Texts
from engine.store import tables
from engine.store.session import Store
from engine.store.written import Values, written
from tests.store.seed import NOON

ROMAN = timezone(timedelta(hours=2))
LONG_AGO = datetime(1900, 1, 1)  # noqa: DTZ001 - hypothesis wants its bounds so
EVENT = tables.table(tables.Event)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
SINGLE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
NESTED = SINGLE | st.lists(SINGLE, max_size=2) | st.dictionaries(TEXTS, SINGLE, max_size=2)


def of(store: Store, name: str, values: Values) -> list[Any]:
    with store.read() as connection:
        return list(written(connection, EVENT.c[name], values))


@st.composite
def fields(draw: st.DrawFn) -> dict[str, list[Any]]:
    rows = draw(st.integers(1, 3))
    columns = st.one_of(*(st.lists(of_one, min_size=rows, max_size=rows) for of_one in (TEXTS, PLAIN, SINGLE, NESTED)))
    return draw(st.dictionaries(TEXTS, columns, min_size=1, max_size=4))


@given(fields())
@example({'100 %s "': ['a","b', "\\"], "%(x)s": ["è\x00\x1f\u2028", "😀"], "n": [1.5, -0.0], "m": ["a,b", 2]})
def test_objects_told_by_field_are_those_told_one_by_one(sandbox: Store, told: dict[str, list[Any]]) -> None:
    each = [dict(zip(told, values, strict=True)) for values in zip(*told.values(), strict=True)]

    assert list(map(json.loads, of(sandbox, "payload", told))) == each
    assert list(map(json.loads, of(sandbox, "payload", each))) == each


@given(st.lists(st.none() | st.datetimes(LONG_AGO, timezones=st.just(UTC) | st.just(ROMAN)), min_size=1))
@example([NOON, NOON, None, datetime(1, 1, 2, tzinfo=UTC)])
def test_instants_are_those_of_sqlalchemy(sandbox: Store, instants: list[datetime | None]) -> None:
    with sandbox.read() as connection:
        dialect = connection.dialect
        usual = EVENT.c.occurred_at.type.dialect_impl(dialect).bind_processor(dialect)
    assert usual
    assert of(sandbox, "occurred_at", instants) == list(map(usual, instants))


def test_what_is_written_already_is_the_same(store: Store) -> None:
    told: dict[str, list[Any]] = {"what": ['è"', "b"], "amount": [1.5, None]}
    at = [NOON, datetime(1900, 1, 1, 0, 0, 0, 1, tzinfo=UTC)]
    ready = Texts(map(str, texts.instants(at)))
    assert list(map(texts.instant, ready)) == at
    assert of(store, "occurred_at", ready) == of(store, "occurred_at", at)
    assert of(store, "payload", Texts(texts.objects(told))) == of(store, "payload", told)


def test_an_instant_without_a_zone_is_refused(sandbox: Store) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        of(sandbox, "occurred_at", [NOON, NOON.replace(tzinfo=None)])


def test_what_comes_again_is_written_once(sandbox: Store) -> None:
    same = {"amount": 1.5}

    first, second, _ = of(sandbox, "payload", [same, same, {"amount": 2}])
    assert first is second


def test_what_needs_no_change_is_left(sandbox: Store) -> None:
    kinds = ["quote.sent", "quote.accepted"]

    assert of(sandbox, "kind", kinds) == kinds
