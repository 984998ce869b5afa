"""A virtual environment for each peer, made on first use: its own versions, nothing of ours."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.runs import Unavailable


def home_of(name: str, packages: Sequence[str], cache: Path, python: str) -> Path:
    """The environment with these packages, of that interpreter; raises Unavailable when it cannot be made."""
    home = cache / "environments" / name.replace(" ", "-")
    ready = home / "ready"
    wanted = "\n".join(packages)
    if not ready.exists() or ready.read_text() != wanted:
        _do([python, "-m", "venv", "--clear", str(home)])
        _do([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *packages])
        ready.write_text(wanted)
    return home


def _do(words: Sequence[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        said = done.stderr.strip().splitlines()
        faults = [line for line in said if line.startswith("ERROR")] or said or ["no reason given"]
        raise Unavailable(f"cannot be installed: {faults[-1]}")
