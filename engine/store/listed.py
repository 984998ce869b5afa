"""Any number of keys as one bound value, so that a statement is never too long, and the same whatever the keys are.

A statement that is the same is made once, by `one_of`; to put one together costs ten times what SQLite needs for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Subquery,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from engine.store.kept import as_json


class OneOf(FunctionElement[Any]):
    """Whether a column is one of the keys of a bound value."""

    type = NullType()  # of a Boolean SQLite would be asked whether it equals 1, and forget its indexes
    inherit_cache = True


def one_of(key: ColumnElement[Any], name: str = "keys") -> ColumnElement[bool]:
    """Whether a column is one of the keys that are given by that name when the statement is executed; see `listed`."""
    return OneOf(key, bindparam(name, type_=NullType()))


def among(connection: Connection, key: ColumnElement[Any], keys: Iterable[int | str]) -> ColumnElement[bool]:
    """Whether a column is one of any number of keys, for a statement that is put together as it is needed."""
    return OneOf(key, bindparam("keys", listed(connection, keys), unique=True, type_=NullType()))


def listed(connection: Connection, keys: Iterable[int | str]) -> str | list[int | str]:
    """Keys as the one value that this database takes for them."""
    known = list(keys)
    return as_json(known) if connection.dialect.name == "sqlite" else array(known)


def array(values: Sequence[Any]) -> str | list[Any]:
    """Values as PostgreSQL writes an array of them: its driver takes five times as long for whole numbers and texts.

    What is neither goes as the driver writes it.
    """
    kinds = set(map(type, values))
    if kinds <= {int}:
        return f"{{{','.join(map(str, values))}}}"
    if kinds != {str}:
        return list(values)
    whole = "".join(values)
    if '"' in whole or "\\" in whole:
        values = [one.replace("\\", "\\\\").replace('"', '\\"') for one in values]
    return '{"' + '","'.join(values) + '"}'


def paired(dialect: str) -> Subquery:
    """Any number of keys and texts (`pairs`) as a table to join, of columns `number` and `text`."""
    if dialect == "sqlite":
        value = func.json_each(bindparam("pairs", type_=Text)).table_valued("value").c.value
        return select(
            func.json_extract(value, "$[0]").label("number"), func.json_extract(value, "$[1]").label("text")
        ).subquery()
    numbers = cast(bindparam("numbers", type_=NullType()), ARRAY(BigInteger))
    texts = cast(bindparam("texts", type_=NullType()), ARRAY(Text))
    columns = column("number", BigInteger), column("text", Text)
    unnested = func.unnest(numbers, texts).table_valued(*columns).render_derived()
    return select(unnested.c.number, unnested.c.text).subquery()


def pairs(connection: Connection, given: Iterable[tuple[int, str]]) -> dict[str, Any]:
    """What is bound for a table of `paired`."""
    known = list(given)
    if connection.dialect.name == "sqlite":
        return {"pairs": as_json(known)}
    return {"numbers": array([number for number, _ in known]), "texts": array([one for _, one in known])}


@compiles(OneOf, "sqlite")
def _of_json(element: OneOf, compiler: SQLCompiler, **how: Any) -> str:
    key, keys = (compiler.process(part, **how) for part in element.clauses)
    return f"{key} IN (SELECT value FROM json_each({keys}))"  # noqa: S608 - a column, and the sign of a bound value


@compiles(OneOf, "postgresql")
def _of_array(element: OneOf, compiler: SQLCompiler, **how: Any) -> str:
    key, keys = (compiler.process(part, **how) for part in element.clauses)
    kind = "BIGINT" if isinstance(next(iter(element.clauses)).type, Integer) else "TEXT"
    return f"{key} = ANY (CAST({keys} AS {kind}[]))"
