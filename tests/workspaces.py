"""Small workspaces for tests: one rule, one mail, the settings that a test wants, and files for the inbox."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine import workspace
from engine.config import FILE
from tests.dispatch.shop import empty_store

SHOP = """
[shop]
name = "Bottega del Clima"
email = "ciao@bottega.example"
"""
FILES = """
[channels]
email = "files"
task = "screen"

[adapters.files]
kind = "email_file"
folder = "out/mail"

[adapters.screen]
kind = "console"
"""
THANKS = """
id = "thanks"
title = "Thank for the order"
purpose = "relationship"
holdout = 0.0

[on]
event = "delivery.completed"

[journey]
stop_on = ["complaint.opened"]

[[step]]
id = "mail"
channel = "email"
template = "email/thanks"
"""
TEMPLATES = {
    "email/thanks.it.html.j2": "<p>Grazie, {{ customer.name }}!</p>\n",
    "email/thanks.it.txt.j2": "Subject: Grazie, {{ customer.given_name }}\n\nA presto.\n",
    "task/call.it.txt.j2": "Chiamare {{ customer.name }}.\n",
}
NAMES = ("Giulia", "Ugo", "Chiara", "Nicolò", "Ada", "Bruno", "Carla", "Dario", "Elsa", "Fabio")


def make(
    folder: Path,
    settings: str = FILES,
    *,
    rules: Mapping[str, str] | None = None,
    templates: Mapping[str, str] | None = None,
    database: str = "",
) -> Path:
    """A workspace with an empty store; `settings` stand below [shop]. database: the address of an empty one."""
    workspace.init(folder)
    for part in (workspace.RULES, workspace.TEMPLATES):
        shutil.rmtree(folder / part)
    for name, text in (rules if rules is not None else {"thanks": THANKS}).items():
        _write(folder / workspace.RULES / f"{name}.toml", text)
    for name, text in (TEMPLATES if templates is None else templates).items():
        _write(folder / workspace.TEMPLATES / name, text)
    if database:
        _write(folder / FILE, f'store = "{database}"\n{SHOP}{settings}')
    else:
        _write(folder / FILE, SHOP + settings)
        (folder / "premura.db").write_bytes(empty_store())
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def drop(folder: Path, name: str, text: str, *, age: timedelta = timedelta(hours=1)) -> Path:
    """Put a file into the inbox that was last written so long ago."""
    written = time.time() - age.total_seconds()  # noqa: TID251 - the age of a real file
    return write_whole(folder / workspace.INBOX / name, text, at=written)


def write_whole(path: Path, text: str, *, at: float | None = None) -> Path:
    """Write a file that nobody sees before all of it is there. at: when it was last written, if not now."""
    hidden = path.with_name(f".{path.name}~")
    hidden.write_text(text, encoding="utf-8")
    if at is not None:
        os.utime(hidden, (at, at))
    return hidden.rename(path)


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def name_of(number: int) -> str:
    """The given name of a customer."""
    return NAMES[number % len(NAMES)]


def customers(number: int) -> str:
    """So many customers: C-0, C-1, …"""
    return table(
        [
            {
                "customer": f"C-{one}",
                "given_name": name_of(one),
                "family_name": f"Rossi-{one}",
                "email": f"{name_of(one).lower().replace('ò', 'o')}{one}@mail.example",
            }
            for one in range(number)
        ]
    )


def consents(number: int) -> str:
    """All of them say yes."""
    shared = {"date": "2025-01-02", "purpose": "any", "channel": "any", "given": "yes"}
    return table([{"customer": f"C-{one}", **shared} for one in range(number)])


def deliveries(number: int, *, at: datetime | None = None) -> str:
    """Each of them gets a delivery, just now."""
    instant = at or datetime.now(UTC) - timedelta(minutes=1)  # noqa: TID251 - a daemon lives in the present
    rows = (
        {"customer": f"C-{one}", "kind": "delivery.completed", "id": f"D-{one}", "date": instant.isoformat()}
        for one in range(number)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def drop_all(folder: Path, number: int, *, at: datetime | None = None) -> None:
    """Customers, their consents and their deliveries, each in a file."""
    drop(folder, "1-customers.csv", customers(number))
    drop(folder, "2-consents.csv", consents(number))
    drop(folder, "3-events.jsonl", deliveries(number, at=at))
