"""`premura clv FILE`: what the customers of a file are worth, without a workspace."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from engine.cli import fitted
from engine.cli.display import counts, money, say, show
from engine.cli.frame import Json, steps
from engine.errors import ScoreError, UsageError

if TYPE_CHECKING:
    from engine.clv.run import Result
    from engine.score.terms import Terms

UNITS = ("day", "week", "month")
SHOWN = 5
"""Wrong rows that people are told of, one line each."""
COHORTS = ("", "year", "quarter")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(clv)


def clv(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Transactions, CSV or Parquet.")],
    customer: Annotated[str, typer.Option(help="The column that says who; guessed when not given.")] = "",
    date_column: Annotated[str, typer.Option("--date", help="The column that says when.")] = "",
    amount: Annotated[str, typer.Option(help="The column that says how much; refunds are below zero.")] = "",
    model: Annotated[
        str, typer.Option(help="auto, bg_nbd, mbg_nbd, pareto_nbd; bg_bb or sbg for opportunities and contracts.")
    ] = "auto",
    time_unit: Annotated[str, typer.Option(help="day, week or month: the unit of T, recency and the model.")] = "week",
    calibration_end: Annotated[str, typer.Option(help="Score as of this day, judge by what came after.")] = "",
    holdout_end: Annotated[str, typer.Option(help="The last day that judges; the file's last one if not given.")] = "",
    horizon: Annotated[str, typer.Option(help="How far to look: 365d, 52w, 12m, 2y, or ISO 8601 (P1Y).")] = "365d",
    discount_rate: Annotated[float, typer.Option(help="A year's interest, 0.10 for 10 %.")] = 0.10,
    margin: Annotated[float, typer.Option(help="The share of a sale that you keep; 1 values turnover.")] = 1.0,
    currency: Annotated[str, typer.Option(help="The amounts' currency, ISO 4217.")] = "EUR",
    cohorts: Annotated[str, typer.Option(help="year or quarter of the first purchase: parameters of their own.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write scores.csv, a row per customer, here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw five pictures, SVG and PNG, into this folder.")] = None,
    locale: Annotated[str, typer.Option(help="The language of the pictures: en or it.")] = "en",
    as_json: Json = False,
) -> None:
    """Work out what each customer of a file is worth: P(alive), purchases to come, CLV with an interval, tier."""
    with steps(quiet=as_json) as begin:

        def tell(text: str) -> None:
            begin(text, None)

        if time_unit not in UNITS:
            raise UsageError(f"--time-unit: '{time_unit}' is none of {', '.join(UNITS)}")
        if cohorts not in COHORTS:
            raise UsageError(f"--cohorts: '{cohorts}' is neither year nor quarter")
        from engine.clv.request import Request
        from engine.clv.run import run

        if plots is not None:
            from engine.clv.draw import draw  # before the work is done: the extra may be missing

        request = Request(
            path=file,
            customer_column=customer,
            date_column=date_column,
            amount_column=amount,
            model=model,
            time_unit=cast("Literal['day', 'week', 'month']", time_unit),
            calibration_end=_day("--calibration-end", calibration_end),
            holdout_end=_day("--holdout-end", holdout_end),
            terms=_terms(horizon, discount_rate, margin),
            currency=currency.upper(),
            cohorts=cast("Literal['', 'year', 'quarter']", cohorts),
        )
        result = run(request, tell)
        from engine.clv.write import document, save

        said = document(result)
        if out is not None:
            save(result, out)
        if plots is not None:
            said["plots"] = [str(path) for path in draw(result, plots, locale)]
    show(said, as_json=as_json, human=lambda: _human(result, said, out, plots))


def _day(option: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: '{text}' is not a day such as 2026-03-31") from None


def _terms(horizon: str, discount_rate: float, margin: float) -> Terms:
    from engine.score.terms import Terms

    try:
        return Terms(horizon_days=_days(horizon), annual_rate=discount_rate, margin=margin)
    except ScoreError as error:
        raise UsageError(str(error)) from None


def _days(text: str) -> float:
    """Days of a horizon: a number with d, w, m or y behind it, or ISO 8601."""
    from engine.core.calendar import parse_duration
    from engine.score.terms import days_of

    short = text.strip().upper()
    try:
        return days_of(parse_duration(short if short.startswith("P") else f"P{short}"))
    except ValueError:
        raise UsageError(f"--horizon: '{text}' is not a time such as 365d, 52w, 12m, 2y or P1Y") from None


def _human(result: Result, said: dict[str, Any], out: Path | None, plots: Path | None) -> None:
    request = result.request
    _read(result)
    say(f"{said['customers']} customers, {int((result.history.frequency > 0).sum())} came back; as of {said['as_of']}, "
        f"in {said['time_unit']}s")  # fmt: skip
    fitted.model(said["model"], said["params"], said["log_likelihood"])
    fitted.model(said["spend"]["model"], said["spend"]["params"], said["spend"]["log_likelihood"])
    fitted.notes(said["flags"], _words(result))
    fitted.season(said["season"])
    fitted.cohorts(said["cohorts"])
    fitted.validation(said["validation"], said["model"])
    total = money(int(result.values.clv_minor.sum()), request.currency, "en")
    say(f"expected over {request.terms.horizon_days:g} days, at {request.terms.annual_rate:.0%} a year and a margin of "
        f"{request.terms.margin:.0%}: {total}; tiers: {counts(said['tiers'])}")  # fmt: skip
    say(f"a row per customer: {out}" if out else "(hint: --out scores.csv writes a row per customer)")
    if plots:
        say(f"pictures: {plots}")


def _read(result: Result) -> None:
    """How the file was understood, and what of it could not be used."""
    read = result.table
    say(f"{result.request.path.name}: {read.rows - read.rejected} transactions read, {read.rejected} rejected")
    guessed = ", ".join(f"{ours} = {read.columns[ours]}" for ours in read.columns if ours in read.guessed)
    if guessed:
        say(f"  columns read as: {guessed} (hint: --customer, --date and --amount say otherwise)")
    for note in read.notes:
        say(f"  {note}")
    for reject in read.rejects[:SHOWN]:
        say(f"  row {reject.row}{f', {reject.column}' if reject.column else ''}: {reject.reason}")
    if read.rejected > SHOWN:
        say(f"  and {read.rejected - SHOWN} more (hint: --json lists the first hundred)")


def _words(result: Result) -> dict[str, str]:
    """The flags of a file; how much was given back for nothing is said with its amount."""
    from engine.clv.request import FLAGS

    lost = money(result.purchases.unmatched_minor, result.request.currency, "en")
    return {**FLAGS, "unmatched_refunds": f"{lost} were given back for purchases that are not in the file"}
