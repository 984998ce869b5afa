"""What a sink got, in an append-only file: on the disk before the sender hears of it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One request. `action` is the action's public id, `sha256` that of the bytes; took: whether the sink keeps it."""

    door: str  # key | none | mail
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
    """Follows a journal that another process writes."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0

    def news(self) -> list[Line]:
        """Whole lines that came since the last question."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _rest = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [Line(**json.loads(line)) for line in whole.splitlines()]


def lines(path: Path) -> Iterator[Line]:
    """All of a journal."""
    yield from Reader(path).news()
