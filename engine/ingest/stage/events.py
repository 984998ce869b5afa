"""Events: appended by their keys, a batch as columns from the file to the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from engine.ingest.books import retold
from engine.ingest.happened import Happened
from engine.ingest.stage.taking import Taking
from engine.store import events


def of(taking: Taking) -> OfEvents:
    """What takes a file of events."""
    return OfEvents(taking=taking)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfEvents:
    """A file of events."""

    taking: Taking

    def take(self, read: Happened) -> None:
        """Store a batch."""
        taking = self.taking
        taking.rejects += read.rejects
        read = read.without(taking.repeated(read.numbers, read.keys, read.digests, read.keys))
        with taking.store.write() as connection:
            strangers = taking.strangers(connection, read.customers)
            read = read.without(taking.unwanted(read.numbers, read.customers, strangers))
            if strangers:  # who is known by a contradiction alone is no customer
                read = read.without(self._heard(connection, read))
                taking.welcome(connection, strangers, read.customers)
            columns: dict[str, Any] = {
                "customer_id": [taking.people[ref] for ref in read.customers],
                "ext_key": read.keys,
                "kind": read.kinds,
                "occurred_at": read.dates,
                "payload": read.payloads,
            }
            new = events.append(connection, taking.source, columns, taking.now)
            if new < len(read):  # to ask what is known only where something is spares a new file the question
                self._heard(connection, read)
            taking.summary.new += new

    def finish(self) -> None:
        """No event waits for another."""

    def _heard(self, connection: Connection, read: Happened) -> set[int]:
        """Where events stand that are stored; one that is stored otherwise than it is told now is refused."""
        taking = self.taking
        stored = events.by_keys(connection, taking.source, read.keys)
        known = {place for place, key in enumerate(read.keys) if key in stored} if stored else set[int]()
        for place in sorted(known):
            fact = read.fact(place)
            if reason := retold(fact, taking.people.get(fact.customer), stored[fact.ext_key], taking.zone):
                taking.refuse_stored(read.numbers[place], fact.ext_key, reason)
        return known
