"""How fast one condition is asked, beside other engines, in one interleaved run: python -m bench.conditions."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.figures import aligned, spread
from bench.homes import home_of
from bench.runs import Unavailable, measured

ROOT = Path(__file__).parent.parent
SIDE = Path(__file__).with_name("conditions_side.py")
OURS = "premura"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What asks: the package it needs ("" for what is here), its ways in conditions_side, and our goal over it."""

    name: str
    package: str
    ways: Mapping[str, str]
    goal: float | None = None


ENGINES = (
    Engine(name=OURS, package="", ways={"premura": ""}),
    Engine(
        name="zen-engine",
        package="zen-engine==2.1.3",
        ways={"zen": "a dict", "zen json": "JSON, made before the clock"},
        goal=10,
    ),
    Engine(
        name="rule-engine",
        package="rule-engine==5.1.0",
        ways={"rule-engine": "a dict", "rule-engine typed": "an object, types declared"},
        goal=50,
    ),
    Engine(
        name="cel-expr-python",
        package="cel-expr-python==0.1.3",
        ways={"cel": "a dict", "cel activations": "an activation, made before the clock"},
    ),
    Engine(name="Python by hand", package="", ways={"by hand": "a dict, nothing missing"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One way of one engine, with what runs it, and the microseconds an evaluation of each round."""

    engine: Engine
    way: str
    python: str
    took: list[float]

    def __str__(self) -> str:
        said = self.engine.ways[self.way]
        return f"{self.engine.name}: {said}" if said else self.engine.name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 1 when two engines did not answer the same."""
    asked = _parsed(arguments)
    rows = asked.cache.resolve() / "conditions.json"
    rows.parent.mkdir(parents=True, exist_ok=True)
    rows.write_text(json.dumps(rows_of(asked.contexts)), encoding="utf-8")
    entries, skipped = _entries(asked.cache.resolve())
    answers: dict[str, list[int]] = {}
    for number in range(1, asked.rounds + 1):
        for entry in entries:
            print(f"round {number} of {asked.rounds}: {entry}", file=sys.stderr)
            said = measured([entry.python, "-P", SIDE, entry.way, rows]).said
            entry.took.append(said["microseconds"])
            answers[str(entry)] = said["holds"]
    wrong = [name for name, holds in answers.items() if holds != answers[OURS]]
    _show(entries, skipped, wrong, len(answers[OURS]), asked)
    return 1 if wrong else 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.conditions", description=__doc__)
    parser.add_argument("--contexts", default=2000, type=int, help="rows that each is asked of (2000)")
    parser.add_argument("--rounds", default=5, type=int, help="how often each engine runs (5)")
    parser.add_argument("--cache", default=ROOT / ".bench", type=Path, help="for rows and environments (.bench)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(arguments)


def rows_of(number: int) -> list[list[Any]]:
    """Amount, p_alive, tier, has_email; each clause holds of 84 in 100, all four of about half."""
    chance = np.random.default_rng(7)
    amounts, alive, yes = chance.random(number) * 5000, chance.random(number) * 1.25, chance.random(number) < 0.84
    tiers = np.array(["gold", "silver", "bronze"])[chance.choice(3, number, p=(0.42, 0.42, 0.16))]
    return [list(row) for row in zip(amounts.tolist(), alive.tolist(), tiers.tolist(), yes.tolist(), strict=True)]


def _entries(cache: Path) -> tuple[list[Entry], dict[str, str]]:
    entries, skipped = [], {}
    for engine in ENGINES:
        try:
            python = _python(engine, cache)
        except Unavailable as reason:
            skipped[engine.name] = str(reason)
            continue
        entries += [Entry(engine=engine, way=way, python=python, took=[]) for way in engine.ways]
    return entries, skipped


def _python(engine: Engine, cache: Path) -> str:
    if not engine.package:
        return sys.executable
    return str(home_of(engine.name, [engine.package], cache, sys.executable) / "bin" / "python")


def _show(
    entries: Sequence[Entry], skipped: Mapping[str, str], wrong: Sequence[str], holds: int, asked: argparse.Namespace
) -> None:
    (ours,) = (entry.took for entry in entries if entry.engine.name == OURS)
    found = [_figures(entry, ours) for entry in entries]
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    if asked.json:
        whole = {"contexts": asked.contexts, "holds": holds, "machine": machine, "engines": found}
        print(json.dumps({**whole, "skipped": skipped, "disagree": wrong}, indent=1))
        return
    print(f"{asked.contexts:,} contexts, the condition holds of {holds:,}; {machine}")
    head = ["engine", "microseconds", "over premura (of rounds)", "goal"]
    print(aligned([head, *([str(one["engine"]), one["shown"], one["ratio"], one["goal"]] for one in found)]))
    for name, reason in skipped.items():
        print(f"left out: {name}: {reason}")
    for name in wrong:
        print(f"DISAGREE: {name} does not answer as premura does")


def _figures(entry: Entry, ours: Sequence[float]) -> dict[str, Any]:
    each = [theirs / our for theirs, our in zip(entry.took, ours, strict=True)]
    whole = "before the clock" not in entry.engine.ways[entry.way]  # else a part of the work is left out
    goal = f">= {entry.engine.goal:g}" if entry.engine.goal and whole else ""
    ratio = median(entry.took) / median(ours)
    return {
        "engine": str(entry),
        "microseconds": entry.took,
        "shown": str(spread(entry.took)),
        "ratio": f"{ratio:.1f} ({min(each):.1f} - {max(each):.1f})",
        "over_premura": ratio,
        "goal": goal,
    }


if __name__ == "__main__":
    sys.exit(main())
