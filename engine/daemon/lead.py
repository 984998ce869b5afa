"""Who may work on a store, and who leads where several do: asked for again and again, and given back in the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from engine.app import App
from engine.daemon.life import Life
from engine.errors import StoreError


def claiming(app: App, life: Life) -> Callable[[], None]:
    """What a daemon asks for before it begins, and again and again while it lives."""

    def alone() -> None:
        app.take_dispatch_right()

    def lead() -> None:
        other = app.right.take()
        if other != life.leader:
            life.log.info("lead.taken") if other is None else life.log.info("lead.waits", leader=other)
        life.leader = other

    if life.role != "web" and app.store.is_sqlite:
        return alone
    return lead if life.role == "all" else lambda: None


def leave(app: App) -> None:
    """Give back what we have a right to; it ends by itself where the store does not answer."""
    if app.right.until is not None:
        with suppress(StoreError):
            app.right.give_back()
