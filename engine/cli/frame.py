"""What all commands share: their common options, how they show progress and results, and the clock of --as-of."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.app import App, Clock

Folder = Annotated[Path, typer.Option("--workspace", "-w", help="The workspace's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
AsOf = Annotated[
    str, typer.Option("--as-of", help="Work as if it were that day (its local noon) or instant, e.g. 2026-10-05.")
]
HERE = Path()
_WHOLE = 1000  # signs: more than any sentence has
Steps = Callable[[str, int | None], Callable[[int], None]]


class Group(TyperGroup):
    """Commands of which the help says the whole first sentence, on as many lines as it needs."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of them."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(_WHOLE)) for name, one in found if one and not one.hidden]
            )


@contextmanager
def opened(folder: Path, as_of: str = "", *, quiet: bool = False) -> Iterator[App]:
    """An open workspace, closed afterwards. quiet: adapters that print do so on standard error."""
    from engine.app import open_app, system_clock

    app = open_app(folder, system_clock, sys.stderr if quiet else sys.stdout)
    try:
        if as_of:
            app.clock = _clock(as_of, app.settings.shop.time_zone)
        yield app
    finally:
        app.close()


def _clock(text: str, tz: str) -> Clock:
    from engine.core.calendar import at_local, aware

    try:
        if len(text) == len("2026-10-05"):
            instant = at_local(date.fromisoformat(text), time(12), tz)
        else:
            found = datetime.fromisoformat(text)
            instant = aware(found) if found.tzinfo else at_local(found.date(), found.time(), tz)
    except ValueError:
        hint = "a day such as 2026-10-05 or an instant such as 2026-10-05T18:00"
        raise UsageError(f"--as-of: '{text}' is not {hint}") from None
    return lambda: instant


@contextmanager
def steps(*, quiet: bool = False) -> Iterator[Steps]:
    """Bars on standard error: what it gives is called with a text and a total, and gives what counts its steps."""
    if quiet or not sys.stderr.isatty():
        yield lambda _text, _total: lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    described = TextColumn("{task.description}")
    columns = (SpinnerColumn(), described, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:

        def begin(text: str, total: int | None) -> Callable[[int], None]:
            task = bars.add_task(text, total=total)
            return lambda done: bars.advance(task, done)

        yield begin


@contextmanager
def progress(text: str, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """One bar without a known end; call what it gives with how much more was done."""
    with steps(quiet=quiet) as begin:
        yield begin(text, None)


def who_asks() -> str:
    """Who gives a command, for the record: a name, or the number of one who has none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # up to Python 3.12, and from 3.13 on
        return f"user {os.getuid()}"
