"""Dates that would be taken for others: a file of them is refused as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import IngestError
from engine.ingest.columns import DATES, Kind, Reading
from engine.ingest.formats import read
from engine.ingest.values import has_slashed, month_first, tells_dates


def refuse(text: str, columns: Mapping[str, str], reading: Reading, kind: Kind, file: str) -> None:
    """Refuse a format that tells no date; and dates such as 12/31/2026 without one, before 01/02 is taken for February.

    What is stored never changes, so a file that is read in the wrong order of day and month must not go in at all.
    Raises IngestError.
    """
    place = f"[ingest.{kind}] date_format"
    if reading.date_format:
        if not tells_dates(reading.date_format):
            hint = 'such as "%m/%d/%Y"'
            raise IngestError(f"{place} = '{reading.date_format}' tells no date (hint: {hint})", file="premura.toml")
        return
    if not has_slashed(text):
        return
    names = [columns[name] for name in DATES if name in columns]
    sign = month_first(row.values.get(name) for row in read(text, file).rows for name in names)
    if sign:
        hint = f'say so in premura.toml: {place} = "%m/%d/%Y"'
        raise IngestError(f"its dates have the month first, as in {sign} (hint: {hint})", file=file)
