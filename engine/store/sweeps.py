"""What the tables know of the names of conditions: whom sweeps may mean, and what some customers' values are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Row,
    Select,
    and_,
    cast,
    false,
    func,
    or_,
    select,
    true,
)

from engine.core.condition import And, Known, Not, Or, Test, implied, names_in
from engine.core.lookback import Lookback, lookbacks
from engine.store import history, tables
from engine.store.history import Past
from engine.store.listed import listed, one_of
from engine.store.terms import Columns
from engine.store.where import where

_CUSTOMER = tables.table(tables.Customer)
_SCORE = tables.table(tables.Score)
_NAMED = or_(*(_CUSTOMER.c[name] != "" for name in ("given_name", "family_name", "company")))
_REACHED = tuple(_CUSTOMER.c[name] for name in ("id", "time_zone", "ref", "household", "email"))
_TAKES_POST = and_(_CUSTOMER.c.street != "", _CUSTOMER.c.city != "", _NAMED).label("takes_post")
_NO_POST = false().label("takes_post")


def matching(
    connection: Connection,
    conditions: Sequence[Test | None],
    *,
    exponent: int,
    past: Past | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[tuple[int, list[int]]]:
    """Keys of customers of whom one of the conditions may hold, and the places of those conditions in what is given.

    By key, those behind `after`, so many at most. It holds of nobody else; of these it is to be asked again where it
    reads more than the tables know (`now.month`). All conditions are asked by one look at each customer.
    exponent: decimals of the shop's currency, which conditions know in whole units. past: when the questions about the
    history are asked, with the zones of all customers; without it they are left open.
    """
    known = _columns(exponent, lookbacks({name for one in conditions if one for name in names_in(one)}), past)
    tests = [one and implied(one, known) for one in conditions]
    of_score = [one and implied(one, score_columns(exponent)) for one in tests]
    read = {name for one in tests if one for name in names_in(one)}
    holds, score_holds = (
        [true() if one is None else where(one, known, connection.dialect.name) for one in some]
        for some in (tests, of_score)
    )
    key: ColumnElement[int] = _CUSTOMER.c.id
    source: FromClause = _CUSTOMER
    if all(one is not None and _fails_without(one) for one in of_score):
        key, source = _SCORE.c.customer_id, _SCORE
        if not read <= score_columns(exponent).keys():  # a customer is looked at when the score may be meant
            source = _SCORE.join(_CUSTOMER, _CUSTOMER.c.id == key + 0)
    elif read & score_columns(exponent).keys():
        source = _CUSTOMER.outerjoin(_SCORE, _SCORE.c.customer_id == key)
    columns: list[ColumnElement[Any]] = [key, *holds]
    query = select(*columns).select_from(source)
    query = query.where(key > after, or_(false(), *score_holds), or_(false(), *holds)).order_by(key).limit(limit)
    return [(row[0], [at for at, may in enumerate(row[1:]) if may]) for row in connection.execute(query).all()]


def values(
    connection: Connection, customers: Collection[int], names: Collection[str], *, exponent: int, post: bool = True
) -> tuple[tuple[str, ...], Sequence[Row[*tuple[Any, ...]]]]:
    """Those of the names that the tables know; and of each of these customers, by key, what tells whether and how they
    are reached (`_REACHED`, and whether they take post), then the values of these names.

    post: whether that is asked; else it is said of nobody.
    """
    read, query = _reading(frozenset(names), exponent, post)
    return read, connection.execute(query, {"keys": listed(connection, customers)}).all()


@lru_cache(maxsize=64)
def _reading(names: frozenset[str], exponent: int, post: bool) -> tuple[tuple[str, ...], Select[*tuple[Any, ...]]]:
    """The statement that reads these names, which is made once."""
    known = _columns(exponent)
    read = tuple(name for name in known if name in names)
    source: FromClause = _CUSTOMER
    if set(read) & score_columns(exponent).keys():
        source = _CUSTOMER.outerjoin(_SCORE, _SCORE.c.customer_id == _CUSTOMER.c.id)
    query = select(*_REACHED, _TAKES_POST if post else _NO_POST, *(known[name] for name in read)).select_from(source)
    return read, query.where(one_of(_CUSTOMER.c.id)).order_by(_CUSTOMER.c.id)


def _fails_without(test: Test) -> bool:
    """Whether the test (in normal form) holds of nobody whose values are all missing."""
    match test:
        case And():
            return any(_fails_without(part) for part in test.parts)
        case Or():
            return all(_fails_without(part) for part in test.parts)
        case Not(part=Known()):
            return False
        case _:
            return bool(names_in(test))


def _columns(exponent: int, asked: Collection[Lookback] = (), past: Past | None = None) -> Columns:
    """What the tables know of the names of a condition, of the declared types."""

    def text(name: str) -> ColumnElement[Any]:
        return func.nullif(_CUSTOMER.c[name], "")

    filled = {name: _CUSTOMER.c[name] != "" for name in ("email", "street", "city")}
    return {
        **{f"customer.{name}": text(name) for name in _TEXTS},
        "customer.has_email": filled["email"],
        "customer.has_address": and_(filled["street"], filled["city"]),
        **score_columns(exponent),
        **({} if past is None else history.columns(asked, _CUSTOMER.c.id, _CUSTOMER.c.time_zone, past)),
    }


def score_columns(exponent: int) -> Columns:
    """What the table knows of the names of a score."""

    def money(name: str) -> ColumnElement[Any]:
        return cast(_SCORE.c[name], Double) / 10.0**exponent

    plain = ("p_alive", "percentile", "expected_purchases", "frequency", "recency", "T", "days_since_purchase")
    return {
        **{f"score.{name}": _SCORE.c[name] for name in (*plain, "prev_p_alive", "prev_percentile")},
        **{f"score.{name}": func.nullif(_SCORE.c[name], "") for name in ("tier", "prev_tier")},
        **{f"score.{name}": money(f"{name}_minor") for name in ("clv", "expected_spend", "monetary", "prev_clv")},
    }


_TEXTS = ("ref", "given_name", "family_name", "company", "email", "locale", "source", "household", "city",
          "region", "country")  # fmt: skip
