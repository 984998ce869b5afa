"""What was just written and may have gone out already, before the store was restored, is set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.actions import State
from engine.dispatch.office import Office
from engine.dispatch.restored import About, state_of
from engine.store import generation
from engine.store.actions import Action


def set_aside(
    connection: Connection,
    office: Office,
    batch: Sequence[Action],
    contents: Sequence[Mapping[str, Any]],
    now: datetime,
) -> int:
    """Held for a person, or unknown until the provider is asked; says how many are held. contents: what was frozen."""
    if not office.gaps:
        return 0
    adapters = {content["id"]: content["adapter"] for content in contents if content["state"] == State.READY}
    found: dict[State, list[int]] = {State.HELD: [], State.UNKNOWN: [], State.READY: []}
    for action in batch:
        if action.id in adapters:
            about = About(**{name: getattr(action, name) for name in About.__slots__})
            found[state_of(about, office.gaps, office.adapters[adapters[action.id]], now)].append(action.id)
    generation.ask(connection, found[State.UNKNOWN], office.gaps)
    return generation.hold(connection, found[State.HELD])
