"""Which columns of a file say who, when and how much: those that were named, else by the names that ingest knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from engine.errors import IngestError
from engine.ingest.columns import KNOWN

OURS = ("customer", "date", "amount")
_NEEDED = ("customer", "date")
_SHOWN = 20


def find(header: Sequence[str], wanted: Mapping[str, str], *, file: str, row: int) -> dict[str, str]:
    """Our column -> the file's. `amount` is left out when nothing in the file is one, and none was asked for.

    header: the names of the file's columns, "" for one without a name; row: where it stands. wanted: what the user
    named. Raises IngestError when a column is missing, may be either of two, or is to be two things at once.
    """
    found: dict[str, str] = {}
    for ours, theirs in wanted.items():
        if theirs not in header or not theirs:
            text = f"the file has no column '{theirs}'{_meant(theirs, header)}; it has {_shown(header)}"
            raise IngestError(f"{text} (hint: --{ours} COLUMN)", file=file, row=row)
        other = next((name for name, column in found.items() if column == theirs), "")
        if other:
            raise IngestError(f"'{theirs}' cannot be both {other} and {ours}", file=file, row=row)
        found[ours] = theirs
    free = [name for name in header if name and name not in found.values()]
    for ours in OURS:
        guess = "" if ours in found else _guess(ours, free, file, row)
        if guess:
            found[ours] = guess
    missing = [ours for ours in _NEEDED if ours not in found]
    if missing:
        text = f"no column for {' and '.join(missing)} among {_shown(header)}"
        raise IngestError(f"{text} (hint: --{missing[0]} COLUMN)", file=file, row=row)
    return {ours: found[ours] for ours in OURS if ours in found}


def _guess(ours: str, free: Sequence[str], file: str, row: int) -> str:
    """The column that bears our name, else the first of the other words for it; "" for none."""
    for word in (ours, *KNOWN["transactions"][ours]):
        names = [name for name in free if _plain(name) == _plain(word)]
        if len(names) > 1:
            text = f"'{names[0]}' and '{names[1]}' may both be {ours} (hint: --{ours} COLUMN)"
            raise IngestError(text, file=file, row=row)
        if names:
            return names[0]
    return ""


def _plain(name: str) -> str:
    """Letters and digits alone: CustomerID, customer_id and "Customer ID" are one name."""
    return re.sub(r"[\W_]+", "", name.lower())


def _meant(word: str, header: Sequence[str]) -> str:
    plain = {_plain(name): name for name in header if name}
    near = get_close_matches(_plain(word), plain, n=1)
    return f"; did you mean '{plain[near[0]]}'?" if near else ""


def _shown(header: Sequence[str]) -> str:
    names = [name for name in header if name]
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "") or "nothing"
