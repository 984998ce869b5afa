"""Stage 1: files come in, each fact is stored once; every wrong row goes to a rejects file, the good ones go in.

A file is read (file, and aside when it is large), and taken in by what it holds (events, transactions, people) in
batches, each a transaction.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from engine.ingest.columns import Kind
from engine.ingest.intake import Intake, Summary
from engine.ingest.portions import Asked
from engine.ingest.stage import aside, events, people, transactions
from engine.ingest.stage.file import content, write_rejects
from engine.ingest.stage.taking import Taker, Taking
from engine.store.session import Store

__all__ = ["Intake", "Summary", "ingest"]

BATCH = 1000
"""Rows a transaction: each batch is stored whole, and a file that was cut off can be read again from its start."""
_TAKERS: dict[Kind, Callable[[Taking], Taker]] = {
    "customers": people.of_customers,
    "consents": people.of_consents,
    "events": events.of,
    "transactions": transactions.of,
}


def ingest(
    store: Store,
    path: Path,
    intake: Intake,
    *,
    kind: Kind | None,
    rejects: Path,
    now: datetime,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Summary:
    """Read one file into the store. Raises IngestError when it cannot be read at all; nothing is stored then.

    rejects: the folder for the file of wrong rows. batch: rows a transaction. progress: is told how many rows were
    read since the last call.
    """
    asked = aside.told(Asked(data=content(path), name=path.name, intake=intake, kind=kind, rows=batch))
    with _uncollected(), closing(asked) as told:
        file = next(told).found
        summary = Summary(file=path.name, kind=file.kind, columns=file.columns)
        taking = Taking(
            store=store, intake=intake, reading=file.reading, columns=file.columns, now=now, summary=summary
        )  # fmt: skip
        taker = _TAKERS[file.kind](taking)
        for portion in told:
            summary.rows += portion.rows
            taker.take(portion.read)
            progress(portion.rows)
    taker.finish()
    if taking.contradicted:
        summary.notes.append(_contradicted(summary.contradicted, taking.contradicted))
    summary.rejected = len({reject.row for reject in taking.rejects})
    summary.known = summary.rows - summary.new - summary.changed - summary.rejected
    summary.rejects_file = write_rejects(rejects, path.name, taking.rejects)
    return summary


def _contradicted(number: int, first: Sequence[int]) -> str:
    """A line about the rows that contradict what is stored."""
    rows = ", ".join(map(str, first)) + (", …" if number > len(first) else "")
    who = "1 row says" if number == 1 else f"{number} rows say"
    return f"{who} something else than what is stored under the same id, which stays as it is: {rows}"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cyclic garbage, a tenth of the time: facts make none, and it is made up for at the end."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()
