"""Opening the store: one SQLite file, or PostgreSQL by URL; transactions; the migrations that make its shape."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from uuid_utils import uuid7

from engine.errors import StoreError
from engine.store import kept

SCHEMA_VERSION = "0001"
"""The newest migration; a test holds it against migrations/versions."""
NO_STORE = "there is no database"
"""How the error begins that says so."""
HINTS = {
    "database is locked": "another program holds the database; try again when it is done",
    "readonly database": "the database file or its folder is read-only; nothing was changed",
    "database or disk is full": "the disk is full; nothing was changed",
    "unable to open database file": "the database file cannot be opened; look at its folder and its rights",
    "disk I/O error": "the disk does not take what is written; nothing was changed",
    "file is not a database": "the file is not a Premura database; nothing was changed",
    "disk image is malformed": "the database file is damaged; restore a copy",
    "read-only transaction": "the database takes no writes; nothing was changed",
    "No space left on device": "the disk is full; nothing was changed",
    "permission denied": "the database does not let this user do that; nothing was changed",
    "password authentication failed": "the database refuses the user or the password; look at store in premura.toml",
    "invalid connection option": "store in premura.toml has an option that PostgreSQL does not know",
    "does not exist": "the server knows no such database or user; look at store in premura.toml",
}
"""Signs of what SQLite or PostgreSQL says, and what people are told."""
_STATES = ("25006", "42501")  # PostgreSQL's read-only transaction and missing right, which are no mistakes of ours
_LINE = {  # after how long a server that says nothing counts as away: 10 seconds at first, later about a minute
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds; only Linux knows it
}
_SESSION = (
    "SET TIME ZONE 'UTC'; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
)
"""What PostgreSQL is told at first. It notices within a minute that our machine was lost: else what a transaction of
ours had locked stays locked for two hours."""
_POSTGRESQL = ("postgresql", "postgresql+psycopg", "postgres")  # what people write for the one driver that we speak
_PATIENCE = 30.0  # seconds to wait for whoever holds the database
PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # else INSERT OR REPLACE would get past the triggers of append-only tables
    "cache_size=-64000",
    "wal_autocheckpoint=8000",  # 32 MB: rows of customers in no order touch the same pages again and again
)
_One = TypeVar("_One")
_CHUNK = 500  # SQLite takes at most 999 to 32,766 bound values, by version


def new_id() -> str:
    """A public id: uuid7 (RFC 9562, 5.7), so that ids sort by the time they were made."""
    return str(uuid7())


class Store:
    """A database that is ready to be used; hands out transactions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded store, which knows one writer."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; nothing that is written in it is kept."""
        with said_plainly(), self._engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed as a whole, or not at all."""
        with said_plainly(), self._engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # take the write lock now, not at the first write
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            try:
                connection.commit()
            except BaseException:
                connection.invalidate()  # SQLite leaves the transaction open when what it looks at last does not hold
                raise

    @property
    def address(self) -> str:
        """Where it is, as it was opened."""
        return self._engine.url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def stamp(connection: Connection) -> tuple[int, ...]:
    """What is the same at the end of a transaction and at the beginning of another only if nobody has written to this
    SQLite file in between: neither another connection (https://sqlite.org/pragma.html#pragma_data_version) nor this."""
    driver: Any = connection.connection.driver_connection
    (version,) = driver.execute("PRAGMA data_version").fetchone()
    return id(driver), version, driver.total_changes


def insert_into(connection: Connection, target: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the connection's dialect, which knows ON CONFLICT."""
    made = sqlite.insert(target) if connection.dialect.name == "sqlite" else postgresql.insert(target)
    return made.execution_options(preserve_rowcount=True)  # else PostgreSQL does not say how many of many were new


def in_pieces(found: Sequence[_One], size: int) -> Iterator[Sequence[_One]]:
    """A sequence in parts of so many."""
    return (found[start : start + size] for start in range(0, len(found), size))


def in_chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """Keys in order, without repeats, in lists that are short enough for one IN (...)."""
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


@contextmanager
def said_plainly() -> Iterator[None]:
    """What a database says that does not do what it should becomes a StoreError of one line."""
    try:
        yield
    except DatabaseError as error:
        forbidden = getattr(error.orig, "sqlstate", "") in _STATES or "invalid connection option" in str(error.orig)
        if isinstance(error, OperationalError) or type(error) is DatabaseError or forbidden:  # not our own mistakes
            raise StoreError(_plain(str(error.orig))) from error
        raise
    except sqlite3.DatabaseError as error:
        raise StoreError(_plain(str(error))) from error


def _plain(reason: str) -> str:
    """What SQLite or PostgreSQL said, with what to do about it."""
    plain = f"the database does not answer: {' '.join(reason.split())}"
    return next((said for sign, said in HINTS.items() if sign in reason), plain)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
            return _sqlite(parsed)
        if parsed.drivername in _POSTGRESQL:
            parsed = parsed.set(drivername="postgresql+psycopg")
            patience = {name: value for name, value in _LINE.items() if name not in parsed.query}
            return _prepared(create_engine(parsed, pool_pre_ping=True, connect_args=patience))
    except (ArgumentError, NoSuchModuleError, ValueError):
        pass  # said below
    except ModuleNotFoundError as error:
        raise StoreError("PostgreSQL needs its driver: pip install 'premura[postgres]'") from error
    such = "sqlite:///premura.db or postgresql://user:password@host/database"
    raise StoreError(f"'{url.split('@')[-1]}' is not the address of a database such as {such}")


def _prepared(engine: Engine) -> Engine:
    """Let PostgreSQL give instants in UTC, whatever zone its server lives in, so that none of them need be changed; and
    notice when we are lost."""

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.execute(_SESSION)
        connection.commit()

    return engine


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _PATIENCE}, json_deserializer=kept.read)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by read() and write(), never behind our back
        try:
            _write_ahead(connection)
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers read beside a writer. Whoever opens a new file does this; SQLite's own timeout does not cover it."""
    until = monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(0.01)
        else:
            return


@contextmanager
def _opening(url: str) -> Iterator[Engine]:
    """The database behind an address, let go of when it turns out that it cannot be used."""
    engine = _engine(url)
    try:
        with said_plainly():
            yield engine
    except BaseException:
        engine.dispose()
        raise


def create(url: str) -> Store:
    """Open the store and bring it to this version's shape, making it where there is none. Raises StoreError."""
    from alembic import command  # 0.3 s to import, and only needed here
    from alembic.util import CommandError

    with _opening(url) as engine, engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the whole way up, or not a step
        found = _version(connection)
        _refuse_newer(found)
        _refuse_anothers(connection)
        try:
            command.upgrade(_alembic(connection), "head")
        except CommandError as error:
            unknown = f"the database has shape {found}, which no version of Premura has made; nothing was changed"
            raise StoreError(f"{unknown} (hint: look at store in premura.toml)") from error
        connection.commit()
    return Store(engine)


def open_store(url: str) -> Store:
    """Open a store that is there and has this version's shape. Raises StoreError with what to do otherwise."""
    with _opening(url) as engine:
        file = engine.url.database
        if engine.dialect.name == "sqlite" and not Path(file or "").is_file():
            raise StoreError(f"{NO_STORE} {file} yet (hint: premura init, or premura db upgrade)")
        with engine.connect() as connection:
            found = _version(connection)
        _refuse_newer(found)
        if found != SCHEMA_VERSION:
            shapes = f"the database has shape {found or 'none'}, this version needs {SCHEMA_VERSION}"
            raise StoreError(f"{shapes} (hint: premura db upgrade)")
    return Store(engine)


def open_any(url: str) -> Store:
    """Open a store of whatever shape, for what needs only a table or two. Raises StoreError."""
    with _opening(url) as engine:
        return Store(engine)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > SCHEMA_VERSION:
        raise StoreError(
            f"the database has shape {found}, which is newer than this version of Premura knows "
            f"({SCHEMA_VERSION}); nothing was changed (hint: upgrade Premura)"
        )


def _refuse_anothers(connection: Connection) -> None:
    """Make no tables among those of somebody else."""
    names = inspect(connection).get_table_names()
    if names and "alembic_version" not in names:
        raise StoreError(
            "the database is not Premura's: it holds tables of another program; nothing was changed "
            "(hint: look at store in premura.toml)"
        )


def _alembic(connection: Connection) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
