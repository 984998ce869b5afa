"""Files that appear whole or not at all, also after a loss of power."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put these files in a folder, which is made when it is not there; nobody sees half of one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: folder / f".{name}.part" for name in files}
    try:
        for name, part in parts.items():
            with part.open("wb") as out:
                out.write(files[name])
                out.flush()
                os.fsync(out.fileno())
        for name, part in parts.items():
            part.replace(folder / name)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    sync(folder)


def sync(folder: Path) -> None:
    """Names that are new in a folder, too, survive a loss of power."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def named(date: str, whose: str, key: str) -> str:
    """A file's name without its ending: sorted by time, readable by people, and one per action: the key decides.

    date: as RFC 5322 has it. whose: with signs that any disk takes.
    """
    stamp = parsedate_to_datetime(date).astimezone(UTC).strftime("%Y-%m-%dT%H%MZ")
    return f"{stamp}.{whose}.{hashlib.sha256(key.encode()).hexdigest()[:12]}"
