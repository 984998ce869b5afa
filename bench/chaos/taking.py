"""What both servers of a sink share: the words for the next requests, the keys that were taken, the journal."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from bench.chaos.faults import TAKES, Faults
from bench.chaos.journal import Journal, Line, lines

SLOW = 0.2
"""Seconds that a slow answer takes longer."""


class Taking:
    """Takes or refuses, and writes down which."""

    def __init__(self, path: Path, *, http: Faults, mail: Faults) -> None:
        self.http, self.mail = http, mail
        self._keys = {(line.door, line.key) for line in lines(path) if line.took} if path.exists() else set()
        self._journal = Journal(path)

    async def take(self, door: str, *, action: str, key: str, content: bytes, word: str) -> None:
        """One request, on the disk when this returns. Behind a door that begins with `key` each key is taken once."""
        took = word in TAKES and not (door.startswith("key") and (door, key) in self._keys)
        if took:
            self._keys.add((door, key))
        sha256 = hashlib.sha256(content).hexdigest()
        await self._journal.write(Line(door=door, action=action, key=key, sha256=sha256, did=word, took=took))


async def goes_on(word: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """What that word does between a message and the answer to it; False when the line is cut."""
    if word.startswith("silent"):
        await reader.read()
    if word in ("lose", "cut_late", "silent", "silent_taken"):
        writer.transport.abort()
        return False
    if word == "slow":
        await asyncio.sleep(SLOW)
    return True
