"""Whether the process lives and whether it can do its work: what keeps it from that, in plain words.

Nothing here names a customer, an address of the database or a secret: whoever may ask may not be who runs the shop.
"""

from __future__ import annotations

from engine.app import App
from engine.errors import StoreError
from engine.status import Status
from engine.store import gauges, leases

SLOW = "the database does not answer in time"
OTHER_SHAPE = "the database has another shape than this version needs"
NO_RULES = "no rules were read yet"
STOPPING = "it is about to end"
NOBODY = "nobody: until a premura run of role all is there, nothing is scored, decided or dated"


def not_alive(status: Status, now: float) -> tuple[str, ...]:
    """Why it should be started anew; nothing while it lives.

    now: seconds of the clock that `status` was written by.
    """
    return status.stuck(now)


def not_ready(app: App, status: Status) -> tuple[str, ...]:
    """Why it should not be relied on now: the store does not answer or has another shape, there are no rules."""
    why = []
    if status.stopping:
        why.append(STOPPING)
    if "rules" not in vars(app):  # they are read when they are first used, and kept
        why.append(NO_RULES)
    try:
        with app.store.read() as connection:
            if not gauges.has_shape(connection):
                why.append(OTHER_SHAPE)
    except StoreError as error:
        why.append(str(error).partition(":")[0])  # behind it stands what the database said, with its address
    return tuple(why)


def leader(app: App) -> str:
    """Who does what one process does for all, and since when, for people; empty when the store does not answer."""
    try:
        with app.store.read() as connection:
            found = leases.held(connection, app.right.name, app.clock())
    except StoreError:
        return ""
    return NOBODY if found is None else f"{found.holder}, since {found.since.isoformat(timespec='seconds')}"
