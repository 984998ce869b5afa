"""The shop of bench/outbox.py: actions that are due, and a worker that sends them.

python -m bench.outbox_shop URL waits for a line, sends all that is due on that store with an adapter that does nothing,
and prints what it took. Everything is asked again, the attempt is committed, the receipt and the touchpoint follow.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from typing import Any

import numpy as np

from engine.__main__ import GARBAGE
from engine.core.actions import Plan, State
from engine.core.calendar import Duration
from engine.core.facts import Address, ConsentRecord
from engine.core.keys import canonical_json, sha256
from engine.core.messages import Plain
from engine.core.quiet import QuietPolicy
from engine.dispatch.freeze import Sender
from engine.dispatch.office import Office, Summary
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.dispatch.render import Templates
from engine.dispatch.stage import send
from engine.dispatch.waiting import Cap
from engine.store import actions, customers, decisions, permissions
from engine.store.session import Store, new_id, open_store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HASH = "0" * 64
SLICE = 10_000
SENDER = Sender(
    name="Bench",
    email="ciao@bench.example",
    phone="",
    website="",
    signature="",
    address=Address(),
    locale="it_IT",
    currency="EUR",
    time_zone="Europe/Rome",
    referral_link="",
    key="bench",
)
CONTENT = canonical_json(Plain(title="Grazie", text="Grazie di cuore. " * 20).to_json())


class Nothing:
    """An adapter that takes everything and does nothing."""

    capability = Capability(channel="email", idempotency=Idempotency.KEY)

    def check(self, message: Message) -> None:
        """Nothing to refuse."""

    async def send(self, message: Message) -> Receipt:
        """Done."""
        return Receipt(provider_ref=message.action)

    async def close(self) -> None:
        """Nothing to let go of."""


def sent(store: Store) -> Summary:
    """Everything that is due goes out."""
    summary, cap = Summary(), Cap(messages=3, within=Duration(days=7))
    office = Office(
        sender=SENDER,
        templates=Templates({}, locale="it_IT"),
        adapters={"nothing": Nothing()},
        channels={"email": "nothing"},
        cap=cap,
        quiet=QuietPolicy(start=time(21), end=time(8)),
    )
    asyncio.run(send(store, office, summary, owner=new_id(), clock=lambda: NOW))
    return summary


def seed(
    store: Store, number: int, people: int, scattered: bool, *, channel: str = "email", content: str = CONTENT
) -> None:
    """Customers who said yes, and so many frozen actions of theirs."""
    refs = [f"C{one}" for one in range(people)]
    with store.write() as connection:
        decisions.keep_version(connection, "thanks", HASH, 'id = "thanks"', NOW)
        customers.save(connection, [(ref, {"email": f"{ref}@example.com"}) for ref in refs], NOW)
        keys = customers.ids_of(connection, refs)
        permissions.add_consents(connection, [(keys[ref], _yes(ref)) for ref in refs])
    minutes = np.arange(number) * 600 // max(1, number)
    if scattered:
        minutes = np.random.default_rng(7).permutation(minutes)
    for start in range(0, number, SLICE):
        some = range(start, min(start + SLICE, number))
        _freeze(store, [(one, keys[refs[one % people]], int(minutes[one])) for one in some], channel, content)


def _yes(ref: str) -> ConsentRecord:
    return ConsentRecord(customer=ref, purpose="any", channel="any", given=True, at=NOW - timedelta(days=1))


def _freeze(store: Store, which: Sequence[tuple[int, int, int]], channel: str, content: str) -> None:
    """Actions as decide, schedule and prepare leave them: (number, customer, due so many minutes ago, backwards)."""
    purposes = ("transactional", "relationship")
    plan = Plan(template="email/thanks").to_json()
    with store.write() as connection:
        journeys = decisions.begin_journeys(connection, [_journey(number, customer) for number, customer, _ in which])
        steps = [
            {
                "dedupe_key": f"thanks:{customer}:{number}:mail",
                "journey_id": journey,
                "rule_id": "thanks",
                "rule_hash": HASH,
                "customer_id": customer,
                "step": "mail",
                "purpose": purposes[number % 5 == 0],
                "channel": channel,
                "plan": plan,
                "facts": {"title": "Grazie"},
                "not_before": NOW - timedelta(minutes=600 - minute),
            }
            for (number, customer, minute), journey in zip(which, journeys, strict=True)
        ]
        actions.plan(connection, steps, NOW)
        dates = [
            {
                "id": one["id"],
                "due_at": one["not_before"],
                "valid_until": NOW + timedelta(days=7),
                "unit_cost_micro": 0,
                "reason": "",
            }
            for one in actions.waiting(connection)
        ]
        actions.give_dates(connection, dates, NOW)
        frozen = {
            "state": State.READY.value,
            "adapter": "nothing",
            "payload": content,
            "payload_sha256": sha256(content),
        }
        actions.freeze(connection, [{"id": one["id"], **frozen} for one in dates])


def _journey(number: int, customer: int) -> dict[str, Any]:
    return {
        "rule_id": "thanks",
        "rule_hash": HASH,
        "customer_id": customer,
        "occurrence": str(number),
        "state": "active",
        "anchor_at": NOW - timedelta(days=1),
        "stop_on": ["complaint.opened"],
        "started_at": NOW - timedelta(days=1),
    }


def main() -> int:
    """One worker."""
    gc.set_threshold(*GARBAGE)  # as every premura command
    store = open_store(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    start, used = perf_counter(), _processor()
    summary = sent(store)
    seconds, cpu = perf_counter() - start, _processor() - used
    store.close()
    print(json.dumps({"actions": summary.states.get(State.ACCEPTED, 0), "seconds": seconds, "cpu": cpu}))
    return 0


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
