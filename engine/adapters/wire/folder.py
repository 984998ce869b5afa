"""Files that appear whole or not at all, also after a loss of power."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put these files in a folder, which is made when it is not there; nobody sees half of one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: folder / f".{name}.part" for name in files}
    with ExitStack() as mine:
        for name, part in parts.items():
            mine.enter_context(written(part, files[name]))
        for name, part in parts.items():
            part.replace(folder / name)
    sync(folder)


@contextmanager
def written(part: Path, content: bytes) -> Iterator[None]:
    """A file with that content, on the disk, to be given another name while it is held; else it goes again.

    Whoever writes the same meanwhile (an attempt that was given up and lives on) waits for it.
    """
    with _alone(part) as file:
        try:
            file.truncate(0)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            yield
        finally:
            if _is_there(file, part):
                part.unlink()


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    while True:
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_there(file, part):  # and not given its name by whoever held it
                yield file
                return


def _is_there(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


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


class Shelf:
    """Which keys the files of some folders were written under, whatever their dates; read once, then kept up.

    After a restore the same action is written anew, of another date: its key tells that it is there already.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._places: dict[str, Path] | None = None

    def has(self, name: str) -> Path | None:
        """The file that is there under the key of this name (see `named`), or None."""
        if self._places is None:
            there = (path for folder in self._folders if folder.is_dir() for path in folder.iterdir())
            self._places = {_signs(path.name): path for path in there}
        found = self._places.get(_signs(name))
        return found if found is not None and found.exists() else None

    def add(self, path: Path) -> None:
        """A file was written."""
        if self._places is not None:
            self._places[_signs(path.name)] = path


def _signs(name: str) -> str:
    """What a name has of its key: the last part before the ending, and before what a mail program adds."""
    parts = name.partition(":")[0].rsplit(".", 2)
    return parts[-2] if len(parts) > 1 else name
