"""What was known of a customer at any instant of the past, as a replay asks for it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

from engine.core.facts import Customer
from engine.core.permission import Consent, Standing, Suppression
from engine.decide.past_history import History

NOTHING = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One customer with what has an instant, each oldest first; the facts have none, and are those of today.

    since: the first purchase. known_from: when the shop first heard of them. complaints: when they were opened or
    settled, and whether one was open then. history: what conditions ask about it, where they do.
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

    def turns(self) -> list[datetime]:
        """The instants at which something of this became different."""
        said = [one.at for one in self.consents]
        first = [self.known_from, *([self.since] if self.since else [])]
        return [*first, *said, *(at for at, _ in self.suppressions), *(at for at, _ in self.complaints)]
