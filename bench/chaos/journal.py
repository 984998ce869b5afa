"""What the other side got, in an append-only file: on the disk before the sender hears of it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One request. `action` is the action's public id, `sha256` that of the bytes; took: whether the sink keeps it."""

    door: str  # key | none | mail | search
    action: str
    key: str
    sha256: str
    did: str
    took: bool


class Journal:
    """Written by one process; lines that come together share one fsync."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._turn = asyncio.Lock()
        self._pending: list[bytes] = []

    async def write(self, line: Line) -> None:
        """Return when the line is on the disk."""
        mine = json.dumps(asdict(line)).encode() + b"\n"
        self._pending.append(mine)
        async with self._turn:
            if not any(one is mine for one in self._pending):
                return
            some, self._pending = self._pending, []
            self._file.write(b"".join(some))
            await asyncio.to_thread(os.fdatasync, self._file.fileno())


class Reader:
    """Follows a sink's journal, and the deliveries of a `fake` provider, both written by other processes."""

    def __init__(self, path: Path, deliveries: Path | None = None) -> None:
        self._path, self._deliveries, self._offsets = path, deliveries, dict[Path, int]()

    def news(self) -> list[Line]:
        """Whole lines that came since the last question."""
        lines = [Line(**row) for row in self._rows(self._path)]
        if self._deliveries is not None and self._deliveries.exists():
            lines += [_delivered(row) for row in self._rows(self._deliveries)]
        return lines

    def _rows(self, path: Path) -> list[dict[str, Any]]:
        offset = self._offsets.get(path, 0)
        with path.open("rb") as file:
            file.seek(offset)
            whole, newline, _rest = file.read().rpartition(b"\n")
        self._offsets[path] = offset + len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]


def _delivered(row: Mapping[str, Any]) -> Line:
    return Line(door="search", action=row["action"], key=row["key"], sha256=row["digest"], did="delivered", took=True)


def lines(path: Path, deliveries: Path | None = None) -> Iterator[Line]:
    """All of a journal."""
    yield from Reader(path, deliveries).news()
