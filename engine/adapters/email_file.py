"""E-mail into a folder: a maildir of .eml files, for a trial run or for a mail program that picks them up.

The name of a file comes from the action alone, so that a second attempt replaces the first; a file appears in ``new``
only when all of it is on the disk.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from engine.adapters.wire.folder import Shelf, named, sync, written
from engine.core.messages import Email
from engine.dispatch.mime import to_bytes
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError

_UNFIT = re.compile(r"[^A-Za-z0-9.@+-]+", re.ASCII)


class EmailFile:
    """Writes each mail to `folder`/new, as ``2026-03-14T0830Z.nico@mail.example.5f0c….eml``."""

    capability = Capability(channel="email", idempotency=Idempotency.KEY, concurrency=8)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelf = Shelf(folder / "new", folder / "cur")

    def check(self, message: Message) -> None:
        """Refuse a mail that cannot be written as RFC 5322 wants it."""
        to_bytes(Email.from_json(message.body))

    async def send(self, message: Message) -> Receipt:
        """Write the file; the reference is its path inside the folder. A disk that refuses is worth another try."""
        email = Email.from_json(message.body)
        content = to_bytes(email)
        name = f"{named(email.date, _UNFIT.sub('_', email.to_address)[:80], message.key)}.eml"
        try:
            ref = await asyncio.to_thread(self._write, name, content)
        except OSError as error:
            text = f"the mail cannot be written to {self._folder}: {error.strerror or error}"
            raise DeliveryError(text) from error
        return Receipt(provider_ref=ref, delivered=True, detail=f"{len(content)} bytes")

    async def close(self) -> None:
        """Nothing to let go of."""

    def _write(self, name: str, content: bytes) -> str:
        tmp, new, cur = (self._folder / part for part in ("tmp", "new", "cur"))
        for folder in (tmp, new, cur):
            folder.mkdir(parents=True, exist_ok=True)
        for read in cur.glob(f"{name}*"):  # a mail program moved it and may have added flags such as ":2,S"
            return f"cur/{read.name}"
        if (there := self._shelf.has(name)) is not None and there.name != name:
            return f"{there.parent.name}/{there.name}"
        with written(tmp / name, content):
            (tmp / name).replace(new / name)
        sync(new)
        self._shelf.add(new / name)
        return f"new/{name}"
