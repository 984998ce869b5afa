"""`premura clv` through the front door: its document and its rows, for every shop and after every slip."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.cli import run
from engine.cli.clv import COHORTS, UNITS
from engine.clv.write import COLUMNS
from tests.clv.logs import (
    FIRST,
    SAMPLE,
    SPLIT,
    Row,
    as_csv,
    as_italian_csv,
    as_parquet,
    at,
    premura,
    scored,
    simulated,
    table,
    visits,
)

SHOP = simulated(11, 70, 500)
PLAIN = ("--model", "bg_nbd")
"""The quickest model, where any would do."""
ITALIANS = [(f"Nicolò D'Amico {who}", day, 100 * cents) for who, day, cents in SHOP]


@lru_cache(maxsize=1)
def cdnow() -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """The sample as the papers have it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cdnow.csv"
        file.write_bytes(SAMPLE.read_bytes())
        return scored(file, "--model", "bg_nbd", "--time-unit", "week", *SPLIT, "--horizon", "273d")


# What it says


def test_the_sample_gives_the_published_figures() -> None:
    said, rows = cdnow()
    assert (said["model"], said["time_unit"], said["customers"], said["flags"]) == ("bg_nbd", "week", 2357, [])
    assert list(said["params"].values()) == pytest.approx([0.2426, 4.4136, 0.7929, 2.4259], abs=6e-5)
    assert said["log_likelihood"] == pytest.approx(-9582.4292, abs=1e-4)
    assert list(said["spend"]["params"].values()) == pytest.approx([6.25, 3.744, 15.443], abs=1e-3)
    assert said["spend"]["log_likelihood"] == pytest.approx(-4055.9177, abs=1e-4)
    judged = said["validation"]
    assert (judged["mae"], judged["rmse"], judged["bias_pct"]) == pytest.approx((0.7855, 1.608, -12.15), rel=1e-3)
    assert judged["rmse"] < min(figures["rmse"] for figures in judged["baselines"].values())
    assert len(judged["deciles"]) == 10
    one = rows["0001"]
    assert (one["frequency"], one["recency"], one["T"], one["monetary"]) == ("2", "30.4286", "38.8571", "22.34")
    assert float(one["p_alive"]) == pytest.approx(0.72661975213, rel=1e-4)
    assert float(one["expected_purchases"]) == pytest.approx(1.2259933272, rel=1e-4)


def test_the_document_and_the_rows_are_one_of_the_other() -> None:
    said, rows = cdnow()
    assert len(rows) == said["customers"]
    assert said["total_clv"] == pytest.approx(math.fsum(float(row["clv"]) for row in rows.values()))
    assert tuple(next(iter(rows.values()))) == COLUMNS


@pytest.mark.parametrize(
    "words",
    [
        ("--model", "mbg_nbd", "--time-unit", "day"),
        ("--model", "bg_bb", "--time-unit", "month"),
        ("--model", "sbg", "--time-unit", "month"),
        ("--model", "bg_nbd", "--cohorts", "quarter"),
        ("--model", "auto"),
        ("--model", "bg_nbd", "--horizon", "P2Y", "--discount-rate", "0.05", "--margin", "0.3", "--currency", "chf"),
        ("--model", "bg_nbd", "--horizon", "26w", "--discount-rate", "0", "--margin", "0"),
        ("--model", "bg_nbd", "--calibration-end", str(at(300))),
    ],
    ids=" ".join,
)
def test_every_option_gives_a_document_and_words(tmp_path: Path, words: tuple[str, ...]) -> None:
    said, rows = scored(as_csv(SHOP, tmp_path / "shop.csv"), *words)
    there = [who for who, day, _ in SHOP if str(day) <= said["as_of"]]
    assert len(rows) == said["customers"] == len(set(there))
    assert words[1] in (said["model"], "auto")
    assert said["horizon_days"] == pytest.approx({"P2Y": 730.5, "26w": 182}.get(words[3] if words[3:] else "", 365))


@pytest.mark.parametrize(
    "rows",
    [[("a", at(0), 500)], visits(60, ()), visits(30, (37, 80)), [(f"c{n}", at(0), 0) for n in range(60)], SHOP],
    ids=["one", "one_time_buyers", "thirty", "free", "usual"],
)
def test_people_are_told_about_every_shop(tmp_path: Path, rows: list[Row]) -> None:
    told = premura("clv", as_csv(rows, tmp_path / "shop.csv"), *PLAIN, "--cohorts", "year")
    assert (told.code, told.err) == (0, "")
    assert f"{len({who for who, _, _ in rows})} customers, " in told.out
    assert "\nbg_nbd: r " in told.out
    assert "\ngamma_gamma: p " in told.out
    assert "tiers: " in told.out
    assert "nan" not in told.out
    assert not re.search(r"note: \w+$", told.out, re.MULTILINE)  # each flag in words


def test_people_are_told_the_guess_the_wrong_rows_and_what_was_done(tmp_path: Path) -> None:
    file = as_csv(visits(20, (40,)), tmp_path / "till.csv", header="Codice Cliente,Data,Importo")
    with file.open("a") as stream:
        stream.write("C1,ieri,5\nC2,2024-02-30,5\n")
    said = premura("clv", file, *PLAIN).out
    assert "till.csv: 30 transactions read, 2 rejected" in said
    assert "columns read as: customer = Codice Cliente, date = Data, amount = Importo" in said
    assert "ieri" in said
    assert "note: fewer than 50 customers" in said
    assert "(hint: --out scores.csv writes a row per customer)" in said
    document = premura("clv", file, *PLAIN, "--json").document
    assert (document["rejected"], [reject["value"] for reject in document["rejects"]]) == (2, ["ieri", "2024-02-30"])


def test_named_columns_go_before_the_guess(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text(
        "customer,payer,date,paid_on,amount,net\n"
        + "".join(f"x,{who},2020-01-01,{day},1,{cents / 100}\n" for who, day, cents in SHOP)
    )
    said, rows = scored(file, "--customer", "payer", "--date", "paid_on", "--amount", "net", *PLAIN)
    assert said["columns"] == {"customer": "payer", "date": "paid_on", "amount": "net"}
    assert rows == scored(as_csv(SHOP, tmp_path / "shop.csv"), *PLAIN)[1]


def test_a_file_without_amounts_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("customer,date\n" + "".join(f"{who},{day}\n" for who, day, _ in SHOP))
    said, rows = scored(file, *PLAIN)
    assert {"no_amounts", "ranked_by_purchases"} <= set(said["flags"])
    assert said["total_clv"] == 0
    assert {row["clv"] for row in rows.values()} == {"0.0"}
    assert {row["tier"] for row in rows.values()} == {"gold", "silver", "bronze"}
    assert "the file has no amounts" in premura("clv", file, *PLAIN).out


def test_pictures_are_drawn_and_named(tmp_path: Path) -> None:
    said, _ = scored(as_csv(SHOP, tmp_path / "shop.csv"), *PLAIN, "--plots", tmp_path / "pictures")
    assert len(said["plots"]) == 10
    assert all(Path(path).stat().st_size > 1000 for path in said["plots"])


# The same log, written otherwise


def test_parquet_and_italian_csv_give_what_csv_gives(tmp_path: Path) -> None:
    said, rows = scored(as_csv(ITALIANS, tmp_path / "english.csv"), *PLAIN)
    for file in (as_parquet(ITALIANS, tmp_path / "a.parquet"), as_italian_csv(ITALIANS, tmp_path / "italian.csv")):
        again, same = scored(file, *PLAIN)
        assert same == rows
        for known in ("model", "params", "log_likelihood", "spend", "validation", "total_clv", "tiers", "flags"):
            assert again[known] == said[known]
    assert "Nicolò D'Amico C1" in rows


def test_texts_and_numbers_as_ids_give_the_same(tmp_path: Path) -> None:
    _, named = scored(as_csv(SHOP, tmp_path / "texts.csv"), *PLAIN)
    _, numbered = scored(as_csv([(who[1:], day, cents) for who, day, cents in SHOP], tmp_path / "numbers.csv"), *PLAIN)
    for who, row in numbered.items():
        same = named[f"C{who}"]
        for name in row.keys() - {"customer_id", "tier", "flags"}:
            assert float(row[name]) == pytest.approx(float(same[name]), abs=0.0101 if "clv" in name else 1.01e-6)
        assert (row["tier"], row["flags"]) == (same["tier"], same["flags"])


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    shuffled = [SHOP[row] for row in np.random.default_rng(1).permutation(len(SHOP))]
    assert (
        scored(as_csv(shuffled, tmp_path / "a.csv"), *PLAIN)[1] == scored(as_csv(SHOP, tmp_path / "b.csv"), *PLAIN)[1]
    )


def test_later_years_and_other_units_of_money_change_nothing_else(tmp_path: Path) -> None:
    later = [(who, day + timedelta(days=1461), cents * 1000) for who, day, cents in SHOP]
    _, rows = scored(as_csv(SHOP, tmp_path / "now.csv"), *PLAIN)
    _, moved = scored(as_csv(later, tmp_path / "later.csv"), *PLAIN)
    for who, row in rows.items():
        for name in ("frequency", "recency", "T", "p_alive", "tier"):
            assert moved[who][name] == row[name]
        assert float(moved[who]["clv"]) == pytest.approx(1000 * float(row["clv"]), rel=1e-3, abs=6)


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    file, here, there = as_csv(ITALIANS, tmp_path / "log.csv"), tmp_path / "here.csv", tmp_path / "there.csv"
    assert premura("clv", file, *PLAIN, "--out", here).code == 0
    done = program("clv", file, *PLAIN, "--out", there, PYTHONHASHSEED="7", POLARS_MAX_THREADS="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert here.read_bytes() == there.read_bytes()


# What goes wrong

FILE = "log.csv"
WRONG: list[tuple[tuple[str, ...], int, str]] = [
    ((FILE, "--customer", "who"), 1, "has no column 'who'"),
    ((FILE, "--date", "amount"), 1, "none of its 160 rows can be read"),
    ((FILE, "--calibration-end", "1997"), 2, "--calibration-end: '1997' is not a day such as 2026-03-31"),
    ((FILE, "--calibration-end", "2024-02-30"), 2, "is not a day"),
    ((FILE, "--calibration-end", "1997-09-30"), 2, "--calibration-end 1997-09-30 must lie in the log (2024-01-01"),
    ((FILE, "--holdout-end", "2024-09-30"), 2, "--holdout-end goes with --calibration-end"),
    ((FILE, "--horizon", "5 apples"), 2, "--horizon: '5 apples' is not a time such as 365d"),
    ((FILE, "--horizon", "-5d"), 2, "--horizon: '-5d'"),
    ((FILE, "--model", "prophet"), 2, "--model: 'prophet' is none of auto, bg_nbd"),
    ((FILE, "--time-unit", "year"), 2, "--time-unit: 'year' is none of day, week, month"),
    ((FILE, "--cohorts", "week"), 2, "--cohorts: 'week' is neither year nor quarter"),
    ((FILE, "--currency", "apples"), 2, "--currency: 'APPLES' is not a code such as EUR"),
    ((FILE, "--margin", "much"), 2, "Invalid value for '--margin'"),
    ((FILE, "--out", "nowhere/scores.csv"), 2, "nowhere/scores.csv: cannot be written (No such file or directory)"),
    ((FILE, "--out", "."), 2, "cannot be written (Is a directory)"),
    ((FILE, "--out", "log.csv/scores.csv"), 2, "cannot be written (Not a directory)"),
    ((FILE, "--plots", "log.csv"), 2, "the pictures cannot be written to log.csv"),
    (("nowhere.csv",), 1, "nowhere.csv: cannot be read (No such file or directory)"),
    ((".",), 1, "cannot be read (Is a directory)"),
    ((), 2, "Missing argument 'FILE'"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=[" ".join(words) or "nothing" for words, _, _ in WRONG])
def test_a_slip_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    content = as_csv(visits(80, (40, 60, 30))[:160], tmp_path / FILE).read_bytes()
    told = premura("clv", *words, *(PLAIN if "--out" in words else ()))
    assert (told.code, told.out) == (code, "")
    assert said in told.err
    assert len(told.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
    assert (tmp_path / "log.csv").read_bytes() == content


@pytest.mark.parametrize(
    "words", [("--margin", "3"), ("--margin", "nan"), ("--discount-rate", "-2"), ("--horizon", "0d")], ids=" ".join
)
def test_terms_that_cannot_be_are_refused_before_anything_is_read(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = premura("clv", tmp_path / "nowhere.csv", *words)
    assert told.code in (1, 2)
    assert "cannot be used (hint: a positive horizon, a rate such as 0.10, a margin from 0 to 1)" in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty or has no header"),
        (b"customer,date,amount\n", "has no rows"),
        (b"customer,date,amount\na,2024-01-01,-5\n", "there is no purchase to score"),
        (b"name,colour\na,blue\n", "no column for customer and date among"),
        (b"customer,date,amount\na,soon,5\n", "none of its 1 rows can be read"),
        (b"\x00\x01\x02\xff\xfe", ""),
        (b"PAR1 and nothing more", ""),
        (b'[{"customer": 1}]', ""),
    ],
)
def test_a_file_of_which_nothing_can_be_used_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "log.csv").write_bytes(content)
    told = premura("clv", tmp_path / "log.csv", "--json", "--out", tmp_path / "scores.csv")
    assert (told.code, told.out) == (1, "")
    assert said in told.err
    assert "a fault of its own" not in told.err
    assert len(told.err.splitlines()) == 1
    assert not (tmp_path / "scores.csv").exists()


# As a program


def program(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "engine", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def test_the_program_prints_one_document_and_nothing_else(tmp_path: Path) -> None:
    done = program("clv", as_csv(SHOP, tmp_path / "log.csv"), *PLAIN, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["customers"] == 70


def test_who_reads_only_the_first_lines_may(tmp_path: Path) -> None:
    file = as_csv(visits(40, (30, 30)), tmp_path / "log.csv")
    command = [sys.executable, "-m", "engine", "clv", str(file), *PLAIN, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode == 1


# Any small log

DAYS = st.integers(0, 900)
CENTS = st.integers(1, 300_00) | st.sampled_from([0, 1, 99_999_999_00, -100, -30_000])
ROWS = st.lists(st.tuples(st.integers(0, 7).map(lambda n: f"C{n}"), DAYS.map(at), CENTS), min_size=1, max_size=40)


@settings(max_examples=15)
@given(
    rows=ROWS,
    model=st.sampled_from(["bg_nbd", "mbg_nbd", "bg_bb", "sbg"]),
    unit=st.sampled_from(UNITS),
    cohorts=st.sampled_from(COHORTS),
    write=st.sampled_from([as_csv, as_italian_csv, as_parquet]),
)
@example(rows=[("a", FIRST, 10**11)] * 3, model="auto", unit="day", cohorts="year", write=as_csv)
@example(rows=[("a", at(0), 10), ("a", at(0), -10)], model="sbg", unit="month", cohorts="", write=as_csv)
@example(rows=visits(12, (1, 200, 300)), model="pareto_nbd", unit="week", cohorts="quarter", write=as_parquet)
def test_any_log_gives_numbers_or_one_line(
    rows: list[Row], model: str, unit: str, cohorts: str, write: Callable[[list[Row], Path], Path]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, out = write(rows, Path(folder) / "log"), Path(folder) / "scores.csv"
        words = ("--model", model, "--time-unit", unit, "--cohorts", cohorts, "--out", out)
        told = premura("clv", file, *words, "--json")
        if told.code:
            assert (told.code, told.err) == (1, "there is no purchase to score\n")
            assert not out.exists()
            return
        said, scores = told.document, table(out)
    assert said["transactions"] == len(rows)
    assert said["customers"] == len(scores) <= len({who for who, _, _ in rows})
    assert said["total_clv"] == pytest.approx(math.fsum(float(row["clv"]) for row in scores.values()), abs=0.01)
    assert sum(said["tiers"].values()) == len(scores)
    for row in scores.values():
        assert 0 <= float(row["p_alive"]) <= 1
        assert 0 <= float(row["clv_low"]) <= float(row["clv_high"])
        assert 0 <= float(row["recency"]) <= float(row["T"])
        assert (row["recency"] == "0.0") == (row["frequency"] == "0")


def test_people_read_why_rows_were_left_out_and_how_many_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = "".join(f"C{index};{1 + index % 28:02}/01/2026;12,50\n" for index in range(30))
    (tmp_path / "log.csv").write_text("cliente;data;importo\n" + good + "Verdi;45/01/2026;3\n" * 7, encoding="utf-8")

    assert run(["clv", str(tmp_path / "log.csv"), "--model", "bg_nbd"]) == 0

    shown = capsys.readouterr().out
    assert "30 transactions read, 7 rejected" in shown
    assert "  row 32, data: '45/01/2026' is not a date" in shown
    assert "  and 2 more (hint: --json lists the first hundred)" in shown
    assert "Reject(" not in shown
