"""A large file is read by a process of its own, beside the one that writes to the store."""

from __future__ import annotations

import pickle
from collections.abc import Generator

from engine.beside import beside
from engine.errors import IngestError
from engine.ingest import portions
from engine.ingest.portions import Asked, Portion

LARGE = 1_500_000
"""Bytes from which on a process of its own pays: to start it takes as long as to read some thousands of rows."""


def told(asked: Asked) -> Generator[Portion]:
    """What `portions.told` tells. Close it, and the process is gone. Raises IngestError, as it does.

    When the process says nothing at all, be it that there is none or that the file is wrong, the file is read here.
    """
    said = _told(asked)
    first = next(said, None) if len(asked.data) >= LARGE else None
    if first is None:
        yield from portions.told(asked)
    else:
        del asked  # the other process has its bytes
        yield first
        yield from said


def _told(asked: Asked) -> Generator[Portion]:
    begun, name = False, asked.name
    try:
        with beside("engine.ingest.portions") as (question, reply):
            pickle.dump(asked, question, pickle.HIGHEST_PROTOCOL)
            question.close()
            del asked
            while (one := pickle.load(reply)) is not None:  # noqa: S301 - from a process of our own
                yield one
                begun = True
    except (OSError, EOFError, pickle.UnpicklingError):
        if begun:
            text = "the process that read it has ended; what was stored stays (hint: ingest the file again)"
            raise IngestError(text, file=name) from None
