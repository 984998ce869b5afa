"""Events: appended by their keys, a batch as columns from the file to the table."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from engine.ingest.books import retold
from engine.ingest.events import Events
from engine.ingest.formats import Block
from engine.ingest.happened import Happened
from engine.ingest.identity import RowKeys
from engine.ingest.stage.taking import Taking
from engine.store import events


def of(taking: Taking) -> OfEvents:
    """What takes a file of events."""
    intake = taking.intake
    reader = Events(taking.columns, taking.reading, intake.shop, RowKeys(), intake.event_kinds)
    return OfEvents(taking=taking, reader=reader)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfEvents:
    """A file of events."""

    taking: Taking
    reader: Events

    def take(self, block: Block) -> None:
        """Store a batch."""
        taking, read = self.taking, self.reader.block(block)
        taking.rejects += read.rejects
        read = read.without(taking.repeated(read.numbers, read.keys, read.digests(), read.keys))
        with taking.store.write() as connection:
            strangers = taking.strangers(connection, read.customers)
            read = read.without(taking.unwanted(read.numbers, read.customers, strangers))
            read = self._unheard(connection, read)
            taking.welcome(connection, strangers, read.customers)
            columns = {
                "customer_id": [taking.people[ref] for ref in read.customers],
                "ext_key": read.keys,
                "kind": read.kinds,
                "occurred_at": read.dates,
                "payload": read.payloads,
            }
            taking.summary.new += events.append(connection, taking.source, columns, taking.now)

    def finish(self) -> None:
        """No event waits for another."""

    def _unheard(self, connection: Connection, read: Happened) -> Happened:
        """The events that are new; one that is known by its id, and now says something else, is refused."""
        taking = self.taking
        stored = events.by_keys(connection, taking.source, read.keys)
        known = {place for place, key in enumerate(read.keys) if key in stored} if stored else set[int]()
        for place in sorted(known):
            fact = read.fact(place)
            if reason := retold(fact, taking.people.get(fact.customer), stored[fact.ext_key], taking.zone):
                taking.refuse_stored(read.numbers[place], fact.ext_key, reason)
        return read.without(known)
