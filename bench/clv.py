"""How fast `premura clv` is beside its peers, in one interleaved run: python -m bench.clv. See bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench.figures import disagreements, ratio_table, ratios, table
from bench.peers import PEERS, home_of, run_peer, run_premura
from bench.runs import KINDS, Run, Unavailable, facts_file, log_file

ROOT = Path(__file__).parent.parent
WARM_UP = 10_000
"""Customers of the first round, which is not counted: caches of files and of bytecode fill, engines that fail show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something to run again and again: an engine (a peer by its name, "" for ours) with a model on one log."""

    peer: str
    model: str
    kind: str
    customers: int

    def __str__(self) -> str:
        return f"{PEERS[self.peer].name if self.peer else 'premura'}, {self.model}, {self.kind} log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What was asked for, and what came of it so far; engines that fail are left out from then on, with the reason."""

    cache: Path
    homes: dict[str, Path] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def scores(self) -> Path:
        """The file that every run writes its scores into."""
        return self.cache / "scores.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 1 when two engines did not reckon the same, or ours did not run."""
    asked = _parsed(arguments)
    bench = Bench(cache=asked.cache.resolve())
    for name in asked.peers:
        try:
            bench.homes[name] = home_of(PEERS[name], bench.cache)
        except Unavailable as reason:
            bench.skipped[PEERS[name].name] = str(reason)
    groups = [(size, "bg_nbd") for size in asked.customers]
    groups += [(asked.pareto, "pareto_nbd")] if asked.pareto else []
    for size in sorted({size for size, _ in groups} | {WARM_UP}):
        _log(bench.cache, size)
    _race(bench, list(_entries(bench, WARM_UP, "bg_nbd")), rounds=1, warm_up=True)
    for size, model in groups:
        _race(bench, list(_entries(bench, size, model)), rounds=asked.rounds)
    inexact = frozenset(peer.name for peer in PEERS.values() if not peer.exact)
    wrong = disagreements(bench.runs, inexact)
    _show(bench, asked, wrong)
    return 1 if wrong or not any(run.engine == "premura" for run in bench.runs) else 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.clv", description=__doc__)
    sizes, peers = "10000,100000,1000000", "lifetimes"
    parser.add_argument("--customers", default=sizes, type=_numbers, help=f"sizes of the shops ({sizes})")
    parser.add_argument("--rounds", default=3, type=int, help="how often each engine runs (3)")
    parser.add_argument("--peers", default=peers, type=_peers, help=f"of {', '.join(PEERS)}; '' for none ({peers})")
    parser.add_argument(
        "--pareto", default=100_000, type=int, help="customers for Pareto/NBD, 0 to leave it out (100000)"
    )
    parser.add_argument("--cache", default=ROOT / ".bench", type=Path, help="for logs and environments (.bench)")
    parser.add_argument("--json", action="store_true", help="print all runs as one JSON document")
    return parser.parse_args(arguments)


def _numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


def _peers(words: str) -> list[str]:
    names = [word for word in words.split(",") if word]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return names


def _log(cache: Path, customers: int) -> None:
    """In a process of its own: what this process holds would count into its children's peaks."""
    if not facts_file(cache, customers).exists():
        _say(f"writing the log of {customers:,} customers")
        words = [sys.executable, "-m", "bench.shop", "--customers", str(customers), "--cache", str(cache)]
        subprocess.run(words, check=True, cwd=ROOT)  # noqa: S603 - our own words


def _entries(bench: Bench, customers: int, model: str) -> Iterator[Entry]:
    """Ours and the peers on the plain log, ours on the others, in the order in which a round runs them."""
    kinds = KINDS if model == "bg_nbd" else KINDS[:1]
    for kind in kinds:
        yield Entry(peer="", model=model, kind=kind, customers=customers)
        for name in bench.homes:
            if kind == "csv" and model in PEERS[name].models:
                yield Entry(peer=name, model=model, kind=kind, customers=customers)


def _run(bench: Bench, entry: Entry, number: int) -> Run:
    log = log_file(bench.cache, entry.customers, entry.kind)
    which = {"model": entry.model, "kind": entry.kind, "customers": entry.customers, "round": number}
    if entry.peer:
        return run_peer(PEERS[entry.peer], bench.homes[entry.peer], log, bench.scores, which)
    return run_premura(log, bench.scores, which)


def _race(bench: Bench, entries: Sequence[Entry], *, rounds: int, warm_up: bool = False) -> None:
    """Round by round, one engine after the other, so that a busy minute of the machine meets them all."""
    for number in range(1, rounds + 1):
        for entry in entries:
            if str(entry) in bench.skipped:
                continue
            label = "warming up" if warm_up else f"round {number} of {rounds}"
            _say(f"{entry.customers:,} customers, {label}: {entry}")
            try:
                run = _run(bench, entry, number)
            except Unavailable as reason:
                bench.skipped[str(entry)] = str(reason)
                continue
            if not warm_up:
                bench.runs.append(run)
                _say(f"    {run.pipeline:.2f} s from log to predictions, {run.wall:.2f} s in all, {run.peak_mb:.0f} MB")
    bench.scores.unlink(missing_ok=True)


def _show(bench: Bench, asked: argparse.Namespace, wrong: Sequence[str]) -> None:
    found = ratios(bench.runs)
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    if asked.json:
        document = {
            "premura": version("premura"),
            "machine": machine,
            "rounds": asked.rounds,
            "runs": [asdict(run) for run in bench.runs],
            "ratios": [asdict(one) for one in found],
            "disagreements": list(wrong),
            "skipped": bench.skipped,
        }
        print(json.dumps(document, indent=1))
        return
    print(f"premura {version('premura')}, {machine['cpus']} CPUs, Python {machine['python']}")
    print(f"seconds, medians of {asked.rounds} interleaved rounds (least - most)\n")
    print(table(bench.runs))
    if found:
        print("", ratio_table(found), sep="\n")
    for what, reason in bench.skipped.items():
        print(f"left out: {what}: {reason}")
    for line in wrong:
        print(f"DISAGREE: {line}")
    if found and not wrong:
        print("all engines have the same customers, log-likelihood and sum of expected purchases")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
