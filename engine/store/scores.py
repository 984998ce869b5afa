"""Scores: written by score, read by decide, which marks what it has seen so that a crossing is noticed once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from typing import Any, TypeAlias

import sqlalchemy
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, not_, select, text, update

from engine.core.facts import Score
from engine.store import tables
from engine.store.listed import among

_SCORE = tables.table(tables.Score)
_RUN = tables.table(tables.ModelRun)
_DIRTY = tables.table(tables.DirtyCustomer)
COLUMNS = (
    "customer_id",
    "frequency",
    "recency",
    "T",
    "monetary_minor",
    "p_alive",
    "expected_purchases",
    "expected_spend_minor",
    "clv_minor",
    "clv_low_minor",
    "clv_high_minor",
    "percentile",
    "tier",
    "days_since_purchase",
)
"""What is saved of a customer, in this order; the names are those of `Score`."""
Columns: TypeAlias = Sequence[NDArray[Any]]
"""Scores by column, in the order of `COLUMNS`: arrays of the same length, masked where there is no value.

No columns at all are nobody's scores."""
_COMMON = ("run_id", "scored_at", "fresh")
_FRESH = text("score.fresh")  # word for word, so that the partial index serves it
_BATCH = 1000
_FEW, _TOGETHER = 50, 250
_MANY = 50_000
_PREVIOUS = ("p_alive", "clv_minor", "percentile", "tier")
_BEFORE = [_SCORE.c[f"prev_{name}"] for name in _PREVIOUS]
_with_everybody = select(_RUN.c.fitted_at).order_by(_RUN.c.id.desc()).limit(1).scalar_subquery()
_scored_at = func.coalesce(_SCORE.c.scored_at, _with_everybody)
_STORED = select(_SCORE.c.customer_id, _scored_at, *_BEFORE, *(_SCORE.c[name] for name in COLUMNS[1:]))


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


def save(
    connection: Connection,
    run: int,
    columns: Columns,
    now: datetime,
    *,
    baseline: bool,
    looked_at: Collection[int] | None = None,
) -> None:
    """Write scores and keep what decide saw before.

    baseline: the first scores ever of this store; nobody "becomes" anything by them. looked_at: who was looked at, when
    not everybody; who then has no row (no purchase left) has no score any more.

    When that was, and that decide has not seen it, is said once of everybody, by the run; only who is scored alone is
    marked himself.
    """
    last = _run_of(run, everybody=looked_at is None).with_for_update()  # decide must not end with it meanwhile
    is_seen = connection.execute(last).scalar() is not None
    alone_at = None if looked_at is None else _as_stored(connection, now)
    common = (run, alone_at, looked_at is not None and not baseline)
    _write(connection, columns, common, is_seen=is_seen)
    if looked_at is None:
        connection.execute(delete(_SCORE).where(_SCORE.c.run_id != run))
    else:
        gone = set(looked_at).difference(*(column.tolist() for column in columns[:1]))
        connection.execute(delete(_SCORE).where(among(connection, _SCORE.c.customer_id, gone)))
    if baseline:
        connection.execute(update(_RUN).where(_RUN.c.id == run).values(decided_at=now))


def _run_of(run: int, *, everybody: bool) -> Select[*tuple[Any, ...]]:
    """When decide had looked at the run that scored everybody last: that before this one, or this one."""
    before = _RUN.c.id < run if everybody else _RUN.c.id == run
    return select(_RUN.c.decided_at).where(before).order_by(_RUN.c.id.desc()).limit(1)


def _write(connection: Connection, columns: Columns, common: tuple[Any, ...], *, is_seen: bool) -> None:
    """By the driver itself: a dictionary and a statement for each row would cost more than the writing.

    common: what all rows have for `_COMMON`. is_seen: by decide, so that what a row holds is what was before.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    count = len(columns[0]) if columns else 0
    statements = {number: _upsert(connection, number, is_seen=is_seen) for number in (_together(connection, count), 1)}
    for start in range(0, count, _BATCH):
        some = [column[start : start + _BATCH].tolist() for column in columns]
        if not is_sqlite:
            connection.exec_driver_sql(statements[1], [(*row, *common) for row in zip(*some, strict=True)])
            continue
        for together, statement in statements.items():
            starts = range(0, len(some[0]) - together + 1, together)
            groups = [_joined(common, (values[at : at + together] for values in some)) for at in starts]
            if groups:
                connection.exec_driver_sql(statement, groups)
            some = [values[len(groups) * together :] for values in some]


def _together(connection: Connection, count: int) -> int:
    """How many rows a statement writes: only with many does what it takes to read a long one come back (its numbered
    signs take it with their square)."""
    if connection.dialect.name != "sqlite":
        return 1
    driver: Any = connection.connection.driver_connection
    most = (int(driver.getlimit(SQLITE_LIMIT_VARIABLE_NUMBER)) - len(_COMMON)) // len(COLUMNS)
    return min(_TOGETHER if count > _MANY else _FEW, most)


def _joined(first: Iterable[Any], parts: Iterable[list[Any]]) -> tuple[Any, ...]:
    """All of them as one: to add lists is twice as fast as to go through them."""
    whole = list(first)
    for part in parts:
        whole += part
    return tuple(whole)


def _upsert(connection: Connection, number: int, *, is_seen: bool) -> str:
    """The statement that writes a number of rows.

    SQLite's takes what is common first, and then column by column, as scores come: nobody has to make rows of them.
    """
    quoted = connection.dialect.identifier_preparer.quote
    names = [quoted(name) for name in (*COLUMNS, *_COMMON)]
    kept = [f"prev_{name} = CASE WHEN score.fresh THEN score.prev_{name} ELSE score.{name} END" for name in _PREVIOUS]
    kept = kept if is_seen else []
    changed = ", ".join([*kept, *(f"{name} = excluded.{name}" for name in names[1:])])
    first = len(_COMMON) + 1
    own = [[f"?{first + column * number + row}" for column in range(len(COLUMNS))] for row in range(number)]
    signs = [[*of_row, *(f"?{place}" for place in range(1, first))] for of_row in own]
    if connection.dialect.name != "sqlite":
        signs = [["%s"] * len(names)]
    rows = ", ".join(f"({', '.join(row)})" for row in signs)
    return (
        f"INSERT INTO score ({', '.join(names)}) VALUES {rows} "  # noqa: S608 - names of columns, from above
        f"ON CONFLICT (customer_id) DO UPDATE SET {changed}"
    )


def _as_stored(connection: Connection, instant: datetime) -> Any:
    """An instant as this database keeps it."""
    process = _SCORE.c.scored_at.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return process(instant) if process else instant


def dirty_customers(connection: Connection, until: datetime) -> list[int]:
    """Whose histories changed up to an instant and were not scored since."""
    query = select(_DIRTY.c.customer_id).where(_DIRTY.c.since <= until).order_by(_DIRTY.c.customer_id)
    return list(connection.execute(query).scalars().all())  # not one by one


def clean(
    connection: Connection, until: datetime, customers: Collection[int] | None = None, *, seen: int
) -> None:  # fmt: skip
    """These customers, or all, have been scored by what came up to an instant.

    seen: the newest transaction (`transactions.newest`) when score read them. What was stored later stays to be scored,
    whatever the clock of whoever stored it said.
    """
    done = delete(_DIRTY)
    scored = and_(_DIRTY.c.since <= until, _DIRTY.c.txn_id <= seen)
    if customers is not None:
        done = done.where(scored, among(connection, _DIRTY.c.customer_id, customers))
    elif not _nobody_else_is_dirty(connection, scored):
        done = done.where(scored)
    connection.execute(done)


def _nobody_else_is_dirty(connection: Connection, scored: ColumnElement[bool]) -> bool:
    """Whether the table can be emptied at once: to look for others takes a tenth of what a million single deletes do.

    Only where nobody else can write meanwhile.
    """
    others = select(_DIRTY.c.customer_id).where(not_(scored)).limit(1)
    return connection.dialect.name == "sqlite" and connection.execute(others).first() is None


def dirty(connection: Connection) -> int:
    """How many customers' histories changed since they were scored."""
    return connection.execute(select(func.count()).select_from(_DIRTY)).scalar_one()


def load(connection: Connection, customers: Collection[int] | None = None) -> dict[int, Stored]:
    """The scores of these customers, or of all, by key."""
    query = _STORED.order_by(_SCORE.c.customer_id)
    if customers is not None:
        query = query.where(among(connection, _SCORE.c.customer_id, customers))
    return {row[0]: _stored(row) for row in connection.execute(query).all()}


def undecided(
    connection: Connection, limit: int, *, after: int = 0, among: ColumnElement[bool] | None = None
) -> list[Stored]:
    """Scores that decide has not looked at yet, by customer from behind `after`; `among` may leave some of them out."""
    query = _STORED.where(_SCORE.c.customer_id > after)
    if _unseen_run(connection) is None:
        query = query.where(_FRESH)
    if among is not None:
        query = query.where(among)
    return [_stored(row) for row in connection.execute(query.order_by(_SCORE.c.customer_id).limit(limit)).all()]


def newest(connection: Connection) -> datetime | None:
    """When the newest of the scores was made that decide has not looked at yet; None: it has looked at all."""
    fresh = connection.execute(select(func.max(_SCORE.c.scored_at)).where(_FRESH)).scalar()
    return max(filter(None, (fresh, _unseen_run(connection))), default=None)


def is_undecided(connection: Connection, customer: int) -> bool:
    """Whether decide has yet to look at this customer's score."""
    found = connection.execute(select(_SCORE.c.fresh).where(_SCORE.c.customer_id == customer)).scalar()
    return found is not None and (found or _unseen_run(connection) is not None)


def mark_decided(connection: Connection, until: datetime, now: datetime) -> int:
    """Decide has looked at all that were made up to an instant; says how many those were."""
    whole = _unseen_run(connection)
    alone = update(_SCORE).where(_FRESH, _SCORE.c.scored_at <= until).values(fresh=False)
    if whole is None or whole > until:
        return connection.execute(alone).rowcount
    connection.execute(update(_RUN).where(_RUN.c.decided_at.is_(None)).values(decided_at=now))  # first, as `save` does
    seen = connection.execute(select(func.count()).where(_scored_at <= until)).scalar_one()
    connection.execute(alone)
    return seen


def _unseen_run(connection: Connection) -> datetime | None:
    """When everybody was scored last, if decide has yet to look at that."""
    last = connection.execute(select(_RUN.c.fitted_at, _RUN.c.decided_at).order_by(_RUN.c.id.desc()).limit(1)).first()
    return last.fitted_at if last and last.decided_at is None else None


def _stored(row: sqlalchemy.Row[Any]) -> Stored:
    """From a row of `_STORED`."""
    key, scored_at, *values = tuple(row)
    previous = Previous(**dict(zip(_PREVIOUS, values, strict=False)))
    facts = Score(customer="", **dict(zip(COLUMNS[1:], values[len(_PREVIOUS) :], strict=True)))
    return Stored(customer_id=key, facts=facts, previous=previous, scored_at=scored_at)
