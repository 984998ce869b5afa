"""Commands about the store: its shape, copies of it, and what to do after one was restored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.display import say, show, table, when
from engine.cli.frame import HERE, AsOf, Folder, Group, Json, opened, progress, steps, who_asks


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        cls=Group, help="The store: its shape, copies of it, and after a restore.", no_args_is_help=True
    )
    for name, command in (
        ("upgrade", upgrade),
        ("backup", backup),
        ("tidy", tidy),
        ("confirm-restore", confirm_restore),
    ):
        group.command(name)(command)
    app.add_typer(group, name="db")


def upgrade(folder: Folder = HERE, as_json: Json = False) -> None:
    """Bring the store to this version's shape; makes it where there is none."""
    from engine import app

    app.upgrade(folder)
    show({"upgraded": True}, as_json=as_json, human=lambda: say("The store has this version's shape."))


def backup(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to; backups/ in the workspace, by the time of day.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Copy the store while everything goes on, check the copy, and mark it as one."""
    from engine import recovery

    with steps(quiet=as_json) as begin:
        done = recovery.backup(folder, file, force=force, progress=begin)

    def human() -> None:
        say(f"{done.file}: {done.size / 1e6:.1f} MB, checked; the store as it was at {done.at:%Y-%m-%d %H:%M} UTC")
        say("Keep premura.toml, premura.key, rules/ and templates/ with it: the store holds none of them.")

    show(done, as_json=as_json, human=human)


def tidy(folder: Folder = HERE, as_of: AsOf = "", as_json: Json = False) -> None:
    """Move what was finished long ago out of the outbox, as the daemon does each night; nothing is forgotten."""
    from engine.tidy import tidy as move_old

    with opened(folder, as_of, quiet=as_json) as app, progress("tidying", quiet=as_json) as advance:
        done, kept = move_old(app, progress=advance), app.settings.retention

    def human() -> None:
        say(f"{done.moved} actions that were finished more than {kept.actions} ago were moved to the history.")
        if kept.contents:
            say(f"The content of {done.emptied} that were finished more than {kept.contents} ago was emptied.")

    show(done, as_json=as_json, human=human)


def confirm_restore(folder: Folder = HERE, as_json: Json = False) -> None:
    """Show what may have gone out between the copy and its restore, and let everything else go again."""
    from engine import recovery

    with opened(folder, quiet=as_json) as app:
        done = recovery.confirm(app, who_asks())
        tz = app.settings.shop.time_zone

    def human() -> None:
        if not done.gaps:
            say("This store was never restored from a copy: there is nothing to confirm.")
            return
        for gap in done.gaps:
            say(f"Of what went out between {when(gap.since, tz)} and {when(gap.until, tz)} this store knows nothing.")
        rows = [(row.adapter, row.how, row.held, row.asked) for row in done.adapters]
        table("", ("adapter", "what may have gone out is", "held", "asked for"), rows, right=("held", "asked for"))
        say("Everything that falls due later goes out as always." if done.released else "It was confirmed before.")
        if any(row.held for row in done.adapters):
            say(
                "See what is held: premura actions list --state held    It had not gone out: premura actions approve ID"
            )
            say("It had, or is not to go any more: premura actions cancel ID")

    show(done, as_json=as_json, human=human)
