"""Who may be meant by a sweep: as much of its condition as the tables know, asked of everybody at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, FromClause, and_, cast, func, select

from engine.core.condition import And, Known, Not, Or, Test, implied, names_in
from engine.core.lookback import Lookback, lookbacks
from engine.store import history, tables
from engine.store.history import Past
from engine.store.terms import Columns
from engine.store.where import where

_CUSTOMER = tables.table(tables.Customer)
_SCORE = tables.table(tables.Score)


def matching(
    connection: Connection,
    condition: Test | None,
    *,
    exponent: int,
    past: Past | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[int]:
    """Keys of customers of whom the condition may hold, in their order: those behind `after`, so many at most.

    It holds of nobody else; of these it is to be asked again where it reads more than the tables know (`now.month`).
    exponent: decimals of the shop's currency, which conditions know in whole units. past: when the questions about the
    history are asked, with the zones of all customers; without it they are left open.
    """
    columns = _columns(exponent, () if condition is None else lookbacks(names_in(condition)), past)
    test = None if condition is None else implied(condition, columns)
    read = () if test is None else names_in(test)
    of_score = [name for name in read if name.startswith("score.")]
    key: ColumnElement[int] = _CUSTOMER.c.id
    source: FromClause = _CUSTOMER
    if of_score:
        source = _CUSTOMER.outerjoin(_SCORE, _SCORE.c.customer_id == _CUSTOMER.c.id)
    if test is not None and len(of_score) == len(read) and _fails_without(test):
        key, source = _SCORE.c.customer_id, _SCORE  # a table less to look at
    query = select(key).select_from(source).where(key > after).order_by(key).limit(limit)
    if test is not None:
        query = query.where(where(test, columns, connection.dialect.name))
    return list(connection.execute(query).scalars().all())


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


_TEXTS = ("ref", "given_name", "family_name", "company", "email", "locale", "source", "city", "region", "country")
