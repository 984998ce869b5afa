"""What goes out in one call: one message under its own key, or several under a key of the call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.dispatch.port import Message
from engine.store.outbox import Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A call that was begun: its key ("" for a message that goes alone), and its attempts in their order."""

    key: str
    actions: Sequence[Due]
    attempts: Sequence[int]
    messages: Sequence[Message]
    begun_at: datetime
