"""From a file to values: what each kind of shop gets, and what it is told about it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.clv.request import FLAGS, Request
from engine.clv.run import Result, run
from engine.errors import IngestError, ScoreError, UsageError
from engine.score.flags import FLAGS as MODEL_FLAGS
from engine.score.terms import Terms
from engine.score.units import DAYS_PER_UNIT, TimeUnit
from tests.clv.logs import SAMPLE, Row, as_csv, at, simulated, visits
from tests.golden.test_validation import TABLE
from tests.score.shops import cdnow_reference

SPLIT: dict[str, Any] = {"calibration_end": date(1997, 9, 30), "holdout_end": date(1998, 6, 30)}
UNITS: tuple[TimeUnit, ...] = ("day", "week", "month")


@lru_cache(maxsize=8)
def cdnow(model: str, time_unit: TimeUnit = "week") -> Result:
    """The sample as the papers split it."""
    return run(Request(path=SAMPLE, model=model, time_unit=time_unit, currency="USD", **SPLIT))


def of(rows: list[Row], folder: Path, **more: Any) -> Result:
    """These transactions, scored."""
    return run(Request(path=as_csv(rows, folder / "log.csv"), **more))


# The sample


def test_cdnow_has_the_published_parameters_and_likelihoods() -> None:
    found = cdnow("bg_nbd").fitted
    params = found.buying.params
    assert (params.r, params.alpha, params.a, params.b) == pytest.approx((0.2426, 4.4136, 0.7929, 2.4259), abs=6e-5)
    others = cdnow_reference()["full_precision_CLVTools_0.12.1_run_here"]
    assert found.buying.log_likelihood == pytest.approx(others["bgnbd"]["LL"], abs=1e-4)
    assert found.spending.log_likelihood == pytest.approx(others["gg_repeat_only"]["LL"], abs=1e-4)
    assert cdnow("pareto_nbd").fitted.buying.log_likelihood == pytest.approx(others["pnbd"]["LL"], abs=1e-4)
    reference = cdnow_reference()["full_precision_BTYDplus_1.2.0_run_here"]["mbgnbd"]["LL"]
    assert cdnow("mbg_nbd").fitted.buying.log_likelihood == pytest.approx(reference, abs=1e-4)


@pytest.mark.parametrize("model", TABLE)
def test_cdnow_is_judged_as_published(model: str) -> None:
    verdict = cdnow(model).verdict
    assert verdict is not None
    found, (mae, rmse, bias, gini, share) = verdict.validation.model, TABLE[model]
    assert found.mae <= mae * 1.01
    assert found.rmse <= rmse * 1.01
    assert abs(found.bias_pct or 99) <= abs(bias) * 1.01
    assert (found.norm_gini or 0) >= gini * 0.99
    assert (found.top_decile_share or 0) >= share * 0.99
    assert (verdict.validation.length, verdict.validation.n_customers) == (39.0, 2357)


def test_what_came_after_the_calibration_changes_no_score(tmp_path: Path) -> None:
    header, *lines = SAMPLE.read_text().splitlines(keepends=True)
    known = [line for line in lines if line.split(",")[1] <= "1997-09-30"]
    (tmp_path / "known.csv").write_text("".join([header, *known]))
    alone, all_of_it = run(Request(path=tmp_path / "known.csv", model="bg_nbd", currency="USD")), cdnow("bg_nbd")
    assert alone.table.rows < all_of_it.table.rows
    assert alone.purchases.as_of_day == all_of_it.purchases.as_of_day
    np.testing.assert_array_equal(alone.values.clv_minor, all_of_it.values.clv_minor)


def test_days_weeks_and_months_say_the_same_of_the_future() -> None:
    day, week, month = (cdnow("bg_nbd", unit) for unit in UNITS)
    for unit, other in zip(UNITS, (day, week, month), strict=True):
        np.testing.assert_allclose(other.history.T * DAYS_PER_UNIT[unit], day.history.T)
        assert other.history.time_unit == unit
    for other in (week, month):
        np.testing.assert_allclose(other.values.clv_minor, day.values.clv_minor, rtol=1e-5, atol=1)
        np.testing.assert_allclose(other.values.p_alive, day.values.p_alive, rtol=1e-5)
        np.testing.assert_allclose(other.values.expected_purchases, day.values.expected_purchases, rtol=1e-5)
        assert other.values.clv_high_minor.sum() == pytest.approx(day.values.clv_high_minor.sum(), rel=0.05)


# Kinds of shops


@pytest.mark.parametrize("model", ["auto", "bg_nbd", "mbg_nbd", "pareto_nbd", "bg_bb", "sbg"])
@pytest.mark.parametrize(
    ("rows", "flags"),
    [
        ([("a", at(0), 500)], {"no_repeaters", "pooled_prior", "pooled_mean", "not_judged"}),
        ([("a", at(day), 500) for day in (0, 60, 250)], {"few_repeaters", "pooled_prior", "pooled_mean"}),
        (visits(120, ()), {"no_repeaters", "pooled_prior", "pooled_mean"}),
        (visits(30, (37, 80, 41)), {"few_customers", "pooled_prior"}),
        ([(f"c{n}", at(30 * k), 2000) for n in range(400) for k in range(6)], {"boundary", "pooled_mean"}),
        ([(f"c{n}", at(0), 2000) for n in range(50)], {"no_repeaters", "not_judged"}),
        ([(who, day, 0) for who, day, _ in visits(80, (37, 80, 41))], {"no_spend", "ranked_by_purchases"}),
    ],
    ids=["one_purchase", "one_customer", "one_time_buyers", "thirty", "identical", "all_today", "free"],
)
def test_every_shop_gets_finite_numbers_and_is_told_what_was_done(
    tmp_path: Path, rows: list[Row], flags: set[str], model: str
) -> None:
    found = of(rows, tmp_path, model=model, time_unit="month" if model in ("bg_bb", "sbg") else "week")
    assert flags <= set(found.flags)
    assert set(found.flags) <= FLAGS.keys() | MODEL_FLAGS.keys()
    values = found.values
    assert len(found.history) == len({who for who, _, _ in rows})
    for column in (values.p_alive, values.expected_purchases, values.percentile):
        assert np.isfinite(column).all()
        assert (column >= 0).all()
    assert (values.p_alive <= 1).all()
    assert (values.clv_low_minor <= values.clv_high_minor).all()
    assert (values.clv_minor >= 0).all()


def test_refunds_take_back_what_they_name_and_the_rest_is_flagged(tmp_path: Path) -> None:
    rows = visits(60, (37, 80, 41))
    bare = of(rows, tmp_path, model="bg_nbd")
    assert "unmatched_refunds" not in bare.flags
    gone = of([*rows, ("C0", at(5), -2000)], tmp_path, model="bg_nbd")  # all that this one ever bought
    assert len(gone.history) == len(bare.history) - 1
    lost = of([*rows, ("C1", at(-9), -5000)], tmp_path, model="bg_nbd")
    assert "unmatched_refunds" in lost.flags
    assert lost.purchases.unmatched_minor == 5000
    np.testing.assert_array_equal(lost.values.clv_minor, bare.values.clv_minor)


def test_a_file_without_amounts_is_ranked_by_purchases(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("customer,date\n" + "".join(f"{who},{day}\n" for who, day, _ in simulated(2, 100, 500)))
    found = run(Request(path=path))
    assert {"no_amounts", "ranked_by_purchases"} <= set(found.flags)
    assert not found.values.clv_minor.any()
    assert {found.tier_names[place] for place in found.tier} == {"gold", "silver", "bronze"}
    best = found.values.percentile.argmax()
    assert found.values.expected_purchases[best] == found.values.expected_purchases.max()


def test_a_margin_of_nothing_is_ranked_by_purchases_too(tmp_path: Path) -> None:
    found = of(simulated(2, 60, 400), tmp_path, terms=Terms(margin=0.0))
    assert "ranked_by_purchases" in found.flags
    assert "no_amounts" not in found.flags
    assert found.values.percentile.max() == 1.0


def test_a_busy_december_is_seen_and_can_be_left_in(tmp_path: Path) -> None:
    rows = simulated(5, 250, 3 * 365, december=4.0)
    assert "yearly_pattern" in of(rows, tmp_path).flags
    assert "yearly_pattern" not in of(rows, tmp_path, seasonal=False).flags
    assert "yearly_pattern" not in of(simulated(5, 250, 3 * 365), tmp_path).flags


def test_cohorts_are_the_years_of_the_first_purchase(tmp_path: Path) -> None:
    found = of(simulated(5, 250, 3 * 365), tmp_path, model="bg_nbd", cohorts="year")
    assert found.fitted.cohorts is not None
    assert found.fitted.cohorts.names == ("2024", "2025", "2026")
    assert sum(found.fitted.cohorts.sizes) == len(found.history) == len(found.values.clv_minor)


# What is asked for


def test_the_longer_the_horizon_the_more_and_interest_takes_its_part(tmp_path: Path) -> None:
    rows = simulated(3, 80, 500)

    def total(**terms: float) -> int:
        return int(of(rows, tmp_path, model="bg_nbd", terms=Terms(**terms)).values.clv_minor.sum())

    assert total(horizon_days=730.0) > total() > total(annual_rate=0.3) > 0
    assert total(margin=0.3) == pytest.approx(0.3 * total(), rel=1e-3)


def test_parts_are_told_and_timed_in_their_order(tmp_path: Path) -> None:
    said: list[str] = []
    found = run(Request(path=as_csv(visits(20, (40, 50)), tmp_path / "log.csv")), said.append)
    assert said[0] == "reading log.csv"
    assert list(found.seconds) == ["read", "history", "validate", "fit", "predict"]
    assert all(seconds >= 0 for seconds in found.seconds.values())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"model": "prophet"}, "--model: 'prophet' is none of auto, bg_nbd"),
        ({"currency": "EURO"}, "--currency: 'EURO' is not a code such as EUR"),
        ({"currency": "eur"}, "--currency: 'eur' is not"),
        ({"holdout_end": at(90)}, "--holdout-end goes with --calibration-end"),
        ({"calibration_end": at(-1)}, f"--calibration-end {at(-1)} must lie in the log"),
        ({"calibration_end": at(200)}, "must lie in the log"),
        ({"calibration_end": at(90), "holdout_end": at(90)}, "and before --holdout-end"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, more: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        of([("a", at(0), 100), ("b", at(100), 100)], tmp_path, **more)


def test_a_name_that_there_is_not_is_refused_before_the_file_is_read(tmp_path: Path) -> None:
    for wrong in (Request(path=tmp_path / "no.csv", model="prophet"), Request(path=tmp_path / "no.csv", currency="€")):
        with pytest.raises(UsageError):
            run(wrong)


def test_a_holdout_after_the_last_day_is_flagged(tmp_path: Path) -> None:
    rows = visits(60, (37, 80, 41))
    last = max(day for _, day, _ in rows)
    past = of(rows, tmp_path, model="bg_nbd", calibration_end=at(120), holdout_end=at(999))
    assert "holdout_past_log" in past.flags
    assert "holdout_past_log" not in of(rows, tmp_path, calibration_end=at(120), holdout_end=last).flags


def test_what_cannot_be_read_or_scored_says_why(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="cannot be read"):
        run(Request(path=tmp_path / "nowhere.csv"))
    with pytest.raises(ScoreError, match="there is no purchase to score"):
        of([("a", at(0), -500)], tmp_path)
