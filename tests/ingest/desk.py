"""The front desk of a small shop: files are put on it, `premura ingest` takes them in, and one looks what was kept."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from sqlalchemy import Connection

from engine.cli import run
from engine.core.records import ReferralInvite
from engine.store import customers, events, permissions, referrals, scores, transactions
from engine.store.session import Store, open_store
from tests.store import seed

NOW = "2026-03-02T11:00:00+00:00"
Contents = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON document that it printed."""
        return json.loads(self.out)


class Desk:
    """A workspace as the command line sees it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.exports = folder / "exports"
        self.exports.mkdir(exist_ok=True)

    def premura(self, *arguments: str) -> Answer:
        """Run a command in this workspace."""
        self._capsys.readouterr()
        code = run([*arguments, "--workspace", str(self.folder)])
        said = self._capsys.readouterr()
        return Answer(code=code, out=said.out, err=said.err)

    def put(self, name: str, content: str | bytes) -> Path:
        """Put an export on the desk."""
        path = self.exports / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def ingest(self, name: str, content: str | bytes | None = None, *, kind: str = "", as_of: str = NOW) -> Any:
        """Take in a file, all of it or its good rows; returns its summary."""
        path = self.exports / name if content is None else self.put(name, content)
        answer = self.premura("ingest", str(path), "--json", "--as-of", as_of, *(["--kind", kind] if kind else []))
        assert (answer.code, answer.err) == (0, "")
        (summary,) = answer.data["files"]
        return summary

    def refused(self, name: str, content: str | bytes | None = None, *, kind: str = "") -> str:
        """The one line that is said of a file that cannot be read at all; nothing of it is kept."""
        before = self.contents()
        path = self.exports / name if content is None else self.put(name, content)
        answer = self.premura("ingest", str(path), *(["--kind", kind] if kind else []))
        assert (answer.code, answer.out, self.contents()) == (1, "", before)
        assert answer.err.count("\n") == 1
        return answer.err.strip()

    def rejects(self, name: str) -> list[tuple[str, str, str, str]]:
        """Row, column, value and reason of what was not taken of a file."""
        path = self.folder / "rejects" / f"{name}.rejects.csv"
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert {row["file"] for row in found} == {name}
        return [(row["row"], row["column"], row["value"], row["reason"]) for row in found]

    def configure(self, table: str, **values: Any) -> None:
        """Set keys of a table of premura.toml."""
        path = self.folder / "premura.toml"
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        target: Any = document
        for name in table.split("."):
            target = target[name]
        for name, value in values.items():
            target[name] = value
        path.write_text(tomlkit.dumps(document), encoding="utf-8")

    @cached_property
    def store(self) -> Store:
        """The workspace's store, to look at."""
        return open_store(f"sqlite:///{self.folder}/premura.db")

    def contents(self) -> Contents:
        """All that is kept; see `contents`."""
        return contents(self.store)

    def hand_out(self, code: str, to: str) -> None:
        """As if dispatch had given a customer a code to share."""
        with self.store.write() as connection:
            hand_out(connection, code, to)


def hand_out(connection: Connection, code: str, to: str) -> None:
    """Keep that a customer was given a code."""
    action = seed.planned(connection, to, occurrence=code)
    invite = ReferralInvite(code=code, link=f"https://shop.example/?invito={code}")
    assert referrals.invite(connection, invite, referrer=action.customer_id, action=action.id, now=seed.NOON)


def contents(store: Store) -> Contents:
    """Everything that ingest keeps, by customer, without the keys of the store."""
    with store.read() as connection:
        found: Contents = {}
        consents = permissions.consents_of(connection, list(customers.load(connection)))
        for key, known in customers.load(connection).items():
            found[known.facts.ref] = {
                "facts": known.facts,
                "transactions": sorted(_plain(row) for row in transactions.of_customer(connection, key)),
                "events": sorted(_said(row) for row in events.of_customer(connection, key)),
                "consents": sorted((one.purpose, one.channel, one.given, one.at) for one in consents.get(key, ())),
            }
        states = [
            (row["code"], row["referrer"], row["newcomer"], row["state"]) for row in referrals.listing(connection)
        ]
        return found | {"": {"referrals": sorted(states, key=str), "dirty": scores.dirty(connection)}}


def _plain(row: transactions.Stored) -> tuple[Any, ...]:
    return (
        row.ext_key,
        row.occurred_at,
        row.amount_minor,
        row.currency,
        row.reverses or "",
        row.referral_code,
    )


def _said(row: events.Stored) -> tuple[Any, ...]:
    fact = row.facts
    return row.source, fact.ext_key, fact.kind, fact.occurred_at, json.dumps(fact.payload, sort_keys=True)
