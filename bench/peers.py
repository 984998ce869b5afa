"""Who runs: premura as installed here, and its peers, each in a virtual environment that is made on first use."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import homes
from bench.runs import Run, Unavailable, measured, run_of

HERE = Path(__file__).parent
TERMS = ("--time-unit", "day", "--horizon", "365d", "--discount-rate", "0.10", "--json", "--out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A library that does the same: exact, if its estimates are ours and not moved by priors."""

    name: str
    packages: tuple[str, ...]
    script: str
    models: tuple[str, ...]
    exact: bool


PEERS: Mapping[str, Peer] = {
    "lifetimes": Peer(
        name="lifetimes 0.11.3",
        packages=("lifetimes==0.11.3", "numpy==1.23.5", "pandas==1.5.3", "scipy==1.10.1"),
        script="lifetimes_side.py",
        models=("bg_nbd", "pareto_nbd"),
        exact=True,
    ),
    "pymc-marketing": Peer(
        name="pymc-marketing 0.19.2",
        packages=("pymc-marketing==0.19.2",),
        script="pymc_side.py",
        models=("bg_nbd", "pareto_nbd"),
        exact=False,
    ),
}


def home_of(peer: Peer, cache: Path) -> Path:
    """The peer's environment, made on first use; raises Unavailable when it cannot be made."""
    python = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if python is None:
        raise Unavailable("needs a Python 3.11 to install it in")
    return homes.home_of(peer.name, peer.packages, cache, python)


def run_peer(peer: Peer, home: Path, log: Path, scores: Path, which: Mapping[str, Any]) -> Run:
    """One run of a peer; `which` are the fields of Run that say what runs."""
    command = [home / "bin" / "python", "-P", HERE / peer.script, log, str(which["model"]), scores]
    return run_of(measured(command), {**which, "engine": peer.name})


def run_premura(log: Path, scores: Path, which: Mapping[str, Any]) -> Run:
    """One run of the command itself; what it expects is read from the scores that it wrote, after the clock."""
    command = Path(sys.executable).with_name("premura")
    words = [command, "clv", log, "--model", str(which["model"]), *TERMS, scores]
    run = run_of(measured(words), {**which, "engine": "premura"})
    with scores.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        column = next(rows).index("expected_purchases")
        expected = [float(row[column]) for row in rows]
    if len(expected) != run.found["customers"]:
        raise Unavailable(f"{run.found['customers']} customers, but {len(expected)} scores")
    kept = ("params", "log_likelihood", "customers", "total_clv", "flags")
    found = {name: run.found.get(name) for name in kept} | {"expected_purchases": sum(expected)}
    return replace(run, found=found)
