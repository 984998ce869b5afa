"""What leaves the house: scores.csv, and the document."""

from __future__ import annotations

import csv
import json
import math
import os
import threading
from functools import lru_cache
from pathlib import Path

import pytest

from engine.clv.request import Request
from engine.clv.run import Result, run
from engine.clv.write import COLUMNS, document, save
from engine.errors import UsageError
from engine.score.terms import Terms
from tests.clv.logs import SAMPLE, Row, as_csv, at, simulated, table, visits
from tests.clv.test_run import SPLIT, cdnow, of
from tests.golden.test_validation import TABLE
from tests.score.shops import cdnow_reference

CONTRACT = {
    "model", "params", "log_likelihood", "spend", "customers", "transactions", "time_unit", "flags", "validation",
    "total_clv", "seconds",
}  # fmt: skip
OURS = {
    "rejected", "rejects", "notes", "columns", "as_of", "horizon_days", "discount_rate", "margin", "currency", "season",
    "cohorts", "closed_forms", "tiers",
}  # fmt: skip


@lru_cache(maxsize=1)
def weeks_39() -> dict[str, Result]:
    """The sample with the horizon for which others printed their customers."""
    terms = Terms(horizon_days=39 * 7)
    return {
        model: run(Request(path=SAMPLE, model=model, currency="USD", terms=terms, **SPLIT))
        for model in ("bg_nbd", "mbg_nbd", "pareto_nbd")
    }


def test_the_columns_are_those_of_the_contract(tmp_path: Path) -> None:
    save(cdnow("bg_nbd"), tmp_path / "scores.csv")
    header, first, *_ = (tmp_path / "scores.csv").read_text().splitlines()
    assert header == (
        "customer_id,frequency,recency,T,monetary,p_alive,expected_purchases,expected_spend,clv,clv_low,clv_high,"
        "percentile,tier,flags"
    )
    assert tuple(header.split(",")) == COLUMNS
    assert first.startswith("0509,18,35.1429,35.8571,78.63,")  # ids as the file writes them
    assert first.endswith(",1.0,gold,")


@pytest.mark.parametrize(("model", "theirs", "close"), [("bg_nbd", "bgnbd", 1e-4), ("pareto_nbd", "pnbd", 4e-4)])
def test_customers_are_those_of_clvtools(tmp_path: Path, model: str, theirs: str, close: float) -> None:
    """Its search for Pareto/NBD stops a little before the best likelihood, so its customers are a little off."""
    save(weeks_39()[model], tmp_path / "scores.csv")
    rows = table(tmp_path / "scores.csv")
    assert len(rows) == 2357
    for one in cdnow_reference()["customers_clvtools"][theirs]:
        row = {name: _number(value) for name, value in rows[f"{int(one['Id']):04}"].items()}
        assert row["frequency"] == one["x"]
        assert (row["recency"], row["T"]) == pytest.approx((one["t.x"], one["T.cal"]), abs=1e-4)
        assert row["p_alive"] == pytest.approx(one["PAlive"], rel=close)
        assert row["expected_purchases"] == pytest.approx(one["CET"], rel=close)
        spend = one["predicted.mean.spending"]
        assert row["expected_spend"] == pytest.approx(spend, abs=0.005 + 1e-4 * spend)


def test_customers_are_those_of_btydplus(tmp_path: Path) -> None:
    save(weeks_39()["mbg_nbd"], tmp_path / "scores.csv")
    rows = {
        (row["frequency"], row["recency"], row["T"]): row for row in table(tmp_path / "scores.csv").values()
    }  # two with the same past have the same future, and numbers there are not ours
    for one in cdnow_reference()["customers_mbgnbd"]:
        row = rows[str(one["x"]), str(round(float(one["t.x"]), 4)), str(round(float(one["T.cal"]), 4))]
        assert float(row["p_alive"]) == pytest.approx(one["PAlive"], rel=1e-4)
        assert float(row["expected_purchases"]) == pytest.approx(one["CET"], rel=1e-4)


def test_the_document_has_what_the_contract_says(tmp_path: Path) -> None:
    said = document(cdnow("bg_nbd"))
    assert said.keys() == CONTRACT | OURS
    assert {"params", "log_likelihood"} <= said["spend"].keys()
    judged = {"mae", "rmse", "bias_pct", "norm_gini", "top_decile_share", "deciles", "baselines"}
    assert judged <= said["validation"].keys()
    assert said["validation"]["baselines"].keys() == {"rate", "frequency"}
    assert {"read", "history", "fit", "predict"} <= said["seconds"].keys()
    assert (said["customers"], said["transactions"], said["time_unit"]) == (2357, 6919, "week")
    assert said["validation"]["rmse"] == pytest.approx(TABLE["bg_nbd"][1], rel=0.01)
    assert document(of(visits(5, (40,)), tmp_path))["validation"] is None


def test_the_document_is_plain_json() -> None:
    said = document(cdnow("pareto_nbd"))
    assert json.loads(json.dumps(said, allow_nan=False)) == json.loads(json.dumps(said))
    assert list(said["params"]) == ["r", "alpha", "s", "beta"]


def test_totals_are_the_sums_of_the_rows(tmp_path: Path) -> None:
    result = of(simulated(3, 90, 600), tmp_path)
    save(result, tmp_path / "scores.csv")
    rows, said = table(tmp_path / "scores.csv"), document(result)
    assert said["customers"] == len(rows)
    assert said["total_clv"] == pytest.approx(math.fsum(float(row["clv"]) for row in rows.values()))
    assert said["tiers"] == {
        tier: sum(row["tier"] == tier for row in rows.values()) for tier in ("gold", "silver", "bronze")
    }


def test_the_best_come_first(tmp_path: Path) -> None:
    for result, by in ((cdnow("bg_nbd"), "clv"), (of(_free(), tmp_path), "percentile")):
        save(result, tmp_path / "scores.csv")
        values = [float(row[by]) for row in table(tmp_path / "scores.csv").values()]
        assert values == sorted(values, reverse=True)
        assert values[0] > values[-1]


@pytest.mark.parametrize(("currency", "decimals"), [("EUR", 2), ("JPY", 0), ("TND", 3)])
def test_money_is_in_whole_units_of_the_currency(tmp_path: Path, currency: str, decimals: int) -> None:
    rows = [(who, day, cents // 100 * 100) for who, day, cents in visits(40, (37, 80))]
    result = of(rows, tmp_path, currency=currency, model="bg_nbd")
    save(result, tmp_path / "scores.csv")
    found = table(tmp_path / "scores.csv")
    assert float(found["C2"]["monetary"]) == 20.0
    for row in found.values():
        assert float(row["clv"]) == round(float(row["clv"]), decimals)
    assert document(result)["total_clv"] == pytest.approx(sum(float(row["clv"]) for row in found.values()), abs=1e-3)


def test_flags_say_whom_the_figures_know_little_of(tmp_path: Path) -> None:
    rows = [*visits(40, (37, 80)), ("free", at(0), 0), ("free", at(50), 0), ("new", at(230), 900)]
    save(of(rows, tmp_path), tmp_path / "scores.csv")
    found = table(tmp_path / "scores.csv")
    assert [found[who]["flags"] for who in ("C0", "C2", "free", "new")] == [
        "one_purchase",
        "",
        "unpaid",
        "one_purchase|young",
    ]


def test_the_closed_forms_are_worked_out_by_hand(tmp_path: Path) -> None:
    rows = [("a", at(0), 1000), ("a", at(100), 3000), ("b", at(364), 2000)]
    found = document(of(rows, tmp_path))["closed_forms"]
    assert found["average_order_value"] == pytest.approx(60 / 3)
    assert found["revenue_per_customer"] == pytest.approx(60 / 2)
    assert found["purchases_per_customer_year"] == pytest.approx(3 / 2 / (365 / 365.25))
    assert found["observed_lifespan_years"] == pytest.approx(50 / 365.25)
    assert found["order_value_clv"] == pytest.approx(20 * 3 / 2 / 365 * 50)
    assert found["margin_clv"] == found["order_value_clv"]


def test_the_closed_forms_know_margin_refunds_and_the_day(tmp_path: Path) -> None:
    rows = [*visits(60, (37, 80, 41)), ("C1", at(600), 99_000)]
    before = of(rows, tmp_path, model="bg_nbd", calibration_end=at(330), holdout_end=at(600))
    found = document(before)["closed_forms"]
    known = [(who, day, cents) for who, day, cents in rows if day <= at(330)]
    revenue = sum(cents for _, _, cents in known) / 100
    assert found["revenue_per_customer"] == pytest.approx(revenue / 60)
    taken = document(of([*known, ("C3", at(329), -1000), ("z", at(330), 0)], tmp_path, model="bg_nbd"))["closed_forms"]
    assert taken["revenue_per_customer"] == pytest.approx((revenue - 10) / 61)


def test_wrong_rows_and_what_was_taken_for_granted_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("who,when,customer,date,amount\n,,a,3/25/2025,5\n,,b,yesterday,5\n,,c,3/26/2025,lots\n")
    said = document(run(Request(path=path)))
    assert (said["transactions"], said["rejected"]) == (1, 2)
    assert [(reject["row"], reject["column"], reject["value"]) for reject in said["rejects"]] == [
        (3, "date", "yesterday"),
        (4, "amount", "lots"),
    ]
    assert "month first" in said["notes"][0]
    assert json.dumps(said, allow_nan=False)


# Writing


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("what was there before")
    save(cdnow("bg_nbd"), path)
    assert len(path.read_text().splitlines()) == 2358
    assert [found.name for found in tmp_path.iterdir()] == ["scores.csv"]


@pytest.mark.parametrize("where", ["", "nowhere/scores.csv", "a_file/scores.csv", ".", "/"])
def test_where_nothing_can_be_written_nothing_is(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_file").write_text("kept")
    monkeypatch.chdir(tmp_path)
    path = Path(where) if where in (".", "/") else tmp_path / where
    with pytest.raises(UsageError, match=r"cannot be written \((Is a directory|Not a directory|No such file)"):
        save(cdnow("bg_nbd"), path)
    assert [found.name for found in tmp_path.iterdir()] == ["a_file"]
    assert (tmp_path / "a_file").read_text() == "kept"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    path, read = tmp_path / "pipe", list[str]()
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    save(cdnow("bg_nbd"), path)
    reader.join()
    assert len(read[0].splitlines()) == 2358
    assert path.is_fifo()


def test_ids_with_signs_that_csv_knows_come_back(tmp_path: Path) -> None:
    names = ['Müller, "Fritz"', "D'Amico; Letizia", "Nicolò"]
    rows = [(who, at(30 * n), 1000) for who in names for n in range(3)]
    save(run(Request(path=as_csv(rows, tmp_path / "log.csv"))), tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as stream:
        assert {row["customer_id"] for row in csv.DictReader(stream)} == set(names)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _free() -> list[Row]:
    return [(who, day, 0) for who, day, _ in visits(80, (37, 80, 41))]
