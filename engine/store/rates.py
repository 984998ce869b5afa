"""Tokens that all workers share: how many messages an adapter may send now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from engine.core.rate import Bucket, Rate, full
from engine.core.rate import take as take_from
from engine.store import tables
from engine.store.session import insert_into

_BUCKET = tables.table(tables.Bucket)


def take(connection: Connection, adapter: str, rate: Rate, wanted: int, now: datetime) -> int:
    """How many of the wanted messages an adapter may send now; they count as sent.

    The adapter's row stays locked until the transaction ends: other workers wait for it, so let that be soon.
    """
    begun = full(rate, now)
    row = {"adapter": adapter, "tokens": begun.tokens, "at": begun.at}
    connection.execute(insert_into(connection, _BUCKET).on_conflict_do_nothing(), [row])
    mine = _BUCKET.c.adapter == adapter
    found = connection.execute(select(_BUCKET.c.tokens, _BUCKET.c.at).where(mine).with_for_update()).one()
    granted, left = take_from(Bucket(tokens=found.tokens, at=found.at), rate, wanted, now)
    connection.execute(update(_BUCKET).where(mine).values(tokens=left.tokens, at=left.at))
    return granted


def load(connection: Connection) -> dict[str, Bucket]:
    """What was left after the last messages, by adapter; an adapter that has not sent yet has no bucket."""
    query = select(_BUCKET.c.adapter, _BUCKET.c.tokens, _BUCKET.c.at)
    return {adapter: Bucket(tokens=tokens, at=at) for adapter, tokens, at in connection.execute(query)}


def give_back(connection: Connection, adapter: str, tokens: int) -> None:
    """Return tokens that were granted and not used, in the transaction in which they were granted or a later one."""
    more = update(_BUCKET).where(_BUCKET.c.adapter == adapter)
    connection.execute(more.values(tokens=_BUCKET.c.tokens + tokens))
