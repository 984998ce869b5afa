"""Handwritten notes as files for a printer: a card and an addressed envelope as PDF, each with a PNG preview."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from engine.adapters.wire.folder import put
from engine.core.messages import Note
from engine.core.records import PrintJob
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError, HandwritingError
from engine.handwriting.card import write_card
from engine.handwriting.envelope import write_envelope
from engine.handwriting.paper import Page
from engine.handwriting.pdf import write_pdf
from engine.handwriting.png import write_png

_NAME_LENGTH = 40  # of the recipient's part of a file name


class NotePdf:
    """Writes each note as four files into `folder`, which is made when it is not there.

    The same action gives the same names and the same bytes, so sending it again changes nothing. Paths in the receipt
    are relative to the folder above `folder`.
    """

    def __init__(self, folder: Path, *, lead_days: int = 3, unit_cost_minor: int = 0) -> None:
        self._folder = folder
        self._capability = Capability(
            channel="note", idempotency=Idempotency.KEY, lead_days=lead_days, unit_cost_minor=unit_cost_minor
        )

    @property
    def capability(self) -> Capability:
        """Channel ``note``; `lead_days` is what printing and post take."""
        return self._capability

    def check(self, message: Message) -> None:
        """Refuse a note that cannot be drawn, does not fit its paper or has no good address."""
        _pages(message)

    async def send(self, message: Message) -> Receipt:
        """Write the files, all or none. A full or read-only disk is worth another try."""
        return await asyncio.to_thread(self._write, message)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _write(self, message: Message) -> Receipt:
        stem, pages = _pages(message)
        files: dict[str, bytes] = {}
        for kind, page in pages.items():
            pdf = write_pdf([page], title=f"{stem}-{kind}")
            files[f"{stem}-{kind}.pdf"] = pdf
            files[f"{stem}-{kind}.png"] = write_png(pdf)
        try:
            put(self._folder, files)
        except OSError as error:
            raise DeliveryError(f"{self._folder}: the note could not be written ({error.strerror or error})") from error
        names = tuple(f"{self._folder.name}/{name}" for name in files)
        return Receipt(provider_ref=stem, delivered=True, records=(PrintJob(files=names, pages=len(pages)),))


def _pages(message: Message) -> tuple[str, dict[str, Page]]:
    """What the files' names begin with, and the drawn sheets by their kind."""
    try:
        note = Note.from_json(message.body)
    except (KeyError, TypeError) as error:
        raise DeliveryError(f"action {message.action}: its content is not a note ({error})", permanent=True) from error
    try:
        card, envelope = _drawn(note, note.seed or message.action)
    except HandwritingError as error:
        raise DeliveryError(str(error), permanent=True) from error
    number = re.sub(r"[^0-9a-z]", "", message.action.lower())[-8:]
    return f"{_slug(note.recipient)}-{number}", {"card": card, "envelope": envelope}


@lru_cache(maxsize=64)  # what is checked is mostly sent soon after, and drawing is most of the work
def _drawn(note: Note, seed: str) -> tuple[Page, Page]:
    envelope = write_envelope(
        recipient=note.recipient,
        address=note.address,
        sender=note.sender,
        sender_address=note.sender_address,
        seed=seed,
    )
    return write_card(note.text, note.signature, seed), envelope


def _slug(name: str) -> str:
    """A name in plain small letters and hyphens, which every file system takes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^0-9a-z]+", "-", plain).strip("-")[:_NAME_LENGTH].strip("-") or "note"
