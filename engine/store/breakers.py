"""What is known of failing providers, shared by all workers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import Connection, Row, select

from engine.core.breaker import Breaker
from engine.store import tables
from engine.store.listed import listed, one_of
from engine.store.session import insert_into

_BREAKER = tables.table(tables.Breaker)
_ALL = select(_BREAKER)
_SOME = _ALL.where(one_of(_BREAKER.c.adapter))


def load(connection: Connection, adapters: Collection[str] | None = None) -> dict[str, Breaker]:
    """The breakers that are not as new, by adapter; of all adapters, or of these."""
    if adapters is None:
        return {row.adapter: _from(row) for row in connection.execute(_ALL)}
    return {row.adapter: _from(row) for row in connection.execute(_SOME, {"keys": listed(connection, adapters)})}


def lock(connection: Connection, adapter: str) -> Breaker:
    """One adapter's breaker, which nobody else changes until the transaction ends."""
    new = {"adapter": adapter, **asdict(Breaker())}
    connection.execute(insert_into(connection, _BREAKER).on_conflict_do_nothing(), [new])
    query = select(_BREAKER).where(_BREAKER.c.adapter == adapter).with_for_update()
    return _from(connection.execute(query).one())


def save(connection: Connection, adapter: str, breaker: Breaker) -> None:
    """Write what is known now. `lock` it first where others may write too."""
    row = {"adapter": adapter, **asdict(breaker)}
    statement = insert_into(connection, _BREAKER)
    connection.execute(statement.on_conflict_do_update(index_elements=["adapter"], set_=row), [row])


def _from(row: Row[tuple[object, ...]]) -> Breaker:
    values = row._asdict()
    del values["adapter"]
    return Breaker(**values)
