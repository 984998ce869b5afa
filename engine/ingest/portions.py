"""A file in portions, as far as it can be read without the store: here, or by a process that does nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import BinaryIO

from engine.ingest.columns import Kind
from engine.ingest.events import Events
from engine.ingest.formats import Block
from engine.ingest.happened import Happened
from engine.ingest.identity import RowKeys
from engine.ingest.intake import Intake
from engine.ingest.opened import Found, look


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Some rows of a file: events as events, everything else as it stands there. The first portion has none."""

    found: Found
    rows: int = 0
    read: Block | Happened | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A file to be read. kind: if it is known. rows: in a portion."""

    data: bytes
    name: str
    intake: Intake
    kind: Kind | None
    rows: int


def told(asked: Asked) -> Generator[Portion]:
    """The portions of a file. Raises IngestError, before the first of them, when it cannot be read at all."""
    found, sheet = look(asked.data, asked.name, asked.intake, asked.kind)
    read, rows = _reader(found, asked.intake), asked.rows
    del asked  # its bytes would be in the way: the sheet has its own lines
    yield Portion(found=found)
    for block in sheet.blocks(rows):
        yield Portion(found=found, rows=len(block), read=read(block))


def _reader(found: Found, intake: Intake) -> Callable[[Block], Block | Happened]:
    if found.kind == "events":
        events = Events(found.columns, found.reading, intake.shop, RowKeys(), intake.event_kinds)
        return lambda block: events.block(block).digested().packed()
    return lambda block: block


def answer(question: BinaryIO, reply: BinaryIO) -> None:
    """The same for another process: it sends what it asks, and gets one portion after the other; None is the end."""
    for one in told(pickle.load(question)):  # noqa: S301 - from whoever started this process
        pickle.dump(one, reply, pickle.HIGHEST_PROTOCOL)
        reply.flush()
    pickle.dump(None, reply)
    reply.flush()
