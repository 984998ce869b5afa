"""How many messages an adapter may be given now: what its rate and its breaker say, the same for all workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.core.breaker import Breaker
from engine.dispatch.breaker import after, allows, probe
from engine.dispatch.port import Capability
from engine.dispatch.stage.parcel import Ended
from engine.store import breakers, rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """So many messages may be begun. pause: after that it is worth asking again; None: not in this run, if none may."""

    room: int
    pause: timedelta | None = None
    probing: Breaker | None = None


def admit(connection: Connection, name: str, can: Capability, room: int, now: datetime) -> Leave:
    """How much of the room may be used. Nobody else is given the same."""
    known = breakers.load(connection, [name]).get(name, Breaker())
    free = allows(known, now)
    if free is not None:
        known = breakers.lock(connection, name)
        free = allows(known, now)
    room = room if free is None else min(room, free)
    if not room or can.rate is None:
        return Leave(room=room, probing=None if free is None else known)
    granted = rates.take(connection, name, can.rate, room, now)
    return Leave(room=granted, pause=None if granted else can.rate.rest, probing=None if free is None else known)


def used(connection: Connection, name: str, can: Capability, leave: Leave, begun: int, now: datetime) -> None:
    """So many were begun: the others' tokens go back, and a probe is under way."""
    if can.rate is not None and begun < leave.room:
        rates.give_back(connection, name, leave.room - begun)
    if leave.probing is not None and begun:
        breakers.save(connection, name, probe(leave.probing, now))


def note(connection: Connection, ended: Sequence[Ended], now: datetime) -> None:
    """What these attempts say of their providers."""
    heard = [one for one in ended if one.receipt is not None or one.error is not None]
    names = {one.result.due.adapter for one in heard}
    known = breakers.load(connection, names) if names else {}
    for name in sorted(names):
        answers = [one.error for one in heard if one.result.due.adapter == name]
        if name not in known and not any(answers):
            continue
        before = found = breakers.lock(connection, name)
        for error in answers:
            found = after(found, error, now)
        if found != before:
            breakers.save(connection, name, found)
