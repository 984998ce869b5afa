"""Lines of JSON that several processes append to and read: what was written survives a kill -9 and a loss of power."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

Row = Mapping[str, Any]
Add = Callable[[Sequence[Row]], None]


class Journal:
    """One file, which is made when it is needed, and what it says under each value of some of its fields."""

    def __init__(self, path: Path, *fields: str, lasting: bool = False) -> None:
        self._path, self._fields, self._lasting = path, fields, lasting
        self._lock, self._read = Lock(), 0
        self._index: dict[tuple[str, str], list[Row]] = {}

    @contextmanager
    def held(self) -> Iterator[Add]:
        """Hold the file: nobody else writes meanwhile, and what anybody wrote before can be asked for.

        Gives a function that appends rows: all of them or none, on the disk when it returns. Raises OSError.
        """
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            place = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                fcntl.flock(place, fcntl.LOCK_EX)
                self._catch_up(place)
                yield lambda rows: self._append(place, rows)
            finally:
                os.close(place)

    def of(self, field: str, value: str) -> list[Row]:
        """The rows with that value, oldest first, as of the last time that it was held."""
        return self._index.get((field, value), [])

    def _catch_up(self, place: int) -> None:
        if os.fstat(place).st_size < self._read:  # somebody began a new file
            self._read, self._index = 0, {}
        os.lseek(place, self._read, os.SEEK_SET)
        found = b""
        while piece := os.read(place, 1 << 20):
            found += piece
        whole = found[: found.rfind(b"\n") + 1]
        self._read += len(whole)
        if whole != found:  # whoever wrote this was stopped in the middle
            os.ftruncate(place, self._read)
        for line in whole.splitlines():
            self._note(json.loads(line))

    def _append(self, place: int, rows: Sequence[Row]) -> None:
        data = b"".join(json.dumps(row, sort_keys=True).encode() + b"\n" for row in rows)
        if os.write(place, data) < len(data):
            os.ftruncate(place, self._read)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._lasting:
            os.fsync(place)
        self._read += len(data)
        for row in rows:
            self._note(row)

    def _note(self, row: Row) -> None:
        for field in self._fields:
            if field in row:
                self._index.setdefault((field, row[field]), []).append(row)
