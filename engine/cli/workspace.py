"""Commands about the workspace itself: init, check, preview, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.display import say, show, warn
from engine.cli.frame import HERE, Folder, Json, opened, steps
from engine.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(demo)
    app.command()(check)
    app.command()(preview)


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder to make the workspace in.")] = HERE,
    as_json: Json = False,
) -> None:
    """Make a workspace: configuration, rules, templates and an empty store. What is there already stays."""
    from engine import app, workspace

    made = workspace.init(folder)
    app.upgrade(folder)

    def human() -> None:
        where = "here" if folder == HERE else f"in {folder}"
        say(f"A workspace {where}: {len(made)} files made." if made else f"The workspace {where} was whole already.")
        say("Next: put your shop's name into premura.toml, then premura check, then premura ingest FILE.csv")

    show({"workspace": folder, "made": made}, as_json=as_json, human=human)


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to make it.")] = Path("premura-demo"),
    as_json: Json = False,
) -> None:
    """Live two months of an invented heating firm: mails, cards, rewards and referrals that you can look at."""
    from engine.cli.story import tell
    from engine.demo.run import demonstrate

    with steps(quiet=as_json) as progress:
        result = demonstrate(folder, progress=progress)
    show(result, as_json=as_json, human=lambda: tell(result))


def check(folder: Folder = HERE, as_json: Json = False) -> None:
    """Name everything that is wrong with configuration, rules and templates, each with file, line and a hint."""
    from engine.check import check as find
    from engine.check import read_well, shown
    from engine.recovery import news

    faults = find(folder)
    store = "" if faults else news(folder)
    if as_json:
        show({"faults": faults, "store": store}, as_json=True, human=lambda: None)
        raise typer.Exit(2 if faults else 0)
    if faults:
        raise ConfigError(faults, shown=shown(faults, folder))
    say(f"All is well: {read_well(folder)} are right.")
    if store:
        warn(store)


def preview(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="Such as email/anniversary or note/welcome_vip.")],
    customer: Annotated[str, typer.Option("--customer", "-c", help="Reference, e-mail or name.")] = "",
    out: Annotated[Path, typer.Option("--out", help="The folder for the preview.")] = Path("out/preview"),
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write a mail (HTML, text) or a card (PDF, PNG) as a customer would get it, and send nothing."""
    from engine.preview import preview as draw

    with opened(folder, quiet=as_json) as app:
        files = draw(app, template, customer, out if out.is_absolute() else folder / out)

    def human() -> None:
        for file in files:
            say(str(file))

    show({"files": files}, as_json=as_json, human=human)
