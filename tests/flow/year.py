"""A whole year of the invented firm, lived day by day under a frozen clock.

Each Monday it is started anew by the command line; on the other days it goes on with what it has read, as a daemon.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from freezegun import freeze_time

from engine import check, inquiry, preview, workspace
from engine.app import App, open_app
from engine.cli import run
from engine.core.calendar import at_local, zone
from engine.daemon.once import once
from engine.demo.firm import build
from engine.demo.log import FirmLog, consents_csv, customers_csv, events_jsonl, transactions_csv
from engine.dispatch.freeze import referral_code

IMPORTED_BEFORE_THE_CLOCK_IS_FROZEN = (check, once, preview)
"""They bring all rooms along; pydantic cannot read a model's dates once freezegun has put its own in their place."""
ROME = "Europe/Rome"
KEY = "the year's key"
EXPORT_AT, ROUND_AT = time(23, 0), time(15, 50)


def ask(*words: str | Path) -> Any:
    """Run a command with --json in this process and read what it printed."""
    said = StringIO()
    with redirect_stdout(said):
        code = run([*map(str, words), "--json"])
    assert code == 0, f"premura {' '.join(map(str, words))} ended with {code}: {said.getvalue()}"
    return json.loads(said.getvalue())


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as it lies in the maildir: to whom, when on the shop's clocks, and the file."""

    to: str
    at: datetime
    subject: str
    file: str


@dataclass
class Year:
    """The workspace after a year, and what the firm itself wrote down."""

    folder: Path
    log: FirmLog
    start: date
    rounds: list[dict[str, Any]] = field(default_factory=list)

    @cached_property
    def app(self) -> App:
        """The open workspace."""
        return open_app(self.folder)

    def close(self) -> None:
        """Close it; it is opened again when it is next used."""
        if "app" in vars(self):
            self.app.close()
            del self.app

    def start_anew(self) -> None:
        """A round of a process of its own."""
        self.close()
        self.rounds.append(ask("run", "--once", "-w", self.folder))

    @cached_property
    def mails(self) -> list[Mail]:
        """Every mail in the maildir, by its own headers."""
        found = []
        for path in sorted((self.folder / "out" / "mail" / "new").iterdir()):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            at = parsedate_to_datetime(message["Date"]).astimezone(zone(ROME))
            address = message["To"].addresses[0].addr_spec
            found.append(Mail(to=address, at=at, subject=str(message["Subject"]), file=f"new/{path.name}"))
        return found

    @cached_property
    def actions(self) -> list[dict[str, Any]]:
        """Every action, as `premura actions list` tells it."""
        return list(ask("actions", "list", "-w", self.folder))

    def sent(self, rule: str, channel: str = "email") -> list[dict[str, Any]]:
        """The actions of a rule and channel that went out."""
        wanted = (rule, channel, "delivered")
        return [row for row in self.actions if (row["rule"], row["channel"], row["state"]) == wanted]

    def mail_of(self, action: dict[str, Any]) -> Mail:
        """The file that an action became."""
        return next(mail for mail in self.mails if mail.file == action["provider_ref"])

    def decisions(self, customer: str, rule: str) -> list[dict[str, Any]]:
        """What `premura explain` tells of a customer and a rule."""
        return list(inquiry.explain(self.app, customer, rule)["decisions"])


def live(folder: Path, *, days: int = 365, customers: int = 600) -> Year:
    """Make a workspace, take in what was before, and live `days` days up to the firm's today."""
    log = build(customers=customers)
    start = log.today - timedelta(days=days)
    year = Year(folder=folder, log=log, start=start)
    with freeze_time(_instant(start - timedelta(days=1), ROUND_AT), real_asyncio=True) as frozen:
        _lay_out(folder, start)
        _export(folder, log.until(start - timedelta(days=2)), start - timedelta(days=2))
        year.start_anew()
        for number in range(days + 1):
            day = start + timedelta(days=number)
            frozen.move_to(_instant(day, ROUND_AT))
            yesterday = day - timedelta(days=1)
            _export(folder, _with_codes(year, log.on(yesterday)), yesterday)
            if day.weekday() == 0:
                year.start_anew()
                _approve(folder)
            else:
                year.rounds.append(once(year.app))
        year.close()
    return year


def _instant(day: date, clock: time) -> datetime:
    return at_local(day, clock, ROME).astimezone(UTC)


def _lay_out(folder: Path, start: date) -> None:
    assert run(["init", str(folder)]) == 0
    settings = folder / "premura.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('# start = "2026-09-01"', f'start = "{start.isoformat()}"'), encoding="utf-8")
    workspace.write_key(folder, KEY)


def _export(folder: Path, log: FirmLog, day: date) -> None:
    """Put a day's exports into the inbox, dated to that evening."""
    for name, text in _files(log):
        path = folder / "inbox" / f"{day.isoformat()}-{name}"
        path.write_text(text, encoding="utf-8")
        written = _instant(day, EXPORT_AT).timestamp()
        os.utime(path, (written, written))


def _files(log: FirmLog) -> Iterator[tuple[str, str]]:
    if log.customers:
        yield "1-customers.csv", customers_csv(log.customers)
    if log.consents:
        yield "2-consents.csv", consents_csv(log.consents)
    if log.transactions:
        yield "3-transactions.csv", transactions_csv(log.transactions)
    if log.events:
        yield "4-events.jsonl", events_jsonl(log.events)


def _with_codes(year: Year, export: FirmLog) -> FirmLog:
    """Newcomers bring the code of whoever sent them, once that customer has had the invitation."""
    coming = {newcomer: referrer for newcomer, referrer in year.log.referred if newcomer in _buyers(export)}
    invited = {
        newcomer: referral_code(KEY, referrer)
        for newcomer, referrer in coming.items()
        if any(step["channel"] == "referral" and step["state"] == "delivered" for step in _steps(year, referrer))
    }
    rows = tuple({**row, "referral_code": invited.get(row["customer"], "")} for row in export.transactions)
    return replace(export, transactions=rows)


def _buyers(export: FirmLog) -> set[str]:
    return {row["customer"] for row in export.transactions}


def _steps(year: Year, customer: str) -> list[dict[str, Any]]:
    told = inquiry.explain(year.app, customer, None)
    return [step for decision in told["decisions"] for step in decision["actions"]]


def _approve(folder: Path) -> None:
    held = [row["id"] for row in ask("actions", "list", "--state", "held", "-w", folder)]
    if held:
        ask("actions", "approve", *held, "-w", folder)
