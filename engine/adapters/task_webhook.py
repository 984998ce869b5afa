"""Work for the shop's own people, posted as JSON to a service of theirs: a help desk, a chat, a list of tasks.

The body is signed with a shared secret: the header ``Premura-Signature`` is ``sha256=`` and the HMAC-SHA256 (RFC 2104)
of its bytes in hex.
``Idempotency-Key`` is the action's own name, the same for every attempt.
"""

from __future__ import annotations

import hmac
from urllib.parse import quote

from engine.adapters.wire.http import AT_ONCE, Http
from engine.core.keys import canonical_json
from engine.core.messages import Task
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError

_DEAR = 4
"""Posts under way at once where only a person can clear a doubt: a process that is killed leaves so many."""
_TOLD = ("title", "text", "customer", "reference", "why", "until")


class TaskWebhook:
    """Posts each task to `url`.

    idempotent: the receiver takes each Idempotency-Key once, so that what is in doubt may be posted again.
    """

    def __init__(self, http: Http, url: str, *, secret: str, idempotent: bool = False) -> None:
        if not secret:
            raise ValueError('secret: the receiver must know that it is you: {env = "NAME"}')
        self._http, self._url, self._secret = http, url, secret.encode()
        kind = Idempotency.KEY if idempotent else Idempotency.NONE
        self._capability = Capability(channel="task", idempotency=kind, concurrency=AT_ONCE if idempotent else _DEAR)

    @property
    def capability(self) -> Capability:
        """Channel ``task``; what is said of doubts is what the shop says of its receiver."""
        return self._capability

    def check(self, message: Message) -> None:
        """Refuse a task without a title."""
        if not Task.from_json(message.body).title.strip():
            raise DeliveryError("the task has no title", permanent=True)

    async def send(self, message: Message) -> Receipt:
        """Post it; whatever the receiver says besides "yes" is a DeliveryError (engine/adapters/wire/http.py)."""
        content = _content(message)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": quote(message.key, safe=":/%"),
            "Premura-Signature": f"sha256={hmac.digest(self._secret, content, 'sha256').hex()}",
        }
        answer = await self._http.post(self._url, content, headers)
        return Receipt(provider_ref=message.action, delivered=True, detail=answer)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()


def _content(message: Message) -> bytes:
    told = {name: message.body[name] for name in _TOLD}
    return canonical_json({"id": message.action, **told}).encode()
