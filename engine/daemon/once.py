"""One round of all stages, as `premura run --once`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from engine.app import App
from engine.daemon.inbox import score_if_due, take_inbox
from engine.daemon.lead import leave
from engine.tidy import tidy_if_due


def once(app: App) -> dict[str, Any]:
    """Run every stage once, in order; returns what each did, or who leads where another process does it for all."""
    app.ready()
    try:
        with app.dispatching():
            return {
                "ingest": take_inbox(app),
                "score": _led_by_us(app, lambda: score_if_due(app)),
                "decide": _led_by_us(app, lambda: asdict(app.decide())),
                "schedule": _led_by_us(app, lambda: asdict(app.schedule())),
                "dispatch": asdict(app.dispatch()),
                "tidy": _led_by_us(app, lambda: tidy_if_due(app)),
            }
    finally:
        leave(app)


def _led_by_us(app: App, stage: Callable[[], Any]) -> Any:
    """What a stage did that one process does for all, with a lease that is new when it begins."""
    other = None if app.store.is_sqlite else app.right.take()
    return stage() if other is None else {"led_by": other}
