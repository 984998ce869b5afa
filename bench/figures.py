"""From runs to figures: medians with their range, ratios, and whether everybody reckoned the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import median

from bench.runs import Run

Figure = Callable[[Run], float]
_PIPELINE: Figure = attrgetter("pipeline")
_MODELLING: Figure = attrgetter("modelling")
_WALL: Figure = attrgetter("wall")
_PEAK: Figure = attrgetter("peak_mb")
GOALS: Mapping[tuple[str, int], str] = {
    ("log to predictions", 1_000_000): ">= 20",
    ("wall to wall", 1_000_000): ">= 12",
    ("peak memory", 1_000_000): "ours < 800 MB",
    ("log to predictions, text over csv", 1_000_000): "<= 2",
    ("Pareto/NBD fit and prediction", 100_000): ">= 50",
}
"""By ratio and customers; over lifetimes, or over ourselves."""
CLOSE_LIKELIHOOD, CLOSE_PURCHASES = 1e-6, 1e-4  # relative; peers stop their searches a little earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of some rounds, with the least and the most."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.least)} - {_short(self.most)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One figure of an engine over that of another: of the medians, with the range of the rounds; goal "" for none."""

    name: str
    customers: int
    above: str
    below: str
    value: Spread
    goal: str = ""


def spread(values: Iterable[float]) -> Spread:
    """Of at least one value."""
    known = sorted(values)
    return Spread(median=median(known), least=known[0], most=known[-1])


def grouped(runs: Iterable[Run]) -> dict[tuple[int, str, str, str], list[Run]]:
    """Runs of the same thing: by customers, model, engine and kind of log, in the order of appearance."""
    groups: dict[tuple[int, str, str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.customers, run.model, run.engine, run.kind), []).append(run)
    return groups


def ratios(runs: Sequence[Run]) -> list[Ratio]:
    """All that the bench is about, as far as it was run; see the README for what each means."""
    groups = grouped(runs)
    found = []
    for (customers, model, engine, kind), theirs in groups.items():
        ours = groups.get((customers, model, "premura", "csv"))
        if ours is None or theirs is ours:
            continue
        for name, figure in _figures(model, engine, kind).items():
            goal = GOALS.get((name, customers), "") if engine.startswith(("lifetimes", "premura")) else ""
            value = _over(theirs, ours, figure)
            found.append(Ratio(name=name, customers=customers, above=engine, below="premura", value=value, goal=goal))
    return found


def _figures(model: str, engine: str, kind: str) -> Mapping[str, Figure]:
    if engine == "premura":
        return {f"log to predictions, {kind} over csv": _PIPELINE}
    if model == "pareto_nbd":
        return {"Pareto/NBD fit and prediction": _MODELLING}
    return {"log to predictions": _PIPELINE, "wall to wall": _WALL, "peak memory": _PEAK}


def _over(above: Sequence[Run], below: Sequence[Run], figure: Figure) -> Spread:
    each = {run.round: figure(run) for run in below}
    paired = [figure(run) / each[run.round] for run in above if run.round in each]
    value = median(map(figure, above)) / median(map(figure, below))
    return Spread(median=value, least=min(paired, default=value), most=max(paired, default=value))


def disagreements(runs: Iterable[Run], inexact: frozenset[str]) -> list[str]:
    """Where two engines did not reckon the same from the same log; those in `inexact` need only the same customers."""
    first: dict[tuple[int, str], Run] = {}
    found = []
    for run in runs:
        same = first.setdefault((run.customers, run.model), run)
        close = [("customers", 0.0)]
        if run.engine not in inexact and same.engine not in inexact:
            close += [("log_likelihood", CLOSE_LIKELIHOOD), ("expected_purchases", CLOSE_PURCHASES)]
        found += [
            f"{run.customers:,} customers, {run.model}, {name}: {same.engine} ({same.kind}) has {same.found[name]}, "
            f"{run.engine} ({run.kind}) has {run.found[name]}"
            for name, tolerance in close
            if not math.isclose(same.found[name], run.found[name], rel_tol=tolerance)
        ]
    return list(dict.fromkeys(found))


def table(runs: Sequence[Run]) -> str:
    """The medians as lines to read."""
    stages = ("read", "history", "validate", "fit", "predict")
    head = ["customers", "model", "engine", "log", *stages, "log to predictions", "wall to wall", "CPU", "peak MB"]
    lines = [head]
    for (customers, model, engine, kind), same in grouped(runs).items():
        each = [
            _short(median(run.seconds[stage] for run in same)) if stage in same[0].seconds else "-" for stage in stages
        ]
        whole = [str(spread(map(figure, same))) for figure in (_PIPELINE, _WALL)]
        cpu, peak = _short(median(run.cpu for run in same)), f"{median(map(_PEAK, same)):.0f}"
        lines.append([f"{customers:,}", model, engine, kind, *each, *whole, cpu, peak])
    return aligned(lines)


def ratio_table(found: Sequence[Ratio]) -> str:
    """The ratios as lines to read."""
    lines = [["ratio", "customers", "of", "over", "of medians (of rounds)", "goal"]]
    lines += [[one.name, f"{one.customers:,}", one.above, one.below, str(one.value), one.goal] for one in found]
    return aligned(lines)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
