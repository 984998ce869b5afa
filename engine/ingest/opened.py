"""What a file holds, and which column is which."""

from __future__ import annotations

from dataclasses import dataclass

from engine.ingest import dates
from engine.ingest.columns import Kind, Reading, guess_kind, match
from engine.ingest.formats import Sheet, decode, read
from engine.ingest.intake import Intake


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file that can be read. columns: the file's own names by ours."""

    kind: Kind
    reading: Reading
    columns: dict[str, str]


def look(data: bytes, name: str, intake: Intake, kind: Kind | None) -> tuple[Found, Sheet]:
    """Look what is in a file. Raises IngestError when it cannot be read at all."""
    text = decode(data, name)
    sheet = read(text, name)
    kind = kind or guess_kind(name, sheet.header)
    reading = intake.readings.get(kind, Reading())
    columns = match(kind, sheet.header, reading.columns, name, intake.more(kind))
    dates.refuse(text, columns, reading, kind, name)
    return Found(kind=kind, reading=reading, columns=columns), sheet
