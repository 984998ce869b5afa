"""What is asked again right before anything goes out: of all customers of a batch at once.

Nearly all of a batch are alike: nothing has happened to them, and they heard nothing lately. Their answer is the same
for all who say, live and want the same, and is found once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from engine.core.actions import PURCHASE
from engine.core.facts import Event
from engine.core.permission import Standing, needs_consent
from engine.dispatch.office import Office
from engine.dispatch.recheck import Refusal, Situation, counts_for_caps, refusal
from engine.store import bought, customers, events, permissions, touchpoints
from engine.store.outbox import Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that is asked again, of all customers of a batch; `heard` is of those alone whom a cap may stop."""

    office: Office
    now: datetime
    standings: Mapping[int, Standing]
    happened: Mapping[int, Sequence[events.Stored]]
    heard: dict[int, list[datetime]]
    homes: Mapping[str, Sequence[int]]
    alike: dict[tuple[object, ...], Refusal | None] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, office: Office, found: Sequence[Due], now: datetime) -> Known:
        """Ask the store."""
        people = {action.customer_id: action for action in found}
        asked = {action.customer_id for action in found if needs_consent(action.channel, action.purpose)}
        capped = {action.customer_id for action in found if counts_for_caps(action.channel, action.purpose)}
        households = {people[key].household for key in capped} - {""} if office.cap.household is not None else ()
        homes = customers.members(connection, households)
        family = capped.union(*homes.values())
        customers.hold(connection, family)  # else two workers could send the last word that a cap allows
        return cls(
            office=office,
            now=now,
            standings=permissions.standings(connection, people, office.sender.key, asked=asked),
            happened=_happened(connection, found, people),
            heard=touchpoints.heard(connection, family, _earliest(office, (people[key] for key in capped), now)),
            homes=homes,
        )

    def refusal(self, action: Due) -> Refusal | None:
        """Why it may not go, or None when it may."""
        who, until = action.customer_id, action.valid_until
        if who in self.happened or who in self.heard or action.household in self.homes:
            return self._asked(action)
        late = until is not None and until < self.now
        what = (action.channel, action.purpose, action.written_plan, late)
        kind = (*what, id(self.standings[who]), action.time_zone, action.country, action.region)
        try:
            return self.alike[kind]
        except KeyError:
            return self.alike.setdefault(kind, self._asked(action))

    def _asked(self, action: Due) -> Refusal | None:
        who = action.customer_id
        home = self.homes.get(action.household, ())
        situation = Situation(
            standing=self.standings[who],
            happened=[
                one.facts
                for one in self.happened.get(who, ())
                if one.id != action.event_id and one.facts.occurred_at <= self.now
            ],
            heard=self.heard.get(who, ()),
            home=sorted(at for key in home for at in self.heard.get(key, ())),
            quiet=self.office.quiet_around(action, action),
            tz=action.time_zone or self.office.sender.time_zone,
        )
        return refusal(action, situation, self.office.cap, self.now)

    def goes(self, action: Due) -> None:
        """The next word to that customer counts this one."""
        if counts_for_caps(action.channel, action.purpose):
            self.heard.setdefault(action.customer_id, []).append(self.now)


def _happened(
    connection: Connection, found: Sequence[Due], people: Mapping[int, Due]
) -> dict[int, list[events.Stored]]:  # fmt: skip
    stops = {action.written_kinds: action for action in found}.values()  # one of each kind is enough
    plans = {action.written_plan: action for action in found}.values()
    kinds = {kind for one in stops for kind in one.stop_on} | {one.plan.unless for one in plans} - {""}
    first = min(min(action.anchor_at for action in found), min(action.started_at for action in found))
    happened = events.since(connection, people, kinds, first)
    for who, instants in bought.since(connection, people, first).items() if PURCHASE in kinds else ():
        happened.setdefault(who, []).extend(_purchase(who, at) for at in instants)
    return happened


def _purchase(customer: int, at: datetime) -> events.Stored:
    """A purchase, as if it were an event."""
    facts = Event(customer="", kind=PURCHASE, ext_key="", occurred_at=at)
    return events.Stored(id=0, source="", customer_id=customer, facts=facts)


def _earliest(office: Office, people: Iterable[Due], now: datetime) -> datetime:
    """Since when what was heard may count for anybody's cap."""
    zones = {known.time_zone or office.sender.time_zone for known in people}
    return min((office.cap.since(now, tz) for tz in zones), default=now)
