"""What a run that ended abruptly left behind is taken up: nothing is lost, nothing is sent twice or too late.

A run shows that it lives by a lease of its own, so that others know within seconds when it is gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.core.actions import State
from engine.dispatch.office import Office, Summary
from engine.dispatch.stage.settle import settle_doubts
from engine.store import actions, doubts, leases
from engine.store.session import Store

LIFE = timedelta(seconds=60)
"""A run that has not shown for so long that it lives is gone."""


def recover(store: Store, office: Office, summary: Summary, owner: str, now: datetime, life: timedelta = LIFE) -> None:
    """Doubt what nobody works on any more, make ready what may safely be replayed, and let go what is too late."""
    show_life(store, owner, now, life)
    with store.write() as connection:
        doubts.release_lost(connection, owner, now)
        doubts.keep(connection, "its time has passed; an attempt may have gone out", now)
        settle_doubts(connection, office.adapters, now)
        summary.count(State.EXPIRED, actions.expire(connection, now))
        leases.forget(connection, doubts.WORKER, now)


def show_life(store: Store, owner: str, now: datetime, life: timedelta = LIFE) -> None:
    """The run goes on, and is believed to for so long."""
    with store.write() as connection:
        leases.take(connection, doubts.WORKER + owner, owner, "", now, now + life)


def leave(store: Store, owner: str) -> None:
    """The run has come to its end."""
    with store.write() as connection:
        leases.release(connection, doubts.WORKER + owner, owner)
