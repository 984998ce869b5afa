"""The six rooms as commands, and the daemon that runs them all."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli import fitted
from engine.cli.display import counts, money, say, show, table, warn
from engine.cli.frame import HERE, AsOf, Folder, Json, opened, progress
from engine.errors import IngestError, StoreError, UsageError
from engine.ingest.columns import Kind

KINDS: tuple[Kind, ...] = ("customers", "transactions", "events", "consents")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (ingest, score, decide, schedule, dispatch, run):
        app.command()(command)


def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="CSV or JSON Lines.")],
    kind: Annotated[
        str, typer.Option(help="customers, transactions, events or consents, if the file does not tell.")
    ] = "",
    folder: Folder = HERE,
    as_of: AsOf = "",
    as_json: Json = False,
) -> int:
    """Take in files; each fact is stored once, wrong rows go to a rejects file with row, column and reason."""
    found = next((known for known in KINDS if known == kind), None)
    if kind and found is None:
        raise UsageError(f"--kind: '{kind}' is none of {', '.join(KINDS)}")
    summaries, failed = [], dict[str, str]()
    with opened(folder, as_of, quiet=as_json) as app:
        for file in files:
            try:
                with progress(f"reading {file.name}", quiet=as_json) as advance:
                    summaries.append(app.ingest(file, kind=found, progress=advance))
            except (IngestError, StoreError) as error:  # what the other files brought is stored, and is said
                failed[str(file)] = str(error)

    def human() -> None:
        for summary in summaries:
            changed = f", {summary.changed} changed" if summary.changed else ""
            say(f"{summary.file}: {summary.rows} {summary.kind}: {summary.new} new{changed}, {summary.known} known, "
                f"{summary.rejected} rejected")  # fmt: skip
            guessed = ", ".join(f"{ours} = {theirs}" for ours, theirs in summary.columns.items() if ours != theirs)
            if guessed:
                say(f"  columns read as: {guessed}")
            for note in summary.notes:
                say(f"  {note}")
            if summary.rejects_file:
                say(f"  why rows were rejected: {summary.rejects_file}")

    errors = [{"file": file, "error": why} for file, why in failed.items()]
    show({"files": summaries, "errors": errors}, as_json=as_json, human=human)
    for why in failed.values():
        print(why, file=sys.stderr)
    return 1 if failed else 0


def score(folder: Folder = HERE, as_of: AsOf = "", as_json: Json = False) -> None:
    """Work out what each customer is worth: P(alive), expected purchases and spend, CLV, tier."""
    with opened(folder, as_of, quiet=as_json) as app, progress("scoring", quiet=as_json) as advance:
        result = app.score(progress=advance)
        shop = app.settings.shop

    def human() -> None:
        say(f"{result.customers} customers with {result.transactions} purchases, {result.repeaters} came back; "
            f"as of {result.as_of.date().isoformat()}, in {result.time_unit}s")  # fmt: skip
        fitted.model(result.model, result.params, result.log_likelihood)
        if result.spend_log_likelihood is not None:
            fitted.model("gamma_gamma", result.spend_params, result.spend_log_likelihood)
        fitted.notes(result.flags)
        fitted.season(result.season)
        fitted.cohorts(result.cohorts)
        fitted.validation(result.validation, result.model)
        total = money(result.total_clv_minor, shop.currency, shop.locale)
        say(f"expected over {result.horizon}: {total}; tiers: {counts(result.tiers)}")

    show(result, as_json=as_json, human=human)


def decide(folder: Folder = HERE, as_of: AsOf = "", as_json: Json = False) -> None:
    """Ask the rules about every new event, score and date; every answer is kept with its reasons."""
    with opened(folder, as_of, quiet=as_json) as app, progress("deciding", quiet=as_json) as advance:
        result = app.decide(progress=advance)

    def human() -> None:
        history = f" ({result.history} from before the start are history)" if result.history else ""
        waited = f", {result.awaited} got what they waited for" if result.awaited else ""
        waited += f", {result.given_up} waited in vain" if result.given_up else ""
        gone = f", {result.removed} ended because their rule was removed" if result.removed else ""
        say(f"{result.events} events{history}, {result.scores} new scores; answers: {counts(result.outcomes)}; "
            f"{result.actions} actions planned{waited}, {result.stopped} journeys stopped{gone}")  # fmt: skip

    show(result, as_json=as_json, human=human)


def schedule(folder: Folder = HERE, as_of: AsOf = "", as_json: Json = False) -> None:
    """Give what was decided its date, inside windows, caps and budgets; the highest expected value goes first."""
    with opened(folder, as_of, quiet=as_json) as app:
        result = app.schedule()

    def human() -> None:
        say(f"{result.scheduled} actions dated ({result.deferred} later than planned), "
            f"{result.dropped} dropped, {result.expired} expired")  # fmt: skip
        if result.causes:
            named = {_CAUSES[cause]: number for cause, number in sorted(result.causes.items())}
            say(f"  for want of room: {counts(named)}")

    show(result, as_json=as_json, human=human)


_CAUSES = {"budget": "budget of the month", "customer": "cap of the customer", "household": "cap of the household"}


def dispatch(folder: Folder = HERE, as_of: AsOf = "", as_json: Json = False) -> None:
    """Send what is due, once."""
    with opened(folder, as_of, quiet=as_json) as app, progress("sending", quiet=as_json) as advance:
        result = app.dispatch(progress=advance)

    def human() -> None:
        say(f"{result.frozen} written, {result.held} of them wait for your yes (premura actions list --state held); "
            f"outcomes: {counts(result.states)}")  # fmt: skip

    show(result, as_json=as_json, human=human)
    _tell(result.refused)


def _tell(refused: str) -> None:
    if refused:
        warn(refused)
        raise typer.Exit(1)


def run(
    folder: Folder = HERE,
    once: Annotated[bool, typer.Option("--once", help="Run every stage once and stop.")] = False,
    role: Annotated[
        str, typer.Option(help="all; dispatch: only send what is due, beside others; web: only answer on the web.")
    ] = "all",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Answer on the web there, not where [web] says.")
    ] = None,
    as_of: AsOf = "",
    as_json: Json = False,
) -> None:
    """Run everything: take in what is put into inbox/, score, decide, schedule, dispatch, again and again."""
    from engine.daemon.life import ROLES
    from engine.daemon.once import once as one_round
    from engine.daemon.serve import serve

    known = next((one for one in ROLES if one == role), None)
    if known is None:
        raise UsageError(f"--role: '{role}' is none of {', '.join(ROLES)}")
    if once and known != "all":
        raise UsageError("--role goes without --once: what runs once runs every stage")
    if once and port is not None:
        raise UsageError("--port goes without --once: what runs once answers nobody")
    if as_of and not once:
        raise UsageError("--as-of goes with --once: a daemon lives in the present")
    with opened(folder, as_of, quiet=as_json) as app:
        if once:
            result = one_round(app)
            show(result, as_json=as_json, human=lambda: _round(result))
            _tell(result["dispatch"]["refused"])
            return
        serve(app, log=sys.stderr, role=known, port=port)


def _round(result: dict[str, object]) -> None:
    table("", ("stage", "result"), [(name, _in_words(said)) for name, said in result.items()])


def _in_words(said: Any) -> str:
    """What a stage did, without what it did none of; the sentence about a restore comes by itself."""
    if isinstance(said, Mapping):
        done = {name: _in_words(what) for name, what in said.items() if what and name != "refused"}
        return (
            ", ".join(f"{what} {name}" if what.isdigit() else f"{name} {what}" for name, what in done.items()).replace(
                "_", " "
            )
            or "nothing"
        )
    if isinstance(said, list | tuple):
        return "; ".join(map(_in_words, said)) or "nothing"
    return "nothing" if said is None else str(said)
