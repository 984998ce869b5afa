"""What goes out in one call: one message under its own key, or several under a key of the call; and how each ended."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import NamedTuple

from engine.dispatch.port import Message, Receipt
from engine.errors import DeliveryError
from engine.store.kept import read
from engine.store.outbox import Due, Result


class Parcel(NamedTuple):
    """A call that was begun: its key ("" for a message that goes alone), and its attempts in their order."""

    key: str
    actions: Sequence[Due]
    attempts: Sequence[int]
    messages: Sequence[Message]
    begun_at: datetime
    doubted: Set[int] = frozenset()  # actions, these or others, of which an earlier attempt may have gone out


class Ended(NamedTuple):
    """An attempt that came to its end, and the receipt or what was said instead; neither when nobody was asked."""

    result: Result
    receipt: Receipt | None = None
    error: DeliveryError | None = None


def message_of(action: Due) -> Message:
    """What an adapter gets of a frozen action."""
    body = read(action.payload)
    return Message(action=action.public_id, key=action.dedupe_key, customer=action.customer, body=body)
