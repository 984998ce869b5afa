"""What the demo did, as plain values for the closing table and as a page to look at."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from engine import inquiry
from engine.app import App
from engine.core.actions import State
from engine.demo.page import page
from engine.report.reasons import sentences
from engine.store import decisions, ledger, print_jobs, referrals

PAGE = "look.html"
_OUT = (State.ACCEPTED, State.DELIVERED)


def collect(app: App, folder: Path, start: date, today: date) -> dict[str, Any]:
    """Everything that the closing table tells."""
    every = inquiry.actions(app, "")
    out = [row for row in every if row["state"] in _OUT]
    with app.store.read() as connection:
        granted = ledger.entries(connection)
        invites = referrals.listing(connection)
        drawn = print_jobs.files(connection)
        answers = decisions.counts(connection)
    cards = [
        {**row, "files": [str(folder / "out" / name) for name in drawn[row["id"]]]} for row in out if row["id"] in drawn
    ]
    mails = [
        {**row, "file": str(folder / "out" / "mail" / row["provider_ref"])} for row in out if row["channel"] == "email"
    ]
    tasks = [
        {**row, "file": str(folder / "out" / "tasks" / row["provider_ref"])} for row in out if row["channel"] == "task"
    ]
    return {
        "workspace": str(folder),
        "page": str(folder / PAGE),
        "lived": {"from": start, "to": today},
        "titles": {rule.id: rule.name for rule in app.rules},
        "mails": mails,
        "cards": cards,
        "tasks": tasks,
        "held": [row for row in every if row["state"] == State.HELD],
        "rewards": granted,
        "invites": [row for row in invites if row["newcomer"] is None],
        "conversions": [row for row in invites if row["newcomer"] is not None],
        "answers": [{"rule": rule, "outcome": outcome, "number": number} for rule, outcome, number in answers],
    }


def write_page(app: App, folder: Path, found: dict[str, Any]) -> None:
    """Write the page with the newest mail, card and task of each rule."""
    newest = {mail["rule"]: mail for mail in found["mails"]}
    mails = {rule: Path(mail["file"]).read_bytes() for rule, mail in newest.items()}
    tasks = {task["rule"]: Path(task["file"]).read_text(encoding="utf-8") for task in found["tasks"]}
    shown = [*newest.values(), *{card["rule"]: card for card in found["cards"]}.values()]
    reasons = {action["id"]: _reasons(app, action) for action in shown}
    (folder / PAGE).write_text(page(found, mails, tasks, reasons), encoding="utf-8")


def _reasons(app: App, action: dict[str, Any]) -> list[str]:
    told = inquiry.explain(app, action["customer"], action["rule"])
    for decision in told["decisions"]:
        if any(step["id"] == action["id"] for step in decision["actions"]):
            return list(sentences(decision["reasons"]))
    return []
