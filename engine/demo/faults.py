"""The rows that go wrong in every shop, added to a log for whoever must refuse them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.demo.log import FirmLog

File = Literal["consents", "transactions", "events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One wrong row: the file's last good row with `column` changed to `value`.

    A duplicate id has no value of its own: the row takes the id of the file's first row and keeps the rest.
    """

    file: File
    column: str
    value: str = ""
    duplicate: bool = False


FLAWS = (
    Flaw(file="consents", column="date", value="ieri"),
    Flaw(file="consents", column="given", value="forse"),
    Flaw(file="consents", column="customer"),
    Flaw(file="transactions", column="date", value="31/02/2026"),
    Flaw(file="transactions", column="currency", value="euri"),
    Flaw(file="transactions", column="amount", value="abc"),
    Flaw(file="transactions", column="customer"),
    Flaw(file="transactions", column="id", duplicate=True),
    Flaw(file="events", column="date", value="2026-10-30 dopo pranzo"),
    Flaw(file="events", column="customer"),
    Flaw(file="events", column="id", duplicate=True),
)
"""In the order in which `with_faults` appends them to their files."""


def with_faults(log: FirmLog) -> FirmLog:
    """The log with one row for each of `FLAWS` behind the good ones. Raises ValueError for a log with an empty file."""
    if not (log.consents and log.transactions and log.events):
        raise ValueError("a log without consents, transactions or events has no row to spoil")
    return replace(
        log,
        consents=log.consents + _spoiled("consents", log.consents),
        transactions=log.transactions + _spoiled("transactions", log.transactions),
        events=log.events + _spoiled("events", log.events),
    )


def _spoiled(file: File, rows: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    first, last = rows[0], rows[-1]
    return tuple(
        last
        | {flaw.column: first[flaw.column] if flaw.duplicate else flaw.value}
        | ({"id": f"{last['id']}-{place}"} if "id" in last and not flaw.duplicate else {})
        for place, flaw in enumerate(FLAWS)
        if flaw.file == file
    )
