"""Scores: written by score, read by decide, which marks what it has seen so that a crossing is noticed once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, insert, select, update

from engine.core.facts import Score
from engine.store import tables
from engine.store.session import in_chunks, insert_into

_SCORE = tables.table(tables.Score)
_HISTORY = tables.table(tables.ScoreHistory)
_RUN = tables.table(tables.ModelRun)
_DIRTY = tables.table(tables.DirtyCustomer)
_VALUES = tuple(name for name in _SCORE.c.keys() if name not in ("customer_id", "decided_at") and name[:5] != "prev_")  # noqa: SIM118 - a column collection, not a dict
_PREVIOUS = ("p_alive", "clv_minor", "percentile", "tier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The values that decide saw before the current ones; None where the customer is new to it."""

    p_alive: float | None = None
    clv_minor: int | None = None
    percentile: float | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A customer's score as stored, with the values before."""

    customer_id: int
    facts: Score
    previous: Previous
    scored_at: datetime


def begin_run(connection: Connection, values: Mapping[str, Any]) -> int:
    """Record a fit (the columns of `model_run`) and return its key."""
    return int(connection.execute(insert(_RUN).values(**values).returning(_RUN.c.id)).scalar_one())


def last_run(connection: Connection) -> dict[str, Any] | None:
    """The newest fit, or None."""
    row = connection.execute(select(_RUN).order_by(_RUN.c.id.desc()).limit(1)).first()
    return row._asdict() if row else None


def save(connection: Connection, run: int, rows: Sequence[tuple[int, Score]], now: datetime, *, baseline: bool) -> None:
    """Write the scores of all customers that have one, keep what decide saw before, and append all to the history.

    baseline: the first scores ever of this store; nobody "becomes" anything by them.
    """
    values = [
        {"customer_id": customer, "run_id": run, "scored_at": now}
        | {name: getattr(fact, name) for name in _VALUES if name not in ("run_id", "scored_at")}
        for customer, fact in rows
    ]
    statement = insert_into(connection, _SCORE)
    seen = _SCORE.c.decided_at.is_not(None)
    kept = {f"prev_{name}": case((seen, _SCORE.c[name]), else_=_SCORE.c[f"prev_{name}"]) for name in _PREVIOUS}
    changed = {name: statement.excluded[name] for name in _VALUES}
    decided = now if baseline else None
    if values:
        upsert = statement.on_conflict_do_update(
            index_elements=["customer_id"], set_={**changed, **kept, "decided_at": decided}
        )
        connection.execute(upsert, [{**row, "decided_at": decided} for row in values])
        connection.execute(insert(_HISTORY), values)
    connection.execute(delete(_SCORE).where(_SCORE.c.run_id != run))  # whoever has no purchase left has no score


def clean(connection: Connection, until: datetime) -> None:
    """Everybody whose history changed up to an instant has been scored."""
    connection.execute(delete(_DIRTY).where(_DIRTY.c.since <= until))


def dirty(connection: Connection) -> int:
    """How many customers' histories changed since they were scored."""
    return connection.execute(select(func.count()).select_from(_DIRTY)).scalar_one()


def load(connection: Connection, customers: Collection[int] | None = None) -> dict[int, Stored]:
    """The scores of these customers, or of all, by key."""
    query = select(_SCORE).order_by(_SCORE.c.customer_id)
    if customers is None:
        return {row.customer_id: _stored(row) for row in connection.execute(query)}
    found: dict[int, Stored] = {}
    for some in in_chunks(customers):
        rows = connection.execute(query.where(_SCORE.c.customer_id.in_(some)))
        found.update((row.customer_id, _stored(row)) for row in rows)
    return found


def undecided(connection: Connection, limit: int) -> list[Stored]:
    """Scores that decide has not looked at yet."""
    query = select(_SCORE).where(_SCORE.c.decided_at.is_(None)).order_by(_SCORE.c.customer_id).limit(limit)
    return [_stored(row) for row in connection.execute(query)]


def mark_decided(connection: Connection, customers: Collection[int], now: datetime) -> None:
    """Decide has looked at these; part of the transaction that wrote what came of them."""
    connection.execute(update(_SCORE).where(_SCORE.c.customer_id.in_(customers)).values(decided_at=now))


def _stored(row: Row[Any]) -> Stored:
    values = row._asdict()
    previous = Previous(**{name: values[f"prev_{name}"] for name in _PREVIOUS})
    facts = Score(customer="", **{name: values[name] for name in _VALUES if name not in ("run_id", "scored_at")})
    return Stored(customer_id=values["customer_id"], facts=facts, previous=previous, scored_at=values["scored_at"])
