"""A day on which much goes wrong: whatever the log says of it, it names no customer and tells no secret.

Adapters, files and templates fail with the customer's own words, as real providers and libraries do.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGHUP

import httpx
import pytest

from engine.core.actions import State
from tests.adapters.distribution import install
from tests.process.daemons import DAEMON, DEADLINE, Command, Start, states, until
from tests.workspaces import THANKS, consents, drop, make, table

GOSSIP = '''
"""A provider that repeats whatever it is told."""

import logging
import threading
import warnings

from engine.dispatch.port import Capability, Idempotency, Receipt
from engine.errors import DeliveryError


class Gossip:
    capability = Capability(channel="email", idempotency=Idempotency.NONE)

    def __init__(self, secret):
        self.secret = secret

    def check(self, message):
        if message.customer == "C-1":
            raise RuntimeError(f"I do not like {message.body}")

    async def send(self, message):
        words = f"{message.body} by {self.secret}"
        logging.getLogger("provider").error("%s", words, exc_info=RuntimeError(words))
        warnings.warn(words, stacklevel=1)
        thread = threading.Thread(target=fall, args=(words,))
        thread.start()
        thread.join()
        if message.customer == "C-2":
            raise DeliveryError(f"550 {words}", permanent=True)
        if message.customer == "C-3":
            raise DeliveryError(f"451 {words}", retry_after=3600)
        if message.customer == "C-4":
            raise DeliveryError(f"cut after {words}", ambiguous=True)
        if message.customer == "C-5":
            raise RuntimeError(words)
        if message.customer == "C-6":
            return words
        return Receipt(provider_ref="Q1", detail=words)

    async def close(self):
        raise RuntimeError(self.secret)


def fall(words):
    raise ValueError(words)


def build(options, around):
    return Gossip(around.secret(options["password"]))
'''
SETTINGS = f"""
[channels]
email = "gossip"

[adapters.gossip]
kind = "gossip"
password = {{ env = "PREMURA_GOSSIP_PASSWORD" }}
{DAEMON}
[web]
port = 0
"""
SECRET = "korrekt-pferd-batterie"
PEOPLE = [
    {
        "customer": f"C-{number}",
        "given_name": name,
        "family_name": "Quattrocchi",
        "email": f"{name.lower()}@posta.example",
        "phone": f"+39 0543 77700{number}",
        "street": "Via del Gelsomino 9",
        "postcode": "47122",
        "city": "Forlimpopoli",
        "country": "IT",
        "birthday": f"1961-04-0{number + 1}",
    }
    for number, name in enumerate(["Ermenegilda", "Fulgenzio", "Isotta", "Leontina", "Orfeo", "Palmira", "Quirino"])
]
PERSONAL = {value for one in PEOPLE for name, value in one.items() if name not in ("customer", "country")}
FINAL = {
    State.ACCEPTED: 1,  # C-0
    State.REJECTED: 2,  # C-1 before it was queued, C-2 by the provider
    State.RETRY_AT: 1,
    State.UNKNOWN: 3,
}


def deliveries() -> str:
    now = datetime.now(UTC).isoformat()  # noqa: TID251 - a daemon lives in the present
    rows = [
        {"customer": one["customer"], "kind": "delivery.completed", "id": f"D-{place}", "date": now}
        for place, one in enumerate(PEOPLE)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def daemon(tmp_path: Path, start: Start) -> Command:
    """A daemon that sends through the gossip, with everything in its inbox that can be wrong."""
    site = tmp_path / "site"
    install(site, {"gossip": GOSSIP}, {"gossip": "my_package.gossip:build"})
    folder = make(tmp_path / "shop", SETTINGS)
    drop(folder, "1-customers.csv", table(PEOPLE))
    drop(folder, "2-consents.csv", consents(len(PEOPLE)))
    drop(folder, "3-events.jsonl", deliveries())
    drop(folder, "4-transactions.csv", "Quattrocchi;Via del Gelsomino 9\nErmenegilda;what is this\n")
    drop(folder, "5-customers.csv", table([{**PEOPLE[0], "birthday": "Ermenegilda"}]))
    command: Command = start(folder, site=site, environment={"PREMURA_GOSSIP_PASSWORD": SECRET})
    return command


def test_a_day_on_which_everything_goes_wrong(daemon: Command) -> None:
    until(lambda: states(daemon.folder) == FINAL, lambda: daemon.err)
    rule = daemon.folder / "rules" / "thanks.toml"
    rule.write_text(THANKS.replace("Thank for the order", "Thank Ermenegilda").replace("[on]", "[when]"), "utf-8")
    daemon.send(SIGHUP)
    daemon.wait_for("rules.refused")
    with httpx.Client(base_url=daemon.log[0]["web"], timeout=DEADLINE) as client:
        page = "".join(client.get(name).text for name in ("healthz", "readyz", "metrics"))
    assert daemon.end() == 0

    key = (daemon.folder / "premura.key").read_text(encoding="utf-8").strip()
    told = daemon.err + daemon.out + page
    assert [word for word in (*PERSONAL, SECRET, key, "Traceback") if word in told] == []
    told_of_each_attempt(daemon)


def told_of_each_attempt(daemon: Command) -> None:
    """Every line is a document, and what was wrong can be found by it."""
    events = Counter(line["event"] for line in daemon.log)
    sends = {"send.accepted": 1, "send.rejected": 1, "send.retry": 1, "send.unknown": 3}
    assert {name: number for name, number in events.items() if name.startswith("send.")} == sends
    assert events["fault"] == 6, "one thread of the provider's for each attempt"
    assert events["library"] >= 6
    assert len({line["action"] for line in daemon.log if "action" in line}) == 6
    assert {"daemon.started", "ingest.done", "decide.done", "dispatch.done", "rules.refused"} <= set(events)
