"""The counts of a run as a table, and their place in a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.figures import aligned

BEGIN, END = "<!-- counts of the last run: begin -->", "<!-- counts of the last run: end -->"
HEAD = {
    "actions": "actions",
    "once": "delivered once",
    "twice": "twice",
    "lost": "lost",
    "unknown_delivered": "in doubt, had arrived",
    "unknown_not_delivered": "in doubt, had not",
    "attempts": "attempts",
}


def rows(found: dict[str, Any]) -> list[list[str]]:
    """Head and rows."""
    counts = [one for shop in found["shops"] for one in shop["counts"]]
    lines = [[one["adapter"], one["promise"], *(f"{one[name]:,}" for name in HEAD)] for one in counts]
    sums = [f"{sum(one[name] for one in counts):,}" for name in HEAD]
    return [["channel, adapter", "promise", *HEAD.values()], *lines, ["all", "", *sums]]


def summary(found: dict[str, Any]) -> str:
    """The run in one line."""
    kept = f"BROKEN: {'; '.join(found['broken'])}" if found["broken"] else "every promise was kept"
    took = f"{found['seconds']:,.0f} seconds on {found['store']}"
    return f"{found['actions']:,} actions, {found['kills']:,} kills, {took}, seed {found['seed']}: {kept}."


def table(found: dict[str, Any]) -> str:
    """For a terminal."""
    return f"{aligned(rows(found))}\n{summary(found)}"


def write(path: Path, found: dict[str, Any]) -> None:
    """Put the counts between the two marks of a document. Raises ValueError when they are not there."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} has no place for the counts: {BEGIN} … {END}")
    head, *lines = rows(found)
    ruled = [head, ["---"] * len(head), *lines]
    command = f"python -m bench.chaos --actions {found['actions']} --kills {found['kills']} --seed {found['seed']}"
    shown = "\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in ruled)
    block = f"\n```\n{command} --store {found['store']}\n```\n\n{summary(found)}\n\n{shown}\n"
    path.write_text(f"{before}{BEGIN}{block}{END}{after}", encoding="utf-8")
