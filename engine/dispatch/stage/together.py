"""Which messages go out in one call. A batch that may have gone out is only ever sent again whole, as it was.

Its key covers the batch: a provider that remembers the key answers as it did, if it gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from engine.dispatch.doubt import LOOK_AGAIN
from engine.store import doubts, outbox, settlements
from engine.store.outbox import Due
from engine.store.session import in_pieces, new_id

Call = tuple[str, Sequence[Due]]
"""The key of a call, "" for a message that goes alone, and what it carries in its order."""
TORN = "it was part of a batch that cannot be sent again as it was: it may have gone out"


def together(
    connection: Connection,
    found: Sequence[Due],
    size: int,
    may_go: Callable[[Sequence[Due]], list[Due]],
    now: datetime,
) -> list[Call]:
    """The calls that carry what may go of these due actions. size: so many messages fit in one call."""
    if size == 1:
        return [("", (action,)) for action in may_go(found)]
    old = outbox.parcels(connection, [action.id for action in found if action.attempts])
    fresh = may_go([action for action in found if action.id not in old])
    calls: list[Call] = [(new_id(), some) for some in in_pieces(fresh, size)]
    for key in dict.fromkeys(old.values()):
        members = outbox.members(connection, key)
        parts = {action.id: action for action in outbox.due_among(connection, members)}
        ready = [parts[member] for member in members if member in parts]
        going = may_go(ready)
        if len(going) == len(members):
            calls.append((key, going))
        else:
            torn = [action.id for action in going]
            doubts.put_in_doubt(connection, torn, TORN, now)
            settlements.put_off(connection, torn, now + LOOK_AGAIN)
    return calls
