"""Messages on a text stream: for what the shop's own people should know, and for a first look at any channel."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, TextIO

from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError

WIDTH = 78
_HEADINGS = ("title", "to_name", "to_address", "recipient", "subject", "code", "amount", "unit")
_LINES = ("text", "signature", "link", "reason")


class Console:
    """Prints each message in a frame to `stream`."""

    capability = Capability(channel="console", idempotency=Idempotency.NONE)

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def check(self, message: Message) -> None:
        """Refuse a message that says nothing."""
        if not _said(message.body, _HEADINGS + _LINES):
            raise DeliveryError("the message has neither title nor text", permanent=True)

    async def send(self, message: Message) -> Receipt:
        """Print it. A stream that refuses (a closed pipe) is worth another try."""
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(frame(message).encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            raise DeliveryError(f"the message cannot be printed: {error}") from error
        return Receipt(provider_ref=message.action, delivered=True)

    async def close(self) -> None:
        """The stream belongs to whoever gave it."""


def frame(message: Message) -> str:
    """The message behind a line, wrapped to `WIDTH` columns; a terminal's control signs are shown as ``?``.

    Title and text of a core/messages.Plain; of other shapes what a person would want to see of them.
    """
    lines: list[str] = []
    for paragraph in _shown("\n".join(_said(message.body, _LINES))).split("\n"):
        lines += textwrap.wrap(paragraph, WIDTH - 2) or [""]
    head = _shown(" · ".join(_said(message.body, _HEADINGS))).replace("\n", " ")
    body = [f"│ {line}".rstrip() for line in lines]
    foot = _shown(f"{message.customer} · {message.action}").replace("\n", " ")
    return "\n".join([f"┌ {head}", *body, f"└ {foot}", ""])


def _said(body: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    return [text for name in names if (text := str(body.get(name, "")).strip())]


def _shown(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text.replace("\t", " "))
