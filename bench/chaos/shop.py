"""A workspace of a made-up shop, laid out as a person would: settings, one rule, its words, and files in the inbox.

Each customer had a delivery, and gets a mail (SMTP, which nobody can ask afterwards), a task and points. The
task goes by HTTP, or to a provider that can be asked, which `premura` plays itself (kind `fake`).
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

from engine import workspace
from engine.config import FILE

KEY = "a key of this run"
STEPS = ("mail", "call", "gift")
SETTINGS = """
store = "{store}"

[shop]
name = "Bottega del Clima"
email = "ciao@bottega.example"

[caps]
messages = 100

[daemon]
every = 0.05
lease = 2.0

[channels]
email = "post"
task = "desk"
reward = "points"

[adapters.post]
kind = "email_smtp"
host = "127.0.0.1"
port = {mail}
tls = "none"

[adapters.points]
kind = "reward_ledger"

[adapters.desk]
"""
WEBHOOK = """kind = "task_webhook"
url = "http://127.0.0.1:{http}/{door}"
secret = {{ file = "desk.secret" }}
idempotent = {idempotent}
timeout = 1.0
"""
ASKED = """kind = "fake"
channel = "task"
folder = "out/desk"
idempotency = "search"
lag = "PT5M"
concurrency = 8
script = "desk.json"
wait = 0.2
send = [{{ {send} }}]
find = [{{ {find} }}]
"""
DELIVERIES = Path("out", "desk", "deliveries.jsonl")
SEND = {
    "lost_after": 0.25,
    "lost_before": 0.25,
    "later": 0.2,
    "slow": 0.1,
    "broken_after": 0.1,
    "broken_before": 0.05,
    "crash_after": 0.03,
    "crash_before": 0.02,
}
"""What happens to a task behind the door `search`, by its share of all that something happens to."""
FIND = {"away": 3.0, "slow": 1.0, "crash_before": 0.5}
"""The same for questions, which are few: as many times the rate."""
RULE = """
id = "thanks"
title = "Thank for the order"
purpose = "relationship"
holdout = 0.0

[on]
event = "delivery.completed"

[[step]]
id = "mail"
channel = "email"
template = "email/thanks"
valid_for = "P90D"

[[step]]
id = "call"
channel = "task"
template = "task/call"
valid_for = "P90D"

[[step]]
id = "gift"
channel = "reward"
points = 10
valid_for = "P90D"
"""
TEMPLATES = {
    "email/thanks.it.html.j2": "<p>Grazie, {{ customer.name }}!</p>\n",
    "email/thanks.it.txt.j2": "Subject: Grazie, {{ customer.given_name }}\n\nA presto.\n",
    "task/call.it.txt.j2": "Chiamare {{ customer.name }}.\n",
}


def make(
    folder: Path,
    *,
    customers: int,
    door: str,
    ports: dict[str, int],
    now: datetime,
    store: str = "",
    rate: float = 0.0,
) -> None:
    """Lay it out, all but the database. door: ``key``, ``none``, ``search``, with or without ``/`` and more.

    store: an address, or none for a file of its own. rate: of tasks behind `search` that something happens to.
    """
    folder.mkdir(parents=True)
    workspace.write_key(folder, KEY)
    settings = (SETTINGS + (ASKED if door.startswith("search") else WEBHOOK)).format(
        store=store or "sqlite:///premura.db",
        door=door,
        idempotent=str(door.startswith("key")).lower(),
        send=_shares(SEND, rate),
        find=_shares(FIND, min(rate, 0.1)),
        **ports,
    )
    _write(folder / FILE, settings)
    _write(folder / "desk.secret", "a secret of this run")
    _write(folder / workspace.RULES / "thanks.toml", RULE)
    for name, text in TEMPLATES.items():
        _write(folder / workspace.TEMPLATES / name, text)
    before = now - timedelta(hours=1)
    for name, text in _files(customers, before).items():
        path = folder / workspace.INBOX / name
        _write(path, text)
        os.utime(path, (before.timestamp(), before.timestamp()))


def _shares(weights: dict[str, float], rate: float) -> str:
    return ", ".join(f"{word} = {weight * rate:.6f}" for word, weight in weights.items())


def _files(customers: int, at: datetime) -> dict[str, str]:
    """Exports: who they are, that they said yes, and a delivery to each."""
    who = [f"C-{one},Giulia,Rossi-{one},c{one}@mail.example" for one in range(customers)]
    yes = [f"C-{one},2025-01-02,any,any,yes" for one in range(customers)]
    events = [
        json.dumps({"customer": f"C-{one}", "kind": "delivery.completed", "id": f"D-{one}", "date": at.isoformat()})
        for one in range(customers)
    ]
    return {
        "1-customers.csv": "\n".join(["customer,given_name,family_name,email", *who, ""]),
        "2-consents.csv": "\n".join(["customer,date,purpose,channel,given", *yes, ""]),
        "3-events.jsonl": "\n".join([*events, ""]),
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
