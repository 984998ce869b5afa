"""Copies of the store: of a SQLite file while others work on it, of a PostgreSQL database by pg_dump.

A copy of a file is marked as one, so that whoever opens it as a live store knows that it was restored.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from engine.errors import StoreError, UsageError
from engine.store.generation import COPIED, GENERATION
from engine.store.leases import set_mark
from engine.store.session import NO_STORE, open_any, said_plainly

_PAGES = 2000  # of 4 KiB, between two words on how far it has come
_PG = {
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS", "service": "PGSERVICE", "passfile": "PGPASSFILE", "host": "PGHOST", "port": "PGPORT",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy that was checked and is on the disk; what the store knew at `at` is in it. size: in bytes."""

    file: Path
    size: int
    at: datetime


def backup(
    url: str,
    target: Path,
    *,
    now: datetime,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Copy:
    """Copy the store behind an address into a file, for its owner's eyes only; all of it, or no file.

    progress: told how many of how many pages are done. Raises UsageError when the file is there and `force` is not
    said, and StoreError when the store cannot be read, is damaged, or the copy cannot be written.
    """
    if target.exists() and not force:
        raise UsageError(f"{target} is there already; nothing was changed (hint: another name, or --force)")
    address = make_url(url)
    with _draft(target) as draft:
        if address.get_backend_name() == "sqlite":
            _copy_file(Path(address.database or ""), draft, now, progress)
        else:
            _dump(address, draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        size = draft.stat().st_size
        draft.replace(target)
        sync(target.parent)
    return Copy(file=target, size=size, at=now)


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file beside the target that only its owner may read, and that is gone afterwards, whatever happened."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            yield draft
        finally:
            for beside in ("", "-wal", "-shm", "-journal"):
                draft.with_name(draft.name + beside).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{target} cannot be written ({error.strerror}); there is no new copy") from None


def _copy_file(source: Path, draft: Path, now: datetime, progress: Callable[[int, int], None]) -> None:
    if not source.is_file():
        raise StoreError(f"{NO_STORE} {source} yet (hint: premura init, or premura db upgrade)")
    with said_plainly(), closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as live:
        live.isolation_level = None
        live.execute("BEGIN")  # one moment of the store, however long it takes; who writes meanwhile does not wait
        names = {name for (name,) in live.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "mark"} <= names:
            raise StoreError(f"{source} is not a Premura database; there is no new copy")
        with closing(sqlite3.connect(draft)) as copy:
            live.backup(copy, pages=_PAGES, sleep=0, progress=lambda _, left, all_: progress(all_ - left, all_))
        live.execute("ROLLBACK")
    _mark(draft, now)
    with said_plainly(), closing(sqlite3.connect(draft)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        said = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise StoreError(
            f"{source} is damaged ({' '.join(said.split())}); there is no new copy (hint: keep the old ones)"
        )


def _mark(draft: Path, now: datetime) -> None:
    """Say in the copy that it is one."""
    store = open_any(f"sqlite:///{draft}")
    try:
        with store.write() as connection:
            set_mark(connection, COPIED, GENERATION, now)
    finally:
        store.close()


def _dump(address: URL, draft: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        by_hand = f"pg_dump --format=custom --file=premura.dump {address.database}"
        raise StoreError(
            f"pg_dump is not on this machine (hint: install PostgreSQL's client, or on the server: {by_hand})"
        )
    command = [program, "--format=custom", "--no-password", f"--file={draft}"]
    done = subprocess.run(  # noqa: S603 - the program that the system calls pg_dump, with no words of others
        command, env=_environment(address), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"it ended with {done.returncode}"
        raise StoreError(f"pg_dump did not copy the database: {said}")


def _environment(address: URL) -> Mapping[str, str]:
    """Where the database is and how to get in, told where no list of processes shows it."""
    said = {_PG[name]: str(value) for name, value in address.query.items() if name in _PG}
    parts = {
        "PGHOST": address.host,
        "PGPORT": address.port,
        "PGUSER": address.username,
        "PGPASSWORD": address.password,
        "PGDATABASE": address.database,
    }
    return {**os.environ, **{name: str(value) for name, value in parts.items() if value}, **said}


def sync(folder: Path) -> None:
    """Names that are new in a folder, too, survive a loss of power."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
