"""Work for the shop's own people, as files in a folder: a list of tasks that needs no server.

What is done goes into the folder ``done`` inside it, or away; either way it does not come back.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from engine.adapters.wire.folder import Shelf, named, put
from engine.core.messages import Task
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError

DONE = "done"
_UNFIT = re.compile(r"[^A-Za-z0-9.-]+", re.ASCII)


class TaskFile:
    """Writes each task to `folder`, as ``2026-03-14T0830Z.C-1.5f0c….md``."""

    capability = Capability(channel="task", idempotency=Idempotency.KEY, concurrency=8)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelf = Shelf(folder, folder / DONE)

    def check(self, message: Message) -> None:
        """Refuse a task without a title."""
        if not Task.from_json(message.body).title.strip():
            raise DeliveryError("the task has no title", permanent=True)

    async def send(self, message: Message) -> Receipt:
        """Write the file; the reference is its name. A disk that refuses is worth another try."""
        task = Task.from_json(message.body)
        name = f"{named(task.date, _UNFIT.sub('_', task.reference)[:40], message.key)}.md"
        content = f"# {task.title}\n\n{task.text}\n".encode()
        try:
            name = await asyncio.to_thread(self._write, name, content)
        except OSError as error:
            text = f"the task cannot be written to {self._folder}: {error.strerror or error}"
            raise DeliveryError(text) from error
        return Receipt(provider_ref=name, delivered=True, detail=f"{len(content)} bytes")

    async def close(self) -> None:
        """Nothing to let go of."""

    def _write(self, name: str, content: bytes) -> str:
        if (there := self._shelf.has(name)) is not None and there.name != name:
            return there.name
        if not (self._folder / DONE / name).exists():
            put(self._folder, {name: content})
            self._shelf.add(self._folder / name)
        return name
