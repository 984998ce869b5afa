"""The command line: each command parses, calls one method of app, and shows what came of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer

from engine import __version__
from engine.cli import actions, backtest, clv, database, people, reports, rules, stages, workspace
from engine.cli.frame import Group
from engine.errors import ConfigError, EngineError

app = typer.Typer(
    name="premura",
    cls=Group,
    help="What each customer is worth, and the right care at the right moment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _tell(asked: bool) -> None:
    if asked:
        print(f"premura {__version__}")
        raise typer.Exit


@app.callback()
def _premura(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell, help="Say which one this is.")
    ] = False,
) -> None:
    """What holds for every command."""


for module in (workspace, clv, stages, people, actions, rules, backtest, reports, database):
    module.register(app)


@cache
def _commands() -> Any:
    """The commands as typer makes them: it reads every signature, which is done once a process."""
    return typer.main.get_command(app)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (the process's own by default) and return its exit code; no traceback reaches a user."""
    try:
        outcome = _commands()(list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except typer.TyperException as error:
        said = error.format_message()
        asked = "" if said.startswith("Usage:") else " (hint: premura --help, or --help behind a command)"
        print(f"{said}{asked}", file=sys.stderr)  # who names no command of several gets their list
        return 2
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has gone
        return 1
    except EngineError as error:
        _explain(error)
        return error.exit_code
    except Exception as error:
        if os.environ.get("PREMURA_DEBUG"):
            raise
        print(f"premura: a fault of its own: {type(error).__name__}: {error}", file=sys.stderr)
        print("hint: PREMURA_DEBUG=1 shows where; please report it", file=sys.stderr)
        return 1
    return outcome if isinstance(outcome, int) else 0


def _explain(error: EngineError) -> None:
    print(error, file=sys.stderr)
    if isinstance(error, ConfigError):
        number = len(error.faults)
        print(f"{number} fault{'s' if number != 1 else ''}; nothing was changed", file=sys.stderr)
