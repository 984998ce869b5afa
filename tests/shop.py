"""A small shop for tests: a workspace whose files are written, whose exports are ingested and whose clock is moved."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from engine import inquiry, workspace
from engine.app import App, open_app, upgrade
from engine.demo.run import KEY
from engine.ingest.columns import Kind
from engine.ingest.stage import Summary

THANKS = """
id = "thanks"
title = "Thank for a service call"
purpose = "relationship"
holdout = 0.0

[on]
event = "service_call.completed"

[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
after = "P1D"
"""
WHO = {
    "customer": "C1",
    "given_name": "Letizia",
    "family_name": "D'Amico",
    "email": "letizia@mail.example",
    "street": "Via Verdi 1",
    "postcode": "47121",
    "city": "Forlì",
    "region": "FC",
    "country": "IT",
}
YES = {"customer": "C1", "purpose": "any", "channel": "any", "given": "yes", "date": "2026-01-01"}


class Shop:
    """A workspace with the rules that a test gives it and no others."""

    def __init__(
        self,
        folder: Path,
        *,
        rules: Mapping[str, str] | None = None,
        now: str = "2026-03-02T11:00",
        database: str = "",
    ) -> None:
        self.folder = folder
        workspace.init(folder)
        workspace.write_key(folder, KEY)
        for path in (folder / workspace.RULES).iterdir():
            path.unlink()
        for name, text in (rules or {"thanks": THANKS}).items():
            self.rule(name, text)
        if database:
            self.configure('# store = "sqlite:///premura.db"', f'store = "{database}"')
        upgrade(folder)
        self._instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
        self._app: App | None = None
        self._files = 0

    @property
    def app(self) -> App:
        """The open workspace, at the shop's own time."""
        if self._app is None:
            self._app = open_app(self.folder, lambda: self._instant)
        return self._app

    def rule(self, name: str, text: str) -> None:
        """Write a rule file."""
        (self.folder / workspace.RULES / f"{name}.toml").write_text(text, encoding="utf-8")
        self.close()

    def configure(self, old: str, new: str) -> None:
        """Change the configuration."""
        path = self.folder / "premura.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        self.close()

    def close(self) -> None:
        """Close the workspace; it is opened again when it is next used."""
        if getattr(self, "_app", None) is not None and self._app is not None:
            self._app.close()
        self._app = None

    def at(self, instant: str) -> Self:
        """Move the clock (UTC)."""
        self._instant = datetime.fromisoformat(instant).replace(tzinfo=UTC)
        return self

    def ingest(self, kind: Kind, rows: Iterable[Mapping[str, Any]]) -> Summary:
        """Take in an export with these rows."""
        found = list(rows)
        self._files += 1
        columns = list(dict.fromkeys(name for row in found for name in row))
        text = io.StringIO()
        if kind == "events":
            text.write("".join(json.dumps(row) + "\n" for row in found))
        else:
            writer = csv.DictWriter(text, columns)
            writer.writeheader()
            writer.writerows(found)
        path = self.folder / f"{kind}-{self._files}.{'jsonl' if kind == 'events' else 'csv'}"
        path.write_text(text.getvalue(), encoding="utf-8")
        return self.app.ingest(path, kind=kind)

    def customer(self, ref: str = "C1", *, consent: bool = True, **facts: str) -> None:
        """A customer, who said yes to everything unless told otherwise."""
        mail = {"email": f"{ref.lower()}@mail.example"} if ref != "C1" else {}
        self.ingest("customers", [{**WHO, "customer": ref, **mail, **facts}])
        if consent:
            self.ingest("consents", [{**YES, "customer": ref}])

    def event(self, kind: str, date: str, customer: str = "C1", **payload: Any) -> None:
        """Something that happened, by an instant with offset."""
        key = payload.pop("id", f"{kind}:{customer}:{date}")
        self.ingest("events", [{"id": key, "customer": customer, "kind": kind, "date": date, **payload}])

    def sale(self, date: str, amount: str, customer: str = "C1", **more: str) -> None:
        """A sale, or a refund with a negative amount."""
        key = more.pop("id", f"sale:{customer}:{date}:{amount}")
        self.ingest("transactions", [{"id": key, "customer": customer, "date": date, "amount": amount, **more}])

    def round(self) -> None:
        """Decide, schedule, dispatch."""
        self.app.decide()
        self.app.schedule()
        self.app.dispatch()

    def decisions(self, customer: str = "C1", rule: str | None = None) -> list[dict[str, Any]]:
        """What explain tells."""
        return list(inquiry.explain(self.app, customer, rule)["decisions"])

    def outcomes(self, customer: str = "C1", rule: str | None = None) -> list[str]:
        """The answers about a customer, oldest first."""
        return [decision["outcome"] for decision in self.decisions(customer, rule)]

    def actions(self) -> list[dict[str, Any]]:
        """All actions."""
        return inquiry.actions(self.app, "")

    def states(self) -> dict[str, str]:
        """The state of each step, by rule and step."""
        return {f"{row['rule']}.{row['step']}": row["state"] for row in self.actions()}

    def mails(self) -> list[Path]:
        """The mails that went out."""
        return sorted((self.folder / "out" / "mail" / "new").glob("*.eml"))
