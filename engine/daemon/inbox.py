"""What makes a round of the daemon begin: files that were put into the inbox, and histories that changed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine.app import App
from engine.core.calendar import local_date, zone
from engine.errors import EngineError, IngestError
from engine.store import scores
from engine.workspace import INBOX

SETTLED = timedelta(seconds=2)
"""A file in the inbox is read when it has not changed for so long, so that a copy under way is left alone."""


def take_inbox(app: App, progress: Callable[[int], None] = lambda _rows: None) -> list[dict[str, Any]]:
    """Read the files that lie in the inbox; they move to done/, or to failed/ with the reason beside them.

    Where several processes share a workspace's folder, one of them reads at a time and the others find nothing.
    """
    folder, taken = app.folder / INBOX, []
    with _alone(folder) as ours:
        for path in sorted(folder.glob("*")) if ours else ():
            with suppress(FileNotFoundError):  # read and moved by another process, where folders cannot be locked
                if _is_settled(app, path):
                    taken.append(_take(app, path, progress))
    return taken


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else on this machine reads here; the kernel ends it with the process."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        yield _locked(number)
    finally:
        os.close(number)


def _locked(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system that locks nothing
    return True


def _is_settled(app: App, path: Path) -> bool:
    """Whether it is a file that nobody writes to any more; one from the future has a date of its own, and is whole."""
    with suppress(FileNotFoundError):  # taken away again, or a link to nothing
        age = abs(app.clock().timestamp() - path.stat().st_mtime)
        return path.is_file() and not path.name.startswith(".") and age >= SETTLED.total_seconds()
    return False


def _take(app: App, path: Path, progress: Callable[[int], None]) -> dict[str, Any]:
    try:
        summary = app.ingest(path, progress=progress)
    except IngestError as error:
        return _set_aside(app, path, str(error))
    except EngineError:
        raise
    except Exception as error:  # noqa: BLE001 - one file must not hold up all others
        return _set_aside(app, path, f"a fault of premura's own: {type(error).__name__}: {error}")
    _move(path, path.parent / "done")
    return {"file": path.name, "new": summary.new, "known": summary.known, "rejected": summary.rejected}


def _set_aside(app: App, path: Path, why: str) -> dict[str, Any]:
    moved = _move(path, path.parent / "failed")
    reason = moved.with_name(f"{moved.name}.error.txt")
    reason.write_text(f"{why}\n", encoding="utf-8")
    return {"file": path.name, "error": f"{reason.relative_to(app.folder)} says why it cannot be read"}


def _move(path: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    return path.rename(target)


def score_if_due(app: App) -> dict[str, Any] | None:
    """Score who bought at once, and everybody when a new local day's hour has come: waiting alone changes P(alive)."""
    now, tz = app.clock(), app.settings.shop.time_zone
    with app.store.read() as connection:
        changed = scores.dirty(connection)
        last = scores.last_run(connection)
    if last is None and not changed:
        return None
    hour_has_come = now.astimezone(zone(tz)).hour >= app.settings.daemon.score_hour
    new_day = last is not None and local_date(last["as_of"], tz) < local_date(now, tz) and hour_has_come
    if not changed and not new_day:
        return None
    if changed and not new_day:
        some = app.rescore()
        if some is not None:
            return {"customers": some, "model": "", "flags": []} if some else None
    done = app.score()
    return {"customers": done.customers, "model": done.model, "flags": list(done.flags)}
