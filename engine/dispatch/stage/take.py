"""Take what is due for an adapter: ask everything again, for all of a batch at once, and write that it is under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.keys import sha256
from engine.core.permission import Standing
from engine.core.quiet import Quiet
from engine.dispatch.doubt import LOOK_AGAIN
from engine.dispatch.office import Office, Summary
from engine.dispatch.recheck import Refusal, Situation, counts_for_caps, refusal
from engine.dispatch.stage.parcel import Parcel, message_of
from engine.dispatch.stage.together import together
from engine.store import actions, customers, decisions, doubts, events, outbox, permissions, settlements, touchpoints
from engine.store.customers import Reach
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
    calls = together(connection, found, size, lambda some: _going(connection, taking, some), taking.now)
    going = [(action, key) for key, members in calls for action in members]
    if not going:
        return [], bool(found)
    doubted = doubts.stands(connection, [action.id for action, _ in going if action.attempts])
    keys = iter(outbox.begin(connection, going, owner=taking.owner, now=taking.now, until=taking.now + LEASE))
    return [
        Parcel(
            key=key,
            actions=members,
            attempts=[next(keys) for _ in members],
            messages=[message_of(action) for action in members],
            begun_at=taking.now,
            doubted=doubted.intersection(action.id for action in members),
        )
        for key, members in calls
    ], True


def _going(connection: Connection, taking: Taking, found: Sequence[Due]) -> list[Due]:
    """Those that may go; the others end here, or wait."""
    if not found:
        return []
    known = _Known.of(connection, taking, found)
    doubted = doubts.stands(connection, [action.id for action in found if action.attempts])
    going = []
    for action in found:
        if sha256(action.payload) != action.payload_sha256:
            _end(connection, taking, action, State.CANCELLED, "its content was changed after it was frozen")
            continue
        refused = refusal(action, known.situation(action), taking.office.cap, taking.now)
        if refused is not None:
            _refuse(connection, taking, action, refused, doubted=action.id in doubted)
            continue
        going.append(action)
        if counts_for_caps(action.channel, action.purpose):
            known.heard.setdefault(action.customer_id, []).append(taking.now)  # the next one counts this one
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """All that is asked again, of all customers of a batch."""

    office: Office
    now: datetime
    people: Mapping[int, Reach]
    standings: Mapping[int, Standing]
    happened: Mapping[int, Sequence[events.Stored]]
    heard: dict[int, list[datetime]]
    homes: Mapping[str, Sequence[int]]
    quiets: dict[tuple[str, ...], Quiet] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, taking: Taking, found: Sequence[Due]) -> _Known:
        office, now = taking.office, taking.now
        ids = {action.customer_id for action in found}
        capped = {action.customer_id for action in found if counts_for_caps(action.channel, action.purpose)}
        people = customers.reach(connection, ids)
        households = {people[key].household for key in capped} - {""} if office.cap.household is not None else ()
        homes = customers.members(connection, households)
        family = capped.union(*homes.values())
        customers.hold(connection, family)  # else two workers could send the last word that a cap allows
        return cls(
            office=office,
            now=now,
            people=people,
            standings=permissions.standings(connection, people, office.sender.key),
            happened=_happened(connection, found, ids),
            heard=touchpoints.heard(connection, family, _earliest(office, (people[key] for key in capped), now)),
            homes=homes,
        )

    def situation(self, action: Due) -> Situation:
        reach = self.people[action.customer_id]
        home = self.homes.get(reach.household, ())
        return Situation(
            standing=self.standings[action.customer_id],
            happened=[
                one.facts
                for one in self.happened.get(action.customer_id, ())
                if one.id != action.event_id and one.facts.occurred_at <= self.now
            ],
            heard=self.heard.get(action.customer_id, ()),
            home=sorted(at for key in home for at in self.heard.get(key, ())),
            quiet=self._quiet(action, reach),
            tz=reach.time_zone or self.office.sender.time_zone,
        )

    def _quiet(self, action: Due, reach: Reach) -> Quiet:
        kind = (action.channel, action.purpose, reach.address.country, reach.address.region)
        if kind not in self.quiets:
            self.quiets[kind] = self.office.quiet_around(action, reach)
        return self.quiets[kind]


def _happened(connection: Connection, found: Sequence[Due], ids: Iterable[int]) -> dict[int, list[events.Stored]]:
    kinds = {kind for action in found for kind in (*action.ending.stop_on, action.plan.unless)} - {""}
    return events.since(connection, list(ids), kinds, min(action.ending.anchor_at for action in found))


def _earliest(office: Office, people: Iterable[Reach], now: datetime) -> datetime:
    """Since when what was heard may count for anybody's cap."""
    zones = {known.time_zone or office.sender.time_zone for known in people}
    return min((office.cap.since(now, tz) for tz in zones), default=now)
