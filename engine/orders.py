"""The few things that people decide themselves: approve, cancel, resolve, suppress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.core.actions import State
from engine.errors import UsageError
from engine.inquiry import action_by_id, one_customer, told
from engine.store import actions, doubts, permissions

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
    """Do one of approve, cancel, sent, not_sent and say where the action stands then. Raises UsageError."""
    now = app.clock()
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
