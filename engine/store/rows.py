"""Many rows in one statement, by the driver itself: to make parameters of each row costs more than SQLite does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, count, repeat
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from typing import Any

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from engine.store.lines import lines
from engine.store.listed import array
from engine.store.written import Values, written

Told = Sequence[Mapping[str, Any]] | Mapping[str, Values]
"""Rows: one by one, or column by column."""
_TOGETHER = (500, 20, 1)  # rows a statement: few different ones, which are compiled once and kept
_FEW = 50  # rows for which PostgreSQL's temporary tables do not pay


def add(
    connection: Connection,
    target: Table,
    rows: Told,
    common: Mapping[str, Any] | None = None,
    *,
    leave_known: bool = True,
) -> int:
    """Insert rows and say how many are new; those that a constraint knows already are left, or an IntegrityError.

    rows: all with the same columns; what a column's default says may be left out. common: what all of them share.
    """
    return add_columns(connection, target, columns(rows), common, leave_known=leave_known)


def columns(rows: Told) -> Mapping[str, Values]:
    """Rows column by column, as they may be already."""
    if isinstance(rows, Mapping):
        return rows
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def add_columns(
    connection: Connection,
    target: Table,
    columns: Mapping[str, Values],
    common: Mapping[str, Any] | None = None,
    *,
    leave_known: bool = True,
) -> int:
    """The same of rows that are told column by column, all as long."""
    if not columns or not all(columns.values()):
        return 0
    shared = {name: value for name, value in (common or {}).items() if name not in columns}
    for column in target.c:
        if column.name not in columns and isinstance(column.default, ScalarElementColumnDefault):
            shared.setdefault(column.name, column.default.arg)
    stored = {name: written(connection, target.c[name], values) for name, values in columns.items()}
    same = {name: written(connection, target.c[name], [value])[0] for name, value in shared.items()}
    if connection.dialect.name == "sqlite":
        return _insert_together(connection, target, stored, same, leave_known=leave_known)
    if not leave_known:
        return _copy(connection, target.name, stored, same)
    few = len(next(iter(stored.values()))) < _FEW
    return (_unnest if few else _staged)(connection, target, stored, same)


def change(connection: Connection, target: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Set columns of rows that are there, each by its `id`; says how many there were.

    rows: all with the same columns, `id` among them, and each only once.
    """
    if not rows:
        return 0
    return change_columns(connection, target, {name: [row[name] for row in rows] for name in rows[0]})


def change_columns(
    connection: Connection, target: Table, columns: Mapping[str, Values], common: Mapping[str, Any] | None = None
) -> int:
    """The same of rows that are told column by column, all as long. common: what becomes the same of all of them."""
    if not all(columns.values()):
        return 0
    own = {name: written(connection, target.c[name], values) for name, values in columns.items()}
    same = {name: written(connection, target.c[name], [value])[0] for name, value in (common or {}).items()}
    quote, keys = connection.dialect.identifier_preparer.quote, own.pop("id")
    for name in [name for name, values in own.items() if values.count(values[0]) == len(values)]:
        same[name] = own.pop(name)[0]
    if connection.dialect.name == "sqlite":
        values, names = list(zip(keys, *own.values(), strict=True)), (tuple(map(quote, same)), tuple(map(quote, own)))
        return sum(
            connection.exec_driver_sql(_changing(target.name, *names, together), groups).rowcount
            for together, groups in _groups(connection, tuple(same.values()), values)
        )
    kinds = {name: _kind(connection, target, name) for name in (*same, *own, "id")}
    settings = ", ".join(
        [f"{quote(name)} = %s::{kinds[name]}" for name in same] + [f"{quote(name)} = one.{quote(name)}" for name in own]
    )
    arrays = ", ".join(f"%s::{kinds[name]}[]" for name in ("id", *own))
    statement = (
        f"UPDATE {target.name} SET {settings} FROM unnest({arrays})"  # noqa: S608 - names of a table
        f" AS one ({', '.join(map(quote, ('id', *own)))}) WHERE {target.name}.id = one.id"
    )
    return connection.exec_driver_sql(statement, (*same.values(), *map(array, (keys, *own.values())))).rowcount


def next_keys(connection: Connection, target: Table, number: int) -> list[int]:
    """Keys for so many new rows of a table, in order: nobody has to ask the database which it gave."""
    if connection.dialect.name == "sqlite":  # there is one writer, which is this transaction
        last = connection.execute(select(func.max(target.c.id))).scalar() or 0
        return list(range(last + 1, last + 1 + number))
    asked = text("SELECT nextval((SELECT pg_get_serial_sequence(:name, 'id'))) FROM generate_series(1, :number)")
    return list(connection.execute(asked, {"name": target.name, "number": number}).scalars())


def _insert_together(
    connection: Connection, target: Table, own: dict[str, Sequence[Any]], same: dict[str, Any], *, leave_known: bool
) -> int:
    """The quickest way into SQLite: to bind a value costs half as much as to store it, so what all rows share is bound
    once for many rows."""
    number = len(next(iter(own.values())))
    head, end = "INSERT OR FAIL", ""  # whose rows before the fault go with the transaction
    if leave_known:  # a statement that can fail copies each page before it changes it; this one cannot
        whole = all(None not in own.get(name, (same.get(name),)) for name in _needed(target))
        head, end = ("INSERT OR IGNORE", "") if whole else ("INSERT", " ON CONFLICT DO NOTHING")
    for name in list(own)[1:]:
        if number > 1 and own[name].count(own[name][0]) == number:
            same[name] = own.pop(name)[0]
    names = tuple(map(connection.dialect.identifier_preparer.quote, (*same, *own)))
    return sum(
        connection.exec_driver_sql(
            _numbered(f"{head} INTO {target.name}", names, len(same), together, end), groups
        ).rowcount
        for together, groups in _groups(connection, tuple(same.values()), list(zip(*own.values(), strict=True)))
    )


def _groups(
    connection: Connection, same: tuple[Any, ...], rows: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:  # fmt: skip
    """How many rows go in one statement, and what is bound each time: what they share, then row after row."""
    driver: Any = connection.connection.driver_connection
    most, start = max(1, (driver.getlimit(SQLITE_LIMIT_VARIABLE_NUMBER) - len(same)) // len(rows[0])), 0
    for together in sorted({min(number, most) for number in _TOGETHER}, reverse=True):
        groups = [
            (*same, *chain.from_iterable(rows[at : at + together]))
            for at in range(start, len(rows) - together + 1, together)
        ]
        if groups:
            yield together, groups
        start += len(groups) * together


@lru_cache(maxsize=128)
def _needed(target: Table) -> tuple[str, ...]:
    """The columns that take no NULL. A row with one is a fault and not known already: OR IGNORE would leave it too."""
    return tuple(one.name for one in target.c if not one.nullable and one is not target.autoincrement_column)


@lru_cache(maxsize=64)
def _numbered(begun: str, names: tuple[str, ...], same: int, together: int, end: str) -> str:
    """An INSERT of so many rows, of which the first names stand for what they share."""
    signs = count(same + 1)
    shared = [f"?{number}" for number in range(1, same + 1)]
    rows = ", ".join(f"({', '.join([*shared, *(f'?{next(signs)}' for _ in names[same:])])})" for _ in range(together))
    return f"{begun} ({', '.join(names)}) VALUES {rows}{end}"


@lru_cache(maxsize=64)
def _changing(target: str, same: tuple[str, ...], own: tuple[str, ...], together: int) -> str:
    """An UPDATE of so many rows, each told by its key and its own columns."""
    signs = count(len(same) + 1)
    shared = [f"{name} = ?{number}" for number, name in enumerate(same, 1)]
    settings = ", ".join([*shared, *(f"{name} = one.column{number}" for number, name in enumerate(own, 2))])
    rows = ", ".join(f"({', '.join(f'?{next(signs)}' for _ in ('id', *own))})" for _ in range(together))
    return f"UPDATE {target} SET {settings} FROM (VALUES {rows}) AS one WHERE {target}.id = one.column1"  # noqa: S608 - names of a table


def _copy(
    connection: Connection, target: str, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]
) -> int:  # fmt: skip
    """The quickest way into PostgreSQL, which knows no ON CONFLICT."""
    quoted = ", ".join(map(connection.dialect.identifier_preparer.quote, (*columns, *same)))
    driver: Any = connection.connection.driver_connection
    statement, known = f"COPY {target} ({quoted}) FROM STDIN", connection.dialect.loaded_dbapi.IntegrityError
    pieces = lines(list(columns.values()), list(same.values()))
    try:
        with driver.cursor() as cursor:
            with cursor.copy(statement) as copy:
                if pieces is None:
                    for row in zip(*columns.values(), *map(repeat, same.values()), strict=False):
                        copy.write_row(row)
                for piece in pieces or ():
                    copy.write(piece)
            return int(cursor.rowcount)
    except known as error:  # as of any other statement
        raise IntegrityError(statement, None, error) from error


def _staged(
    connection: Connection, target: Table, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]
) -> int:  # fmt: skip
    """Many rows that PostgreSQL may know already: by a table of this session, of which those go on that are new.

    A quarter of what arrays cost the client, and as much at the server.
    """
    quote, stage = connection.dialect.identifier_preparer.quote, f"staged_{target.name}"
    like = f"ON COMMIT DELETE ROWS AS SELECT * FROM {target.name} WITH NO DATA"  # noqa: S608 - names of a table
    connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {stage} {like}")
    connection.exec_driver_sql(f"DELETE FROM {stage}")  # noqa: S608 - what an earlier call of this transaction staged
    _copy(connection, stage, columns, {})
    chosen = ", ".join([*map(quote, columns), *(f"%s::{_kind(connection, target, name)}" for name in same)])
    names = ", ".join(map(quote, (*columns, *same)))
    statement = f"INSERT INTO {target.name} ({names}) SELECT {chosen} FROM {stage}"  # noqa: S608 - names of a table
    return connection.exec_driver_sql(f"{statement} ON CONFLICT DO NOTHING", tuple(same.values())).rowcount


def _unnest(
    connection: Connection, target: Table, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]
) -> int:  # fmt: skip
    """A few rows that PostgreSQL may know already, in one statement: each column goes as one array."""
    quote, names = connection.dialect.identifier_preparer.quote, (*columns, *same)
    kinds = {name: _kind(connection, target, name) for name in names}
    arrays = ", ".join(f"%s::{kinds[name]}[]" for name in columns)
    chosen = ", ".join([*map(quote, columns), *(f"%s::{kinds[name]}" for name in same)])
    statement = (
        f"INSERT INTO {target.name} ({', '.join(map(quote, names))}) SELECT {chosen}"  # noqa: S608 - names of a table
        f" FROM unnest({arrays}) AS one ({', '.join(map(quote, columns))}) ON CONFLICT DO NOTHING"
    )
    return connection.exec_driver_sql(statement, (*same.values(), *map(array, columns.values()))).rowcount


def _kind(connection: Connection, target: Table, name: str) -> str:
    return target.c[name].type.compile(connection.dialect)
