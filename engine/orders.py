"""The few things that people decide themselves: approve, cancel, resolve, suppress."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.core.actions import State
from engine.dispatch.port import Adapter, Cancelling, Message
from engine.errors import UsageError
from engine.inquiry import action_by_id, one_customer, told
from engine.store import actions, customers, doubts, permissions, touchpoints

if TYPE_CHECKING:
    from engine.app import App


def suppress(app: App, words: str, reason: str) -> dict[str, Any]:
    """Suppress a customer's address on every channel."""
    with app.store.write() as connection:
        known = one_customer(connection, words)
        if not known.facts.email:
            raise UsageError(
                f"{known.facts.ref} has no e-mail address; withdraw the consent instead (premura ingest consents.csv)"
            )
        digest = permissions.address_hash(app.key, known.facts.email)
        new = permissions.suppress(connection, digest, "any", reason, app.clock())
        return {"customer": known.facts.ref, "new": new}


def change(app: App, public_id: str, verb: str, by: str) -> dict[str, Any]:
    """Do one of approve, cancel, sent, not_sent and say where the action stands then. Raises UsageError.

    What a provider has accepted is cancelled if it still gives it back. Raises DeliveryError when it cannot be asked.
    """
    now = app.clock()
    if verb == "cancel" and (given_back := _take_back(app, public_id, by)):
        return given_back
    with app.store.write() as connection:
        found = action_by_id(connection, public_id)
        if verb == "approve":
            done = actions.approve(connection, found.id, by)
        elif verb == "cancel":
            done = actions.end(connection, found.id, State.CANCELLED, f"cancelled by {by}", now)
        else:
            done = doubts.resolve(connection, found, sent=verb == "sent", by=by, now=now)
        if not done:
            wanted = {"approve": "held", "cancel": "still with us"}.get(verb, "unknown")
            raise UsageError(f"action {found.public_id[-8:]} is {found.state}, not {wanted}; nothing was changed")
        return told(action_by_id(connection, found.public_id))


def _take_back(app: App, public_id: str, by: str) -> dict[str, Any] | None:
    """Ask the provider for what it has accepted; None when that cannot be, or it is too late."""
    with app.store.read() as connection:
        found = action_by_id(connection, public_id)
        (known,) = customers.load(connection, [found.customer_id]).values()
    adapter = app.adapters.get(found.adapter)
    if found.state is not State.ACCEPTED or adapter is None or not adapter.capability.cancellable:
        return None
    message = Message(action=found.public_id, key=found.dedupe_key, customer=known.facts.ref, body=found.payload or {})
    if not asyncio.run(_asked(adapter, message, found.provider_ref)):
        return None
    with app.store.write() as connection:
        if actions.take_back(connection, found.id, f"taken back by {by}", app.clock()):
            touchpoints.remove(connection, found.id)
        return told(action_by_id(connection, found.public_id))


async def _asked(adapter: Adapter, message: Message, provider_ref: str) -> bool:
    try:
        return isinstance(adapter, Cancelling) and await adapter.cancel(message, provider_ref)
    finally:
        await adapter.close()
