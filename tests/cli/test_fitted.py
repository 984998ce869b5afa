"""What people read of a fit: every note in words, the season by its months, and the judgement as a table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cli import fitted, run
from engine.clv.request import FLAGS as FLAGS_OF_A_FILE
from engine.score.flags import FLAGS
from tests.shop import Shop

FIGURES: dict[str, Any] = {
    "mae": 0.7546,
    "rmse": 1.6028,
    "bias_pct": -11.503,
    "norm_gini": 0.6726,
    "top_decile_share": 0.4728,
}
JUDGED: dict[str, Any] = {
    **FIGURES,
    "candidates": {"bg_nbd": FIGURES | {"mae": 0.7855}, "pareto_nbd": FIGURES},
    "baselines": {"rate": dict.fromkeys(FIGURES) | {"mae": 0.0, "rmse": 0.0}},
    "calibration_end": "1997-09-30",
    "length": 39.0,
    "time_unit": "week",
}


def rows(printed: str) -> list[list[str]]:
    return [line.split() for line in printed.splitlines()]


def test_a_model_is_its_name_and_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    fitted.model("sbg", {"alpha": 0.70408, "beta": 1.18204}, -1612.25)

    assert capsys.readouterr().out == "sbg: alpha 0.7041  beta 1.1820  (log-likelihood -1612.250)\n"


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_is_told_in_words(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    fitted.notes([flag])

    assert capsys.readouterr().out == f"note: {FLAGS[flag]}\n"


def test_words_that_are_brought_along_are_used(capsys: pytest.CaptureFixture[str]) -> None:
    fitted.notes(["no_amounts", "pooled_prior"], {"no_amounts": "nobody paid"})

    assert capsys.readouterr().out == f"note: nobody paid\nnote: {FLAGS['pooled_prior']}\n"


def test_a_note_that_is_no_flag_says_itself(capsys: pytest.CaptureFixture[str]) -> None:
    fitted.notes(["3 transactions are not in EUR and were left out"])

    assert capsys.readouterr().out == "note: 3 transactions are not in EUR and were left out\n"


@pytest.mark.parametrize(("month", "name"), [(0, "January"), (7, "August"), (11, "December")])
def test_a_season_is_told_by_its_months(capsys: pytest.CaptureFixture[str], month: int, name: str) -> None:
    index = np.full(24, 20 / 22)
    index[2 * month : 2 * month + 2] = 2.0
    index[(2 * month + 12) % 24] = index[(2 * month + 13) % 24] = 20 / 22 - 0.5
    index /= index.mean()

    fitted.season({"season": index.tolist()})

    said = capsys.readouterr().out
    assert re.fullmatch(rf"busiest: {name}, 2\.\d times the average; quietest: \w+, 0\.\d times\n", said)


def test_what_is_not_there_is_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    fitted.notes([])
    fitted.season({})
    fitted.cohorts({})
    fitted.validation({}, "bg_nbd")
    fitted.validation(None, "bg_nbd")

    assert capsys.readouterr().out == ""


def test_each_cohort_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    each = {"2024": {"customers": 812, "flag": "shrunk"}, "2025": {"customers": 31, "flag": "as_whole"}}

    fitted.cohorts({"period": "year", "width": 0.2, "each": each})

    said = rows(capsys.readouterr().out)
    assert ["cohorts", "by", "year"] in said
    assert [line[:2] for line in said if line and line[0].isdigit()] == [["2024", "812"], ["2025", "31"]]


def test_the_judgement_marks_the_model_that_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    fitted.validation(JUDGED, "pareto_nbd")

    said = rows(capsys.readouterr().out)
    assert " ".join(said[0]) == "judged on what came after 1997-09-30 (39.0 weeks)"
    assert ["bg_nbd", "0.785", "1.603", "-11.5", "0.673", "47%"] in said
    assert ["pareto_nbd", "←", "0.755", "1.603", "-11.5", "0.673", "47%"] in said
    assert ["rate", "0.000", "0.000", "–", "–", "–"] in said


def file_of(folder: Path, header: str, *lines: str) -> Path:
    path = folder / "sales.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_file_is_told_with_all_that_was_taken_for_granted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sales = [f"C{number},{month:02}/21/2025,10.00" for number in range(12) for month in range(1, 2 + number)]
    path = file_of(tmp_path, "customer,date,amount", *sales, "C1,12/30/2025,-500.00", "C1,someday,1.00")

    assert run(["clv", str(path), "--model", "bg_nbd", "--cohorts", "year"]) == 0

    said = capsys.readouterr().out
    assert "1 rejected" in said
    assert "its dates have the month first" in said
    assert "note: €480.00 were given back for purchases that are not in the file\n" in said
    assert "cohorts by year" in said
    assert f"note: {FLAGS['few_customers']}" in said
    assert "judged on what came after" in said


def test_a_file_without_amounts_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, "customer,date", "C1,2025-01-01", "C1,2025-02-01", "C2,2025-02-01")

    assert run(["clv", str(path)]) == 0

    said = capsys.readouterr().out
    for flag in ("no_amounts", "ranked_by_purchases"):
        assert f"note: {FLAGS_OF_A_FILE[flag]}\n" in said
    assert f"note: {FLAGS['no_spend']}" in said
    assert "given back" not in said


def test_a_workspace_is_told_how_its_model_was_judged(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        for month in range(1, 2 + number):
            shop.sale(f"2025-{month:02}-21", "10.00", f"C{number}")
    capsys.readouterr()

    assert run(["score", "-w", str(shop.folder), "--as-of", "2026-03-02"]) == 0

    said = capsys.readouterr().out
    assert "judged on what came after 2025-10-" in said
    assert [line[1] for line in rows(said) if line[:1] == ["bg_nbd"]] == ["←"]
    assert {"rate", "frequency"} <= {line[0] for line in rows(said) if line}
