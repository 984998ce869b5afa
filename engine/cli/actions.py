"""Commands about actions: list, show, approve, cancel, resolve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.display import say, show, table, warn, when
from engine.cli.frame import HERE, Folder, Group, Json, opened, who_asks
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.doubtful import Known

Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="The last signs of an action's id are enough.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(cls=Group, help="What is planned, waits, went out or is in doubt.", no_args_is_help=True)
    for name, command in (
        ("list", listing),
        ("show", detail),
        ("approve", approve),
        ("cancel", cancel),
        ("resolve", resolve),
    ):
        group.command(name)(command)
    app.add_typer(group, name="actions")


def listing(
    state: Annotated[str, typer.Option(help="Only in this state, e.g. held or unknown.")] = "",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """List actions, the newest dates last; the doubtful ones with the command that resolves them."""
    from engine import inquiry, recovery

    with opened(folder, quiet=as_json) as app:
        found = inquiry.actions(app, state)
        tz, stands_still = app.settings.shop.time_zone, recovery.open_gaps(app)

    def human() -> None:
        whole = ("id", "due", "state")
        rows = [(row["id"][-8:], when(row["due_at"], tz), row["state"], _what(row)) for row in found]
        table("", (*whole, "what, for whom, and why"), rows, whole=whole)
        for row in found:
            if "doubt" in row:
                _tell(row["id"][-8:], row["doubt"], tz)
        if any(row["state"] == "held" for row in found):
            say("Look at one: premura actions show ID    Let it go: premura actions approve ID    "
                "Or not: premura actions cancel ID")  # fmt: skip

    show(found, as_json=as_json, human=human)
    if stands_still:
        warn(stands_still)


def _what(row: dict[str, Any]) -> str:
    """An action in a cell: its rule and step, whom it is for, and below what became of it."""
    whom = f"{row['rule']} {row['step']} by {row['channel']}: {row['name'] or row['customer']}"
    return f"{whom}\n{row['reason']}" if row["reason"] else whom


def _tell(name: str, doubt: Known, tz: str) -> None:
    """One doubt: what is known, what comes by itself, and the commands that end it."""
    times = "once" if doubt.attempts == 1 else f"{doubt.attempts} times"
    last = f", last at {when(doubt.last_at, tz)}" if doubt.last_at else ""
    say(f"{name}: tried {times} by {doubt.adapter}{last}: {doubt.said}")
    say(f"  by itself: {doubt.by_itself}, at {when(doubt.at, tz)}" if doubt.by_itself else "  waits for your word")
    say(f"  it went out: {doubt.resolve[0]}    it did not: {doubt.resolve[1]}")


def detail(action: Annotated[str, typer.Argument(metavar="ID")], folder: Folder = HERE, as_json: Json = False) -> None:
    """Show one action: its content, its state, every attempt."""
    from engine import inquiry

    with opened(folder, quiet=as_json) as app:
        found = inquiry.action(app, action)
        tz = app.settings.shop.time_zone

    def human() -> None:
        for name in ("id", "rule", "version", "customer", "channel", "adapter", "state", "reason"):
            say(f"{name}: {found[name]}")
        say(f"due: {when(found['due_at'], tz)}, of use until {when(found['valid_until'], tz)}")
        for attempt in found["attempts"]:
            number = f"attempt {attempt['attempt']}" if attempt["attempt"] else "begun"
            say(f"{number} at {when(attempt['started_at'], tz)}: {attempt['outcome']} "
                f"{attempt['provider_ref']} {attempt['detail']}".rstrip())  # fmt: skip
        for name, value in (found["payload"] or {}).items():
            if name != "html":
                say(f"{name}: {value}")

    show(found, as_json=as_json, human=human)


def approve(ids: Ids, folder: Folder = HERE, as_json: Json = False) -> None:
    """Let held actions go."""
    _each(ids, "approve", folder, as_json=as_json)


def cancel(ids: Ids, folder: Folder = HERE, as_json: Json = False) -> None:
    """Stop actions that have not gone out, or that the service still gives back."""
    _each(ids, "cancel", folder, as_json=as_json)


def resolve(
    ids: Ids,
    sent: Annotated[bool | None, typer.Option("--sent/--not-sent", help="Whether it went out.")] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Say of doubtful actions whether they went out."""
    if sent is None:
        raise UsageError("say --sent or --not-sent")
    _each(ids, "sent" if sent else "not_sent", folder, as_json=as_json)


def _each(ids: list[str], verb: str, folder: Folder, *, as_json: bool) -> None:
    from engine import orders

    with opened(folder, quiet=as_json) as app:
        done = [orders.change(app, each, verb, who_asks()) for each in ids]

    def human() -> None:
        for row in done:
            say(f"{row['id'][-8:]} is {row['state']}")

    show(done, as_json=as_json, human=human)
