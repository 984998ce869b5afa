"""Customers, who are added and changed; and their consents, which are appended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from engine.core.facts import ConsentRecord, Customer
from engine.ingest import rows, sayings
from engine.ingest.formats import Block, Reject, Row
from engine.ingest.stage.taking import Taking
from engine.store import customers, permissions


def of_customers(taking: Taking) -> OfCustomers:
    """What takes a file of customers."""
    return OfCustomers(taking=taking, read=rows.customers(taking.columns, taking.reading, taking.intake.shop))


def of_consents(taking: Taking) -> OfConsents:
    """What takes a file of consents."""
    return OfConsents(taking=taking, read=rows.consents(taking.columns, taking.reading, taking.intake.shop))


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCustomers:
    """A file of customers."""

    taking: Taking
    read: Callable[[Row], tuple[str, dict[str, Any]] | list[Reject]]

    def take(self, block: Block) -> None:
        """Store a batch."""
        taking = self.taking
        good = _good(taking, block, self.read)
        known = [sayings.of_customer(ref, values) for _, (ref, values) in good]
        keys, digests = [key for key, _ in known], [digest for _, digest in known]
        wrong = taking.repeated(
            [number for number, _ in good], keys, digests, [ref for _, (ref, _) in good], "customer"
        )
        with taking.store.write() as connection:
            self._save(connection, [fact for place, (_, fact) in enumerate(good) if place not in wrong])

    def finish(self) -> None:
        """No customer waits for another."""

    def _save(self, connection: Connection, told: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Add customers, change what differs. Attributes are merged: a file may hold some of them."""
        known = customers.ids_of(connection, [ref for ref, _ in told])
        stored = {one.facts.ref: one.facts for one in customers.load(connection, set(known.values())).values()}
        said: dict[str, dict[str, Any]] = {}
        changes: list[tuple[str, dict[str, Any]]] = []
        for ref, values in told:
            facts, now = stored.get(ref, Customer(ref=ref)), said.setdefault(ref, {})
            if "attributes" in values:
                merged = {**now.get("attributes", facts.attributes), **values["attributes"]}
                values = {**values, "attributes": {name: one for name, one in merged.items() if one is not None}}
            changed = {name: one for name, one in values.items() if now.get(name, _stands(facts, name)) != one}
            if changed or ref not in stored:
                changes.append((ref, changed))
            now.update(values)
        new, changed_rows = customers.save(connection, changes, self.taking.now)
        self.taking.summary.new += new
        self.taking.summary.changed += changed_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class OfConsents:
    """A file of consents."""

    taking: Taking
    read: Callable[[Row], ConsentRecord | list[Reject]]

    def take(self, block: Block) -> None:
        """Store a batch."""
        taking, good = self.taking, _good(self.taking, block, self.read)
        numbers, facts = [number for number, _ in good], [fact for _, fact in good]
        with taking.store.write() as connection:
            strangers = taking.strangers(connection, {fact.customer for fact in facts})
            wrong = taking.unwanted(numbers, [fact.customer for fact in facts], strangers)
            facts = [fact for place, fact in enumerate(facts) if place not in wrong] if wrong else facts
            taking.welcome(connection, strangers, {fact.customer for fact in facts})
            given = [(taking.people[fact.customer], fact) for fact in facts]
            taking.summary.new += permissions.add_consents(connection, given)

    def finish(self) -> None:
        """No consent waits for another."""


def _good(taking: Taking, block: Block, read: Callable[[Row], Any]) -> list[tuple[int, Any]]:
    """The facts of a batch with the numbers of their rows; wrong rows are rejected."""
    good = []
    for row in map(block.row, range(len(block))):
        fact = row.rejected or read(row)
        if isinstance(fact, list):
            taking.rejects += fact
        else:
            good.append((row.number, fact))
    return good


def _stands(facts: Customer, name: str) -> Any:
    """What is known of a customer under the name of a column."""
    return getattr(facts.address, name) if hasattr(facts.address, name) else getattr(facts, name)
