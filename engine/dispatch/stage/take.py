"""Take what is due for an adapter: ask everything again, for all of a batch at once, and write that it is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.keys import sha256
from engine.dispatch.doubt import LOOK_AGAIN
from engine.dispatch.office import Office, Summary
from engine.dispatch.recheck import Refusal
from engine.dispatch.stage.known import Known
from engine.dispatch.stage.parcel import Parcel, message_of
from engine.dispatch.stage.together import together
from engine.store import actions, decisions, doubts, outbox, settlements
from engine.store.outbox import Due

LEASE = timedelta(minutes=20)
"""Longer than any attempt may last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """For which adapter, under whose lease, and what `now` is."""

    office: Office
    adapter: str
    owner: str
    summary: Summary
    now: datetime


def take(connection: Connection, taking: Taking, due_by: datetime, room: int) -> tuple[list[Parcel], bool]:
    """Begin what may go of the next actions, at most `room`; also says whether there was anything due at all."""
    found = outbox.due(connection, taking.adapter, due_by, room)
    size = taking.office.adapters[taking.adapter].capability.batch
    doubted: set[int] = set()
    calls = together(connection, found, size, lambda some: _going(connection, taking, some, doubted), taking.now)
    going = [(action, key) for key, members in calls for action in members]
    if not going:
        return [], bool(found)
    keys = iter(outbox.begin(connection, going, owner=taking.owner, now=taking.now, until=taking.now + LEASE))
    return [
        Parcel(key, members, list(islice(keys, len(members))), list(map(message_of, members)), taking.now, doubted)
        for key, members in calls
    ], True


def _going(connection: Connection, taking: Taking, found: Sequence[Due], doubted: set[int]) -> list[Due]:
    """Those that may go; the others end here, or wait. Adds those in doubt to `doubted`."""
    if not found:
        return []
    known = Known.of(connection, taking.office, found, taking.now)
    doubted |= doubts.stands(connection, [action.id for action in found if action.attempts])
    going = []
    for action in found:
        if sha256(action.payload) != action.payload_sha256:
            _end(connection, taking, action, State.CANCELLED, "its content was changed after it was frozen")
        elif (refused := known.refusal(action)) is not None:
            _refuse(connection, taking, action, refused, doubted=action.id in doubted)
        else:
            known.goes(action)
            going.append(action)
    return going


def _refuse(connection: Connection, taking: Taking, action: Due, refused: Refusal, *, doubted: bool) -> None:
    if doubted and refused.until is None:
        _doubt(connection, taking, action, refused.why)
    if refused.stops:
        stopped = decisions.stop_journey(connection, action.journey_id, refused.why, taking.now)
        taking.summary.count(State.CANCELLED, stopped)
    elif refused.state is not None and not doubted:
        _end(connection, taking, action, refused.state, refused.why)
    elif refused.until is not None:
        outbox.postpone(connection, action.id, refused.until)


def _doubt(connection: Connection, taking: Taking, action: Due, why: str) -> None:
    """It may not go again, and nobody knows whether it went before."""
    doubts.put_in_doubt(connection, [action.id], f"{why}; an earlier attempt may have gone out", taking.now)
    settlements.put_off(connection, [action.id], taking.now + LOOK_AGAIN)
    taking.summary.count(State.UNKNOWN)


def _end(connection: Connection, taking: Taking, action: Due, state: State, why: str) -> None:
    taking.summary.count(state, actions.end(connection, action.id, state, why, taking.now))
