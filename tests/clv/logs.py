"""Logs as files, for the tests of `premura clv`: small shops, a simulated one, the CDNOW sample; and its front door."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from engine.cli import run
from tests.score.shops import CDNOW

SAMPLE = CDNOW / "cdnow_sample_transactions.csv"
"""The CDNOW sample; see tests/data/cdnow/README.md."""
SPLIT = ("--calibration-end", "1997-09-30", "--holdout-end", "1998-06-30")
"""How the papers split it."""
FIRST = date(2024, 1, 1)
Row = tuple[str, date, int]
"""Who, when, how many cents."""


def at(days: int) -> date:
    """So many days after the first one."""
    return FIRST + timedelta(days=days)


def visits(customers: int, gaps: Sequence[int], *, cents: int = 2000, apart: int = 3) -> list[Row]:
    """Customers who came so many days apart from each other, and again after these gaps: the first one not at all, the
    second once, and so on. Each spends a little more than the one before."""
    rows = []
    for number in range(customers):
        day = number * apart
        for gap in (0, *gaps[: number % (len(gaps) + 1)]):
            day += gap
            rows.append((f"C{number}", at(day), cents + 10 * number + day % 7))
    return rows


def simulated(seed: int, customers: int, days: int, *, december: float = 1.0) -> list[Row]:
    """Customers who come all through the time, each at a pace of his own, so many times as busy in December; each time
    one in eight does not come back."""
    chance = np.random.default_rng(seed)
    rows: list[Row] = []
    for number in range(customers):
        day, pace = float(chance.uniform(0, days * 0.7)), chance.gamma(2.0, 1 / 40) * december
        stays = True
        rows.append((f"C{number}", at(int(day)), round(float(chance.gamma(6.0, 500)))))
        while stays and (day := day + float(chance.exponential(1 / pace))) < days:
            if chance.random() < (december if at(int(day)).month == 12 else 1.0) / december:
                rows.append((f"C{number}", at(int(day)), round(float(chance.gamma(6.0, 500)))))
                stays = bool(chance.random() > 1 / 8)
    return rows


def as_csv(rows: Iterable[Row], path: Path, header: str = "customer,date,amount") -> Path:
    """The rows as most programs write them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((who, day, f"{cents / 100:.2f}") for who, day, cents in rows)
    path.write_text(f"{header}\n{text.getvalue()}", encoding="utf-8")
    return path


def as_italian_csv(rows: Iterable[Row], path: Path) -> Path:
    """The rows as an Italian spreadsheet exports them: semicolons, commas for decimals, 31/12/2025."""
    lines = [
        f"{who};{day:%d/%m/%Y};" + f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))
        for who, day, cents in rows
    ]  # fmt: skip
    path.write_text("\n".join(["Codice Cliente;Data;Importo", *lines, ""]), encoding="utf-8-sig")
    return path


def as_parquet(rows: Iterable[Row], path: Path) -> Path:
    """The rows with types: text, date, float."""
    who, day, cents = zip(*rows, strict=True)
    pl.DataFrame({"customer": who, "date": day, "amount": [each / 100 for each in cents]}).write_parquet(path)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a command ended with, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document, every number of which is finite."""
        assert (self.code, self.err) == (0, "")
        found: dict[str, Any] = json.loads(self.out, parse_constant=_refused)
        return found


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def premura(*words: object) -> Told:
    """The command line, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(word) for word in words])
    return Told(code=code, out=out.getvalue(), err=err.getvalue())


def scored(file: Path, *words: object) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """What `premura clv --json --out` tells, and the rows of scores.csv by customer; all numbers are finite."""
    out = file.with_name(f"{file.stem}-scores.csv")
    document = premura("clv", file, "--json", "--out", out, *words).document
    return document, table(out)


def table(scores: Path) -> dict[str, dict[str, str]]:
    """The rows of scores.csv by customer; all numbers are finite."""
    with scores.open(encoding="utf-8", newline="") as stream:
        rows = {row["customer_id"]: row for row in csv.DictReader(stream)}
    for row in rows.values():
        assert all(math.isfinite(float(row[name])) for name in row.keys() - {"customer_id", "tier", "flags"})
    return rows
