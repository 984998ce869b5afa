"""Work for the shop's own people, as a mail to one of them."""

from __future__ import annotations

from engine.adapters.wire.smtp import Smtp
from engine.core.messages import Email, Task
from engine.dispatch.mime import ascii_address, to_bytes
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError


class TaskEmail:
    """Mails each task through `server` to the address `to`: plain text, and nothing that a customer's mail carries."""

    capability = Capability(channel="task", idempotency=Idempotency.NONE)

    def __init__(self, server: Smtp, *, to: str) -> None:
        try:
            ascii_address(to)
        except DeliveryError as error:
            raise ValueError(f"to: {error}") from None
        self._server, self._to = server, to

    def check(self, message: Message) -> None:
        """Refuse a task that cannot be written as a mail."""
        to_bytes(self._mail(message))

    async def send(self, message: Message) -> Receipt:
        """Hand it to the server; the reference is the server's last word."""
        return await self._server.send(self._mail(message))

    async def close(self) -> None:
        """Say goodbye and let go of the connection."""
        await self._server.close()

    def _mail(self, message: Message) -> Email:
        task = Task.from_json(message.body)
        if not task.title.strip():
            raise DeliveryError("the task has no title", permanent=True)
        return Email(
            sender_name=task.sender_name,
            sender_address=task.sender_address,
            to_name="",
            to_address=self._to,
            subject=task.title,
            text=task.text,
            html="",
            message_id=task.message_id,
            date=task.date,
        )
