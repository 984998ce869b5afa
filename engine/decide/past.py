"""What was known of a customer at any instant of the past, as a replay asks for it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.facts import Customer, Event
from engine.core.permission import Consent, Standing, Suppression
from engine.decide.past_history import History

NOTHING = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One customer with what has an instant, each oldest first; the facts have none, and are those of today.

    since: the first purchase. known_from: when the shop first heard of them. complaints: when they were opened or
    settled, and whether one was open then. history: what conditions ask about it, where they do. sales: instants and
    days (date.toordinal) of what they bought; events: by kind, with their keys in the store; both as far as the rule
    reads them.
    """

    id: int
    facts: Customer
    time_zone: str
    since: datetime | None
    known_from: datetime
    consents: tuple[Consent, ...] = ()
    suppressions: tuple[tuple[datetime, Suppression], ...] = ()
    complaints: tuple[tuple[datetime, bool], ...] = ()
    history: History = NOTHING
    sales: tuple[tuple[datetime, int], ...] = ()
    events: Mapping[str, Sequence[tuple[int, Event]]] = field(default_factory=dict)

    def standing(self, at: datetime) -> Standing:
        """Whether they might be written to at an instant."""
        last = bisect_right(self.complaints, at, key=lambda turn: turn[0])
        return Standing(
            consents=tuple(said for said in self.consents if said.at <= at),
            suppressions=tuple(found for since, found in self.suppressions if since <= at),
            open_complaint=last > 0 and self.complaints[last - 1][1],
        )

    def bought(self, at: datetime) -> datetime | None:
        """The first purchase, if there had been one."""
        return self.since if self.since is not None and self.since <= at else None

    def last_bought(self, at: datetime) -> datetime | None:
        """The last purchase by an instant."""
        return next((when for when, _ in reversed(self._sales(at))), None)

    def days_bought(self, at: datetime) -> tuple[int, ...]:
        """The days with a purchase by an instant, in order, each once."""
        return tuple(dict.fromkeys(day for _, day in self._sales(at)))

    def _sales(self, at: datetime) -> tuple[tuple[datetime, int], ...]:
        return self.sales[: bisect_right(self.sales, at, key=lambda sale: sale[0])]

    def last_event(self, kind: str, at: datetime) -> tuple[int, Event] | None:
        """The last event of a kind by an instant, with its key; of several at once the newest."""
        events = self.events.get(kind, ())
        last = bisect_right(events, at, key=lambda one: one[1].occurred_at)
        return events[last - 1] if last else None

    def turns(self) -> list[datetime]:
        """The instants at which something of this became different."""
        said = [one.at for one in self.consents]
        first = [self.known_from, *([self.since] if self.since else [])]
        others = (self.suppressions, self.complaints, self.sales)
        return [*first, *said, *(turn[0] for turns in others for turn in turns)]
