"""The file that is read, and the one to which goes what was wrong with its rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.errors import IngestError
from engine.ingest.formats import Reject, rejects_csv


def content(path: Path) -> bytes:
    """What a file holds. Raises IngestError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise IngestError(f"cannot be read ({error.strerror})", file=str(path)) from None


def write_rejects(folder: Path, name: str, rejects: Sequence[Reject]) -> str:
    """Write the rejects of a file, replacing those of an earlier reading; without any there is no file."""
    target = folder / f"{name}.rejects.csv"
    try:
        if not rejects:
            target.unlink(missing_ok=True)
            return ""
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_text(rejects_csv(name, rejects), encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise IngestError(
            f"the good rows are stored, but the wrong ones cannot be listed ({error.strerror})", file=str(target)
        ) from None
    return str(target)
