"""`premura demo`: a workspace for the invented firm, and its last two months lived through the front door.

Three years of history are taken in. Then, every day, the firm's exports are put into the inbox; what came in is decided
on in the morning, and what is due goes out before the shop closes. A second run finds the work done and adds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from engine import app as composition
from engine import inquiry, orders, workspace
from engine.app import App
from engine.config import FILE
from engine.core.calendar import at_local
from engine.daemon.inbox import take_inbox
from engine.daemon.once import once
from engine.demo.firm import build
from engine.demo.log import FirmLog, consents_csv, customers_csv, events_jsonl, transactions_csv
from engine.demo.result import collect, write_page
from engine.dispatch.freeze import referral_code
from engine.errors import UsageError
from engine.store import leases, referrals

LIVED = timedelta(days=60)
MORNING, AFTERNOON = time(11, 0), time(15, 50)
KEY = "demo"
"""A key that everybody knows: codes and lots come out the same on every machine. A real workspace draws its own."""
MARK = "demo.lived"
SCORED_EVERY = 5
"""Days between two scorings: the daemon scores every night, but nobody wants to wait that long for a demo."""


def demonstrate(
    folder: Path, *, progress: Callable[[str, int | None], Callable[[int], None]], days: timedelta = LIVED
) -> dict[str, Any]:
    """Make the workspace where it is not there, live the days that were not lived, and return what came of it.

    progress: called with a text and a number of steps, gives what is told of each step done. Raises UsageError for a
    folder that holds another workspace.
    """
    log = build()
    start = log.today - days
    new = _lay_out(folder, log, start)
    app = composition.open_app(folder)
    try:
        lived = _lived(app)
        if lived is None and app.key != KEY:  # invented people have no place among a shop's own
            hint = "name a folder of its own: premura demo DIR"
            raise UsageError(f"{folder} is a shop's workspace; the demo was not put into it (hint: {hint})")
        if lived is None:
            _history(app, log, start, progress)
            lived = start - timedelta(days=1)
        advance = progress("living the firm's days", (log.today - lived).days)
        while lived < log.today:
            lived += timedelta(days=1)
            _live(app, log, lived)
            advance(1)
        app.clock = _at(log.today, AFTERNOON)
        again = {} if new else once(app)
        found = {"new": new, "again": again, **collect(app, folder, start, log.today)}
        write_page(app, folder, found)
        return found
    finally:
        app.close()


def _lay_out(folder: Path, log: FirmLog, start: date) -> bool:
    """Make the workspace; False when it is there already."""
    if (folder / FILE).exists():
        composition.upgrade(folder)
        return False
    workspace.init(folder)
    example = (folder / FILE).read_text(encoding="utf-8")
    dated = example.replace('# start = "2026-09-01"', f'start = "{start.isoformat()}"')
    (folder / FILE).write_text(dated, encoding="utf-8")
    workspace.write_key(folder, KEY)
    (folder / "data").mkdir(exist_ok=True)
    for name, text in _files(log.until(start - timedelta(days=1))):
        (folder / "data" / name).write_text(text, encoding="utf-8")
    composition.upgrade(folder)
    return True


def _files(log: FirmLog) -> Iterator[tuple[str, str]]:
    """The firm's exports, the customers first."""
    if log.customers:
        yield "1-customers.csv", customers_csv(log.customers)
    if log.consents:
        yield "2-consents.csv", consents_csv(log.consents)
    if log.transactions:
        yield "3-transactions.csv", transactions_csv(log.transactions)
    if log.events:
        yield "4-events.jsonl", events_jsonl(log.events)


def _at(day: date, clock: time) -> composition.Clock:
    instant = at_local(day, clock, "Europe/Rome")
    return lambda: instant


def _lived(app: App) -> date | None:
    with app.store.read() as connection:
        mark = leases.mark(connection, MARK)
    return date.fromisoformat(mark.value) if mark else None


def _mark(app: App, day: date) -> None:
    with app.store.write() as connection:
        leases.set_mark(connection, MARK, day.isoformat(), app.clock())


def _history(app: App, log: FirmLog, start: date, progress: Callable[[str, int | None], Callable[[int], None]]) -> None:
    """Take in three years, and score them: the first scores are the base line that nobody crosses."""
    app.clock = _at(start - timedelta(days=1), AFTERNOON)
    past = log.until(start - timedelta(days=1))
    rows = len(past.customers) + len(past.consents) + len(past.transactions) + len(past.events)
    advance = progress("taking in three years", rows)
    for path in sorted((app.folder / "data").glob("*")):
        app.ingest(path, progress=advance)
    app.score()
    app.decide()
    _mark(app, start - timedelta(days=1))


def _live(app: App, log: FirmLog, day: date) -> None:
    """One day: yesterday's exports come in and everything runs; before closing time the rest of the day goes out."""
    app.clock = _at(day, MORNING)
    export = _with_codes(app, log.on(day - timedelta(days=1)), log)
    for name, text in _files(export):
        path = app.folder / workspace.INBOX / f"{(day - timedelta(days=1)).isoformat()}-{name}"
        path.write_text(text, encoding="utf-8")
        written = app.clock() - timedelta(hours=12)
        os.utime(path, (written.timestamp(), written.timestamp()))
    take_inbox(app)
    if (log.today - day).days % SCORED_EVERY == 0:
        app.score()
    app.decide()
    app.schedule()
    app.clock = _at(day, AFTERNOON)
    if day < log.today - timedelta(days=3):
        _approve(app)  # the shopkeeper looks at the cards; those of the last days wait for you
    app.dispatch()
    _mark(app, day)


def _approve(app: App) -> None:
    for held in inquiry.actions(app, "held"):
        orders.change(app, held["id"], "approve", "the shopkeeper")


def _with_codes(app: App, export: FirmLog, log: FirmLog) -> FirmLog:
    """Newcomers who were sent by a friend bring the code that the friend was given, if they were given one."""
    codes = {newcomer: referral_code(app.key, referrer) for newcomer, referrer in log.referred}
    with app.store.read() as connection:
        given = referrals.owners(connection, list(codes.values()))
    rows = tuple(
        {**row, "referral_code": code} if (code := codes.get(row["customer"], "")) in given else row
        for row in export.transactions
    )
    return replace(export, transactions=rows)
