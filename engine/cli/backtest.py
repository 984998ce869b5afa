"""The command that asks a rule about the past: what it would have sent, to whom, and what was taken away."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.display import say, show, when
from engine.cli.frame import HERE, Folder, Json, opened, steps
from engine.core.money import micro_text
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.backtest.result import Result, Row

FIRST = 20
"""Rows that are shown; --out has them all."""
_WIDTH = 40
_COLUMNS = ("customer", "name", "at", "channel", "step", "outcome", "reason", "deferred", "cost", "decided_at",
            "occurrence")  # fmt: skip
_TAKEN = {
    "holdout": "left alone on purpose (holdout)",
    "permission": "not permitted, or nowhere to write to",
    "again_after": "had been in this rule not long before",
    "cap": "would have heard from you too often (cap)",
    "budget": "no room in the month's budget",
    "stopped": "stopped by an event, or their date moved",
    "in_vain": "waited for something that did not come, or not so",
    "late": "too late, or in a window that never opens",
    "coming": "due after that day",
    "waiting": "still waiting for an event on that day",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backtest)


def backtest(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The id of a rule, or a file that is not in force yet.")],
    since: Annotated[str, typer.Option("--since", help="The first day, e.g. 2025-10-01.")],
    until: Annotated[str, typer.Option("--until", help="The last day, e.g. 2026-09-30.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write every row to this CSV file.")] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """What a rule would have sent in the past: who, when, by which channel, and what was taken away. Writes nothing."""
    from engine.backtest import request, run

    with opened(folder, quiet=as_json) as app, steps(quiet=as_json) as begin:
        asked = request.rule_of(app, rule)
        period = request.period(app, since, until)
        advance = begin(f"replaying {asked.id}", (period.until - period.since).days)
        found = run.backtest(app, asked, period, progress=advance)
        tz = app.settings.shop.time_zone
    if out is not None:
        _write(out, found.rows)

    def human() -> None:
        _summary(found)
        _rows(found, tz, all_in=out)
        for note in found.notes:
            say(f"Note: {note}.")

    show(found, as_json=as_json, human=human)


def _write(out: Path, rows: tuple[Row, ...]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([_cell(row, name) for name in _COLUMNS])
    try:
        out.write_text(text.getvalue(), encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"--out: {out} cannot be written ({error.strerror})") from None


def _cell(row: Row, name: str) -> str:
    if name == "cost":
        return f"{Decimal(row.cost_micro).scaleb(-6).normalize():f}"
    value = getattr(row, name)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _summary(found: Result) -> None:
    sent = found.ends.get("sent", 0)
    say(f"{found.rule}: {found.title} (version {found.hash[:8]}, {found.file})")
    say(
        f"{found.since} to {found.until}: {sent} sent to {found.reached} of {found.customers} customers"
        + (f", for {micro_text(found.cost_micro, found.currency)}" if found.cost_micro else "")
    )
    most = max((number for by in found.months.values() for number in by.values()), default=0)
    for month, by_channel in found.months.items():
        for channel, number in by_channel.items():
            say(f"  {month}  {channel:<8} {number:>7}  {'█' * round(_WIDTH * number / most) or '▏'}")
    if found.deferred:
        say(f"  {found.deferred} of these later than planned, by a cap or a budget")
    taken = [(_TAKEN[end], number) for end, number in found.ends.items() if end in _TAKEN]
    say("Taken away, or not sent:" if taken or found.false else "Nothing was taken away.")
    for text, number in sorted(taken, key=lambda pair: -pair[1]):
        say(f"  {number:>7}  {text}")
    if found.false:
        say(f"  {found.false:>7}  a condition did not hold")


def _rows(found: Result, tz: str, *, all_in: Path | None) -> None:
    if found.rows:
        say("")
    for row in found.rows[:FIRST]:
        by = f"{row.channel} ({row.step})" if row.step else row.occurrence
        ended = f"{row.outcome}, {row.reason}" if row.reason else row.outcome
        say(f"{when(row.at, tz)}  {row.customer} {row.name}  {by}: {ended}")
    if all_in is not None:
        say(f"All {len(found.rows)} rows are in {all_in}.")
    elif len(found.rows) > FIRST:
        say(f"and {len(found.rows) - FIRST} more (--out FILE.csv writes them all)")
