"""The dates of a rule as they stood on each day of the past: when it was asked about them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import zip_longest

from engine.core.calendar import at_local, local_date
from engine.decide import triggers
from engine.decide.answered import Answered, Day, Stand
from engine.decide.dates import MOVING, DateTrigger, occurrences, origin
from engine.decide.moment import Occasion
from engine.decide.past import Life
from engine.decide.replay import Replay

_DAY = timedelta(days=1)


def dates(replay: Replay, days: Sequence[Day], travels: Mapping[str, int]) -> Iterator[Answered]:
    """The rule's answers about dates of customers, each when its first step is near. travels: channel -> days of paper.

    What is known of a customer's date beyond its first look is put into `replay.stands`.
    """
    on = replay.rule.trigger.date
    if on is None:
        return
    calendar = _Calendar(replay=replay, on=on, days=days, travels=travels)
    asked: list[tuple[datetime, int, Occasion]] = []
    for place, life in enumerate(replay.lives):
        stands = calendar.stands(life)
        asked += [(at, place, why) for at, why in calendar.occasions(life, stands)]
        if len(stands) > 1:
            replay.stands[place] = stands[1:]
    for at, place, why in sorted(asked, key=lambda one: one[:2]):
        for _ in replay.advance(at):
            pass
        yield replay.ask(place, why, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calendar:
    """The days of a period, and a date that is looked at on each."""

    replay: Replay
    on: DateTrigger
    days: Sequence[Day]
    travels: Mapping[str, int]

    def stands(self, life: Life) -> list[Stand]:
        """How a customer's date stood from the first look on at which they were known."""
        looks = dict.fromkeys(look for at in (life.known_from, *self._changes(life)) if (look := self._look(at)))
        found = sorted(look for look in looks if look[0] >= life.known_from)
        return [self._stand(life, *look) for look in found]

    def occasions(self, life: Life, stands: Sequence[Stand]) -> Iterator[tuple[datetime, Occasion]]:
        """When the rule is asked about which of a customer's dates; about each once."""
        met: set[date] = set()
        ends = [stand.at for stand in stands[1:]]
        for stand, end in zip_longest(stands, ends):
            for day, years in self._near(stand, end):
                at = self._asked_at(stand, day, end)
                if at is None or day in met:
                    continue
                met.add(day)
                key, event = stand.event or (None, None)
                anchor = at_local(day, time(0), life.time_zone)
                yield at, Occasion(occurrence=day.isoformat(), anchor=anchor, event=event, event_id=key, years=years)

    def _near(self, stand: Stand, end: datetime | None) -> list[tuple[date, int | None]]:
        """The dates that may be asked about while a date stands so."""
        if stand.origin is None:
            return []
        last = self._day(end) if end is not None else self.days[-1].day
        return occurrences(
            self.on, stand.origin, self._since(stand), triggers.reach(self.replay.rule, last, self.travels)
        )

    def _since(self, stand: Stand) -> date:
        """The last look before that one: what had passed by then is left alone."""
        return stand.today if stand.again or stand.today == self.days[0].day else stand.today - _DAY

    def _asked_at(self, stand: Stand, day: date, end: datetime | None) -> datetime | None:
        """The first look at which a date is near, if it still stands so."""
        near = triggers.asked_on(self.replay.rule, day, self.travels)
        if near <= stand.today:
            return stand.at
        place = (near - self.days[0].day).days
        if place >= len(self.days):
            return None
        at = self.days[place].at
        return at if end is None or at < end else None

    def _changes(self, life: Life) -> list[datetime]:
        if self.on.kind:
            return [event.occurred_at for _, event in life.events.get(self.on.kind, ())]
        if self.on.name in MOVING:
            return [at for at, _ in life.sales]
        return [life.since] if life.since and self.on.reads == "customer.first_purchase" else []

    def _day(self, at: datetime) -> date:
        return local_date(at, self.replay.time_zone)

    def _look(self, at: datetime) -> tuple[datetime, date, bool] | None:
        """The first look that sees what happened at an instant; None after the last day."""
        day = max(self._day(at), self.days[0].day)
        place = (day - self.days[0].day).days
        if place >= len(self.days):
            return None
        first = self.days[place].at
        return (first, day, False) if at <= first else (at, day, True)

    def _stand(self, life: Life, at: datetime, today: date, again: bool) -> Stand:
        event = life.last_event(self.on.kind, at) if self.on.kind else None
        situation = self.replay.looked_at(life, at, event=event[1] if event else None)
        return Stand(at=at, today=today, again=again, origin=origin(self.on, situation, self.replay.words), event=event)
