"""What a fit says to people, be it of a workspace or of a file: models, notes, season, cohorts, and how it was judged.

All take the plain values that are kept of a fit (`engine.score.record`).
"""

from __future__ import annotations

from calendar import month_name
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.cli.display import say, table

_FIGURES: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "mae": ("MAE", "{:.3f}".format),
    "rmse": ("RMSE", "{:.3f}".format),
    "bias_pct": ("bias %", "{:+.1f}".format),
    "norm_gini": ("Gini", "{:.3f}".format),
    "top_decile_share": ("best tenth", "{:.0%}".format),
}


def model(name: str, params: Mapping[str, float], log_likelihood: float) -> None:
    """A model's name, parameters and log-likelihood."""
    said = "  ".join(f"{parameter} {value:.4f}" for parameter, value in params.items())
    say(f"{name}: {said}  (log-likelihood {log_likelihood:.3f})")


def notes(flags: Iterable[str], more: Mapping[str, str] | None = None) -> None:
    """What is to be known about the shop's figures, a line each; what is no flag says itself.

    more: words for flags that are none of the score room's.
    """
    from engine.score.flags import FLAGS

    words = {**FLAGS, **(more or {})}
    for flag in flags:
        say(f"note: {words.get(flag, flag)}")


def season(found: Mapping[str, Any]) -> None:
    """The busiest and the quietest month of the year that the model takes out; nothing where there is none."""
    if not found:
        return
    from engine.score.season import Season

    months = Season(index=tuple(found["season"])).months()
    busiest, quietest = int(months.argmax()), int(months.argmin())
    say(f"busiest: {month_name[busiest + 1]}, {months[busiest]:.1f} times the average; "
        f"quietest: {month_name[quietest + 1]}, {months[quietest]:.1f} times")  # fmt: skip


def cohorts(found: Mapping[str, Any]) -> None:
    """A line for each cohort: how many customers, and whose parameters; nothing where there are none."""
    if not found:
        return
    from engine.score.flags import FLAGS

    rows = [(name, each["customers"], FLAGS[each["flag"]]) for name, each in found["each"].items()]
    table(f"cohorts by {found['period']}", ("", "customers", "scored by"), rows, right=("customers",))


def validation(judged: Mapping[str, Any] | None, chosen: str) -> None:
    """The figures of every model that was tried, the chosen one marked, beside those that need no model."""
    if not judged:
        return
    rows: dict[str, dict[str, Any]] = {**judged["candidates"], **judged["baselines"]}
    titles = [title for title, _ in _FIGURES.values()]
    table(
        f"judged on what came after {judged['calibration_end']} ({judged['length']:.1f} {judged['time_unit']}s)",
        ("", *titles),
        [(f"{name} ←" if name == chosen else name, *_shown(row)) for name, row in rows.items()],
        right=titles,
    )


def _shown(row: Mapping[str, Any]) -> list[str]:
    return ["–" if row[name] is None else shown(row[name]) for name, (_, shown) in _FIGURES.items()]
