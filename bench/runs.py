"""One run of one engine in a fresh process: its own stage seconds, and wall clock and peak memory from outside.

This module and all that the bench's own process imports stay small: Linux counts the memory of the process that spawns
into the peak of the one that is spawned.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

BESIDE = ("imports", "output")
"""Stages that are no part of the way from the log to the predictions."""
KINDS = ("csv", "text", "parquet")
"""Kinds of logs: with integer ids, with ids such as c-9e3779b1 in no order, and the one with integers as Parquet."""


def log_file(cache: Path, customers: int, kind: str) -> Path:
    """Where bench.shop writes a log."""
    return cache / "shops" / f"{customers}-{kind}.{'parquet' if kind == 'parquet' else 'csv'}"


def facts_file(cache: Path, customers: int) -> Path:
    """Where bench.shop says how large the logs are, once they are whole."""
    return cache / "shops" / f"{customers}.json"


class Unavailable(Exception):  # noqa: N818 - a reason to leave out, not a fault
    """An engine cannot be run here; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took and found: seconds by stage and by the wall clock, of all processors (cpu), peak in MiB."""

    engine: str
    model: str
    kind: str
    customers: int
    round: int
    wall: float
    cpu: float
    peak_mb: float
    seconds: Mapping[str, float]
    found: Mapping[str, Any]

    @property
    def pipeline(self) -> float:
        """Seconds from the log to the predictions, whatever an engine does between (validation too)."""
        return sum(value for stage, value in self.seconds.items() if stage not in BESIDE)

    @property
    def modelling(self) -> float:
        """Seconds of fit and prediction alone."""
        return self.seconds["fit"] + self.seconds["predict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that has ended well: the document that it printed, wall and processor seconds, peak in MiB."""

    said: dict[str, Any]
    wall: float
    cpu: float
    peak_mb: float


def measured(command: Sequence[object]) -> Ended:
    """Run a command that prints one JSON document.

    Raises Unavailable with the last line of its standard error when it fails.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = perf_counter()
        child = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err)  # noqa: S603 - our own words
        _, status, usage = os.wait4(child.pid, 0)
        wall = perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            lines = [line for line in err.read().decode(errors="replace").splitlines() if line and line[:5] != "hint:"]
            raise Unavailable(f"exit code {child.returncode}: {lines[-1] if lines else 'nothing on standard error'}")
        said: dict[str, Any] = json.loads(out.read())
    peak_mb = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Ended(said=said, wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak_mb=peak_mb)


def run_of(ended: Ended, which: Mapping[str, Any]) -> Run:
    """The run that a process was; `which` are the fields of Run that say what ran."""
    found = dict(ended.said)
    seconds = found.pop("seconds")
    return Run(**which, wall=ended.wall, cpu=ended.cpu, peak_mb=ended.peak_mb, seconds=seconds, found=found)
