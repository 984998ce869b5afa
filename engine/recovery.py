"""Copies of the store, and what people are told and say after one was restored."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine import assemble, config, highwater
from engine.app import App, store_url, system_clock
from engine.core.gaps import Gap
from engine.dispatch.port import Idempotency
from engine.dispatch.restored import sentence
from engine.errors import StoreError
from engine.guard import was_restored
from engine.store import backup as copies
from engine.store import generation
from engine.store.backup import Copy
from engine.store.session import NO_STORE, open_store

BACKUPS = "backups"
_HOW = {
    Idempotency.KEY: "sent again under the same key",
    Idempotency.SEARCH: "asked for at the provider",
    Idempotency.NONE: "held for a person",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRestore:
    """What becomes of an adapter's actions after a restore, and how many of them wait."""

    adapter: str
    how: str
    held: int
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What is open after restores. released: what stood still goes on from now on."""

    gaps: tuple[Gap, ...]
    adapters: tuple[AfterRestore, ...]
    released: bool


def backup(
    folder: Path,
    file: Path | None = None,
    *,
    force: bool = False,
    now: datetime | None = None,
    progress: Callable[[str, int | None], Callable[[int], None]] = lambda _text, _total: lambda _done: None,
) -> Copy:
    """Copy the store of a workspace. Raises StoreError or UsageError."""
    url, now = store_url(folder, config.load(folder)), now or system_clock()
    ending = "db" if url.startswith("sqlite") else "dump"
    name = f"premura-{now:%Y%m%dT%H%M%SZ}.{ending}"
    target = folder / BACKUPS / name if file is None else file / name if file.is_dir() else file
    bar: Callable[[int], None] | None = None
    before = 0

    def advance(done: int, total: int) -> None:
        nonlocal bar, before
        bar = bar or progress("copying", total)
        bar(done - before)
        before = done

    return copies.backup(url, target, now=now, force=force, progress=advance)


def confirm(app: App, by: str) -> Confirmed:
    """A person has been told what may have gone out twice; what needed their word goes on."""
    app.guard.look()
    with app.store.write() as connection:
        released = generation.confirm(connection, by, app.clock()) > 0
        gaps, waiting = generation.gaps(connection), generation.in_doubt(connection)
    counts = {(adapter, state): number for adapter, state, number in waiting}
    able = app.guard.adapters
    names = sorted({*able, *(adapter for adapter, _, _ in waiting)}) if gaps else ()
    return Confirmed(
        gaps=gaps,
        released=released,
        adapters=tuple(
            AfterRestore(
                adapter=name,
                how=_HOW[able[name].capability.idempotency if name in able else Idempotency.NONE],
                held=counts.get((name, "held"), 0),
                asked=counts.get((name, "unknown"), 0),
            )
            for name in names
        ),
    )


def open_gaps(app: App) -> str:
    """What people are told while something stands still since a restore; one line, or nothing."""
    with app.store.read() as connection:
        gaps = generation.gaps(connection)
    return sentence(gaps, app.adapters, app.settings.shop.time_zone) if gaps else ""


def news(folder: Path) -> str:
    """What people should know of a workspace's store before they let it work: one line, or nothing. Changes nothing."""
    settings = config.load(folder)
    try:
        store = open_store(store_url(folder, settings))
    except StoreError as error:
        return "" if NO_STORE in str(error) else str(error)
    try:
        with store.read() as connection:
            known, gaps = generation.standing(connection), generation.gaps(connection)
        if was_restored(known, highwater.read(folder), alone=store.is_sqlite):
            gaps += (Gap(since=known.copied_at or known.at, until=system_clock()),)
    except StoreError as error:
        return str(error)
    finally:
        store.close()
    return sentence(gaps, assemble.adapters(settings, folder, sys.stdout), settings.shop.time_zone)
