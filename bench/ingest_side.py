"""One way of storing events, in a process of its own, on a store of its own that knows the customers already.

Usage: python -m bench.ingest_side WAY FOLDER EVENTS CUSTOMERS [SERVER]; prints one JSON document, with the seconds of
the wall clock and of the processor (`busier`: of the process that takes more, where two work), imports left out. The
way `files` writes the files that the others read.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, registry

from engine.app import open_app
from engine.core.calendar import at_local
from engine.store import customers, tables
from engine.store.session import create, open_store
from engine.workspace import init

BATCH = 1000
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ZONE = "Europe/Rome"
EVENT = tables.table(tables.Event)
CUSTOMER = tables.table(tables.Customer)
KINDS = ("quote.sent", "quote.accepted", "service_call.completed", "delivery.completed", "complaint.opened")
NAMES = ("id", "customer", "date", "kind", "amount", "what", "reference")


def main() -> None:
    """Do what the command says."""
    way, folder, events, people, *server = sys.argv[1:]
    if way == "files":
        write(Path(folder), int(events), int(people))
        print("{}")
        return
    with _workspace(server[0] if server else "", int(people)) as place:
        go = WAYS[way](place, Path(folder), int(events))
        start, used = perf_counter(), _processor()
        go()
        ours, beside = (now - then for now, then in zip(_processor(), used, strict=True))
        took = {"wall": perf_counter() - start, "cpu": ours + beside, "busier": max(ours, beside)}
        print(json.dumps({"events": _counted(place, int(events)), **took}))


def write(folder: Path, events: int, people: int) -> None:
    """The same events as CSV and as JSON Lines: minutes of the last ninety days, and what quotes and visits say."""
    chance = np.random.default_rng(7)
    who, kinds = chance.integers(1, people + 1, events).tolist(), chance.integers(0, len(KINDS), events).tolist()
    minutes, cents = np.sort(chance.integers(0, 90 * 1440, events)).tolist(), chance.integers(500, 99_999, events)
    first = datetime(2025, 12, 1)  # noqa: DTZ001 - as a till writes it
    with (folder / "events.csv").open("w", newline="") as plain, (folder / "events.jsonl").open("w") as lines:
        table = csv.writer(plain)
        table.writerow(NAMES)
        for row, (one, kind, minute, cent) in enumerate(zip(who, kinds, minutes, cents.tolist(), strict=True)):
            at = (first + timedelta(minutes=minute)).isoformat(" ", "minutes")
            amount, what = cent / 100, f"Caldaia {row % 40}"
            table.writerow((f"E{row}", f"C{one}", at, KINDS[kind], f"{amount:.2f}", what, f"Q{row % 999}"))
            said = (f"E{row}", f"C{one}", at, KINDS[kind], amount, what, f"Q{row % 999}")
            lines.write(json.dumps(dict(zip(NAMES, said, strict=True))) + "\n")


@contextmanager
def _workspace(server: str, people: int) -> Iterator[Path]:
    """A new workspace; on the server with a database of its own."""
    with TemporaryDirectory() as made, _database(server) as url:
        folder = Path(made)
        init(folder)
        config = folder / "premura.toml"
        address = url or f"sqlite:///{folder / 'premura.db'}"
        config.write_text(f'store = "{address}"\n{config.read_text()}')
        store = create(address)
        with store.write() as connection:
            customers.add_unknown(connection, [f"C{one}" for one in range(1, people + 1)], NOW)
        store.close()
        yield folder


@contextmanager
def _database(server: str) -> Iterator[str]:
    if not server:
        yield ""
        return
    name = f"bench_{uuid4().hex}"
    parsed = make_url(server)
    root = create_engine(parsed.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with root.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield parsed.set(database=name, drivername="postgresql+psycopg").render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    root.dispose()


def _processor() -> tuple[float, float]:
    """Seconds of this process, and of those that it began and that have ended; a database server is neither."""
    ours, others = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return ours.ru_utime + ours.ru_stime, others.ru_utime + others.ru_stime


def _address(place: Path) -> str:
    return (place / "premura.toml").read_text().split('"')[1]


def _counted(place: Path, wanted: int) -> int:
    store = open_store(_address(place))
    with store.read() as connection:
        found = connection.execute(select(func.count()).select_from(EVENT)).scalar_one()
    store.close()
    if found != wanted:
        raise RuntimeError(f"{found} events were stored, not {wanted}")
    return found


def _ours(name: str) -> Callable[[Path, Path, int], Callable[[], None]]:
    """`premura ingest` of a file, as the command calls it."""

    def prepare(place: Path, folder: Path, events: int) -> Callable[[], None]:
        import_module("engine.ingest.stage")
        path = place / name
        with (folder / name).open() as whole:
            path.write_text("".join(islice(whole, events + name.endswith(".csv"))))
        app = open_app(place, clock=lambda: NOW)
        _ = app.words
        return lambda: _stored(app.ingest(path), events)

    return prepare


def _stored(summary: Any, events: int) -> None:
    if summary.new != events:
        raise RuntimeError(f"{summary.new} new events, not {events}: {summary}")


def _rows(place: Path, folder: Path, events: int) -> list[dict[str, Any]]:
    """The rows as the table has them."""
    store = open_store(_address(place))
    with store.read() as connection:
        keys = customers.ids_of(connection, [f"C{one}" for one in range(1, 10**6)])
    store.close()
    with (folder / "events.csv").open(newline="") as file:
        return [_row(keys, one) for one in islice(csv.DictReader(file), events)]


def _row(keys: dict[str, int], said: dict[str, str]) -> dict[str, Any]:
    at = datetime.fromisoformat(said["date"])
    return {
        "customer_id": keys[said["customer"]],
        "source": "events",
        "ext_key": said["id"],
        "kind": said["kind"],
        "occurred_at": at_local(at.date(), at.time(), ZONE),
        "received_at": NOW,
        "payload": {"amount": float(said["amount"]), "what": said["what"], "reference": said["reference"]},
    }


def _limit(place: Path, folder: Path, events: int) -> Callable[[], None]:
    """The driver alone: rows with their JSON made before the clock, and ON CONFLICT."""
    store = open_store(_address(place))
    rows = _rows(place, folder, events)
    names = list(rows[0])
    with store.read() as connection:
        dialect = connection.dialect
    process = {name: EVENT.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
    values = [tuple(made(row[name]) if (made := process[name]) else row[name] for name in names) for row in rows]
    sign = "?" if store.is_sqlite else "%s"
    signs = ", ".join([sign] * len(names))
    insert = f"INSERT INTO event ({', '.join(names)}) VALUES ({signs}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own

    def go() -> None:
        for start in range(0, len(values), BATCH):
            with store.write() as connection:
                connection.exec_driver_sql(insert, values[start : start + BATCH])

    return go


def _loop(place: Path, folder: Path, events: int) -> Callable[[], None]:
    """Objects of the ORM from a csv.DictReader, 1,000 a commit; keys known before, no wrong rows, no conflict."""

    class Happened:
        pass

    registry().map_imperatively(Happened, EVENT)
    engine = create_engine(_address(place))
    with engine.connect() as connection:
        keys = dict(connection.execute(select(CUSTOMER.c.ref, CUSTOMER.c.id)).all())

    def go() -> None:
        with (folder / "events.csv").open(newline="") as file, Session(engine) as session:
            for number, said in enumerate(islice(csv.DictReader(file), events), 1):
                made = Happened()
                for name, value in _row(keys, said).items():
                    setattr(made, name, value)
                session.add(made)
                if number % BATCH == 0:
                    session.commit()
            session.commit()

    return go


WAYS: dict[str, Callable[[Path, Path, int], Callable[[], None]]] = {
    "premura csv": _ours("events.csv"),
    "premura json lines": _ours("events.jsonl"),
    "limit": _limit,
    "orm loop": _loop,
}


if __name__ == "__main__":
    main()
