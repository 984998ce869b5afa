"""E-mail through an SMTP server."""

from __future__ import annotations

from engine.adapters.wire.smtp import Smtp
from engine.core.messages import Email
from engine.dispatch.mime import to_bytes
from engine.dispatch.port import Capability, Idempotency, Message, Receipt


class EmailSmtp:
    """Sends each mail through a server, which nobody can ask afterwards what became of it."""

    capability = Capability(channel="email", idempotency=Idempotency.NONE)

    def __init__(self, server: Smtp) -> None:
        self._server = server

    def check(self, message: Message) -> None:
        """Refuse a mail that cannot be written as RFC 5322 wants it."""
        to_bytes(Email.from_json(message.body))

    async def send(self, message: Message) -> Receipt:
        """Hand it to the server; the reference is the server's last word."""
        return await self._server.send(Email.from_json(message.body))

    async def close(self) -> None:
        """Say goodbye and let go of the connection."""
        await self._server.close()
