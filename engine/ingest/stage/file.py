"""A file is opened: what it holds, and which column is which; what was wrong with its rows is written to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import IngestError
from engine.ingest import dates
from engine.ingest.columns import Kind, Reading, guess_kind, match
from engine.ingest.formats import Reject, Sheet, decode, read, rejects_csv
from engine.ingest.stage.intake import Intake


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that can be read. columns: the file's own names by ours."""

    kind: Kind
    sheet: Sheet
    reading: Reading
    columns: dict[str, str]


def open_file(path: Path, intake: Intake, kind: Kind | None) -> Opened:
    """Look what is in a file. Raises IngestError when it cannot be read at all."""
    name = path.name
    text = decode(_bytes(path), name)
    sheet = read(text, name)
    kind = kind or guess_kind(name, sheet.header)
    reading = intake.readings.get(kind, Reading())
    columns = match(kind, sheet.header, reading.columns, name, intake.more(kind))
    dates.refuse(text, columns, reading, kind, name)
    return Opened(kind=kind, sheet=sheet, reading=reading, columns=columns)


def _bytes(path: Path) -> bytes:
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
