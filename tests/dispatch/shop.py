"""A shop with a real store and a clock of its own; its mails and tasks go through adapters that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from engine.adapters.referral_code import ReferralCode
from engine.adapters.reward_ledger import RewardLedger
from engine.core.actions import Plan, State
from engine.core.calendar import Duration
from engine.core.facts import Address, ConsentRecord, Event
from engine.dispatch.freeze import Sender
from engine.dispatch.office import Office, Summary
from engine.dispatch.port import Adapter, Capability, Idempotency, Message, Receipt
from engine.dispatch.render import Templates
from engine.dispatch.stage import prepare, send
from engine.dispatch.waiting import Cap
from engine.store import actions, customers, decisions, doubts, events, outbox, permissions, tables
from engine.store.actions import Action
from engine.store.session import create, new_id, open_store

KEY = "the shop's key"
TUESDAY = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)  # ten o'clock in Rome
LONG_AGO = TUESDAY - timedelta(days=100)
RULE_HASH = "5" * 64
SENDER = Sender(
    name="Bottega del Clima",
    email="ciao@bottega.example",
    phone="+39 0543 000000",
    website="https://bottega.example",
    signature="Marta e la squadra",
    address=Address(street="Via Giorgio Regnoli 12", postcode="47121", city="Forlì", region="FC", country="IT"),
    locale="it_IT",
    currency="EUR",
    time_zone="Europe/Rome",
    referral_link="https://bottega.example/amici?invito={code}",
    key=KEY,
)
TEMPLATES = {
    "email/hello.it.html.j2": "<p>Ciao {{ customer.name }}</p>",
    "email/hello.it.txt.j2": "Subject: Ciao {{ customer.name }}\n\nOggi è {{ today | date }}.\n",
    "email/hello.en.html.j2": "<p>Hello {{ customer.name }}</p>",
    "email/hello.en.txt.j2": "Subject: Hello {{ customer.name }}\n\nToday is {{ today | date }}.\n",
    "email/work.it.html.j2": "<p>{{ event.what }}</p>",
    "email/work.it.txt.j2": "Subject: {{ event.what }}\n\n{{ event.amount | money(event.currency) }}\n",
    "note/hello.it.txt.j2": "Gentile {{ customer.name }},\ngrazie.",
    "task/call.it.txt.j2": "Chiamare {{ customer.name }}.",
}
SERVING = {
    "email": "post",
    "note": "cards",
    "reward": "points",
    "referral": "invites",
    "task": "list",
    "console": "list",
}
ACCEPTED = Receipt(provider_ref="Q1", detail="250 Ok")
Deed = Callable[[Message], Receipt]


@cache
def empty_store() -> bytes:
    """The file of a store without rows: copying it is quicker than the migrations."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        create(f"sqlite:///{file}").close()
        return file.read_bytes()


class Killed(BaseException):
    """The process ended at this point; nothing that comes behind it is run."""


class Told:
    """An adapter that does what it is told: raise an error, return a receipt, or whatever a function does.

    `deeds` are used up one by one; then all goes well. `got` is what the world has received, `tried` what was asked.
    """

    def __init__(self, channel: str, idempotency: Idempotency = Idempotency.NONE, *, concurrency: int = 1) -> None:
        self.capability = Capability(
            channel=channel, idempotency=idempotency, concurrency=concurrency, unit_cost_minor=7
        )
        self.deeds: list[BaseException | Deed] = []
        self.refusals: dict[str, Exception] = {}  # by a word of the message
        self.tried: list[Message] = []
        self.got: list[Message] = []
        self.closed = 0

    def check(self, message: Message) -> None:
        for word, error in self.refusals.items():
            if word in str(message.body):
                raise error

    async def send(self, message: Message) -> Receipt:
        self.tried.append(message)
        deed = self.deeds.pop(0) if self.deeds else None
        if isinstance(deed, BaseException):
            raise deed
        receipt = deed(message) if deed is not None else ACCEPTED
        self.got.append(message)
        return receipt

    async def close(self) -> None:
        self.closed += 1


class Asked(Told):
    """One that can also be asked what the world has received."""

    async def find(self, message: Message) -> Receipt | None:
        return ACCEPTED if message.key in {one.key for one in self.got} else None


@dataclass(slots=True, kw_only=True)
class Shop:
    """The store, the office and the time; `customer` is Giulia, who has said yes to everything."""

    folder: Path
    database: str = ""  # the address of an empty one; else a file in the folder
    post: Told = field(default_factory=lambda: Told("email"))
    tasks: Told = field(default_factory=lambda: Told("task"))
    now: datetime = TUESDAY
    cap: Cap = field(default_factory=lambda: Cap(messages=100, within=Duration(days=7)))
    templates: Mapping[str, str] = field(default_factory=lambda: dict(TEMPLATES))
    more: dict[str, Adapter] = field(default_factory=dict)
    serving: Mapping[str, str] = field(default_factory=lambda: dict(SERVING))
    customer: int = field(init=False)
    store: Any = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        file = self.folder / "shop.db"
        if not self.database:
            file.write_bytes(empty_store())
        self.store = open_store(self.database or f"sqlite:///{file}")
        with self.store.write() as connection:
            decisions.keep_version(connection, "care", RULE_HASH, 'id = "care"', LONG_AGO)
        self.customer = self.welcome("C-1", given_name="Giulia", email="giulia@mail.example")

    def welcome(self, ref: str, **facts: str) -> int:
        """A customer who has said yes to everything."""
        address = {"street": "Via Verdi 1", "postcode": "47032", "city": "Bertinoro", "region": "FC", "country": "IT"}
        with self.store.write() as connection:
            customers.save(connection, [(ref, {**address, **facts})], LONG_AGO)
            key = customers.ids_of(connection, [ref])[ref]
        self.say("any", "any", given=True, at=LONG_AGO, customer=key)
        return key

    def say(
        self, purpose: str, channel: str, *, given: bool, at: datetime | None = None, customer: int | None = None
    ) -> None:
        """A customer's yes or no."""
        record = ConsentRecord(customer="", purpose=purpose, channel=channel, given=given, at=at or self.now)
        with self.store.write() as connection:
            permissions.add_consents(connection, [(customer or self.customer, record)])

    def happen(self, kind: str, *, at: datetime | None = None) -> None:
        """Something happens to Giulia."""
        self.number += 1
        event = Event(customer="C-1", kind=kind, ext_key=f"E-{self.number}", occurred_at=at or self.now)
        with self.store.write() as connection:
            events.add(connection, "test", [(self.customer, event)], self.now)

    def suppress(self, email: str = "giulia@mail.example") -> None:
        """Nobody writes to that address any more."""
        with self.store.write() as connection:
            permissions.suppress(connection, permissions.address_hash(KEY, email), "any", "bounced", self.now)

    def decide(
        self,
        channel: str = "email",
        *,
        template: str = "",
        purpose: str = "relationship",
        due: datetime | None = None,
        lasts: timedelta = timedelta(days=7),
        customer: int | None = None,
        facts: Mapping[str, Any] | None = None,
        stop_on: tuple[str, ...] = ("complaint.opened",),
        steps: int = 1,
        **plan: Any,
    ) -> str:
        """A journey of so many equal steps, dated; returns the public id of the (last) action."""
        default = {"email": "email/hello", "note": "note/hello", "task": "task/call", "console": "task/call"}
        written = Plan(template=template or default.get(channel, ""), **plan)
        due, customer = due or self.now, customer or self.customer
        self.number += 1
        with self.store.write() as connection:
            occurrence = f"occurrence-{self.number}"
            (journey,) = decisions.begin_journeys(
                connection,
                [
                    {
                        "rule_id": "care",
                        "rule_hash": RULE_HASH,
                        "customer_id": customer,
                        "occurrence": occurrence,
                        "state": "active",
                        "anchor_at": self.now,
                        "stop_on": list(stop_on),
                        "started_at": self.now,
                    }
                ],
            )
            for step in range(steps):
                values = {
                    "dedupe_key": f"care:{customer}:{occurrence}:{step}",
                    "journey_id": journey,
                    "rule_id": "care",
                    "rule_hash": RULE_HASH,
                    "customer_id": customer,
                    "step": f"step{step}",
                    "purpose": purpose,
                    "channel": channel,
                    "plan": written.to_json(),
                    "facts": {"title": "Grazie", **(facts or {})},
                    "not_before": due,
                }
                assert actions.plan(connection, [values], self.now)
            (*_, last) = actions.of_journeys(connection, [journey])
            for action in actions.of_journeys(connection, [journey]):
                actions.schedule(connection, action.id, due, due + lasts, self.now)
        return last.public_id

    @property
    def office(self) -> Office:
        """What dispatch works with."""
        adapters: dict[str, Adapter] = {
            "post": self.post,
            "list": self.tasks,
            "points": RewardLedger(),
            "invites": ReferralCode(),
        }
        return Office(
            sender=SENDER,
            templates=Templates(self.templates, locale="it_IT"),
            adapters={**adapters, **self.more},
            channels=self.serving,
            cap=self.cap,
        )

    def dispatch(
        self, *, owner: str = "", stopping: Callable[[], bool] = lambda: False, later: timedelta = timedelta()
    ) -> Summary:
        """Let some time pass and run the stage once, under an owner of its own."""
        self.now += later
        summary = Summary()
        prepare(self.store, self.office, summary, now=self.now)
        asyncio.run(self.sending(summary, owner=owner or new_id(), stopping=stopping))
        return summary

    async def sending(self, summary: Summary, *, owner: str, stopping: Callable[[], bool] = lambda: False) -> None:
        """The second half of the stage."""
        await send(self.store, self.office, summary, owner=owner, clock=lambda: self.now, stopping=stopping)

    def action(self, public_id: str) -> Action:
        """An action as it stands."""
        with self.store.read() as connection:
            (found,) = actions.find(connection, public_id)
        return found

    def state(self, public_id: str) -> State:
        """Where it stands."""
        return self.action(public_id).state

    def attempts(self, public_id: str) -> list[dict[str, Any]]:
        """Its attempts, oldest first."""
        with self.store.read() as connection:
            (found,) = actions.find(connection, public_id)
            return [dict(row) for row in outbox.attempts_of(connection, found.id)]

    def rows(self, model: Any) -> list[dict[str, Any]]:
        """All rows of a table, in the order of their keys."""
        with self.store.read() as connection:
            table = tables.table(model)
            return [row._asdict() for row in connection.execute(select(table).order_by(*table.primary_key))]

    def approve(self, public_id: str) -> bool:
        """A person lets it go."""
        found = self.action(public_id)
        with self.store.write() as connection:
            return actions.approve(connection, found.id, "Marta")

    def resolve(self, public_id: str, *, sent: bool) -> bool:
        """A person says whether it went out."""
        found = self.action(public_id)
        with self.store.write() as connection:
            return doubts.resolve(connection, found, sent=sent, by="Marta", now=self.now)

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()
