"""Print jobs: the files of notes that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from engine.store import tables
from engine.store.actions import ALL
from engine.store.session import insert_into

_PRINT_JOB = tables.table(tables.PrintJob)


def add(connection: Connection, action: int, files: Sequence[str], pages: int, now: datetime) -> None:
    """Note which files hold a drawn note, once an action."""
    row = {"action_id": action, "files": list(files), "pages": pages, "state": "rendered", "at": now}
    connection.execute(insert_into(connection, _PRINT_JOB).on_conflict_do_nothing(), [row])


def files(connection: Connection) -> dict[str, list[str]]:
    """The files of all drawn notes, by the public id of their actions."""
    query = select(ALL.c.public_id, _PRINT_JOB.c.files).join(ALL, ALL.c.id == _PRINT_JOB.c.action_id)
    return dict(connection.execute(query).all())
