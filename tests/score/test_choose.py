"""The verdict of the log's last part: who is judged, on what, and that the better model wins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.score.choose import CANDIDATES, LONGEST_WINDOW, SHORTEST_LOG, Verdict, judge, loss
from engine.score.models import BUYING
from engine.score.purchases import Log
from engine.score.validate import Figures, Validation
from tests.score.shops import CALIBRATION_END, WINDOW_END, cdnow_log, log_of, simulated_log


def judged(log: Log, *names: str, **options: int) -> Verdict:
    verdict = judge(log, names or CANDIDATES, **({"window_end_day": WINDOW_END} | options))  # type: ignore[arg-type]  # integers all
    assert verdict is not None
    return verdict


def test_on_cdnow_pareto_nbd_is_chosen_as_every_figure_of_the_published_comparison_says() -> None:
    verdict = judged(cdnow_log(), calibration_end_day=CALIBRATION_END)
    assert verdict.model == "pareto_nbd"
    assert set(verdict.losses) == set(verdict.candidates) == set(CANDIDATES)
    assert verdict.validation.model == verdict.candidates["pareto_nbd"]
    assert verdict.predicted.sum() == pytest.approx(1665.688, rel=1e-3)
    assert verdict.calibration_end_day == CALIBRATION_END


def test_the_window_is_the_last_third_of_the_log_and_no_longer_than_a_year() -> None:
    log = cdnow_log()
    span = WINDOW_END - int(log.day.min())
    assert judged(log, "bg_nbd").calibration_end_day == WINDOW_END - span // 3
    old = replace(log, day=np.where(log.customer % 2 == 0, log.day - 3000, log.day))
    assert judged(old, "bg_nbd").calibration_end_day == WINDOW_END - LONGEST_WINDOW


def test_a_log_too_short_or_without_a_past_is_not_judged() -> None:
    assert judge(log_of((1, 700_000, 5)), CANDIDATES, window_end_day=700_000 + SHORTEST_LOG - 1) is None
    late = log_of((1, 700_100, 5), (2, 700_100, 7))
    assert judge(late, CANDIDATES, window_end_day=700_150, calibration_end_day=700_050) is None
    assert judge(log_of(), CANDIDATES, window_end_day=700_150) is None


def test_models_of_opportunities_are_judged_on_periods() -> None:
    names = [name for name, model in BUYING.items() if model.OPPORTUNITIES]
    assert names
    verdict = judged(cdnow_log(), *names)
    assert verdict.history.T.tolist() == np.rint(verdict.history.T).tolist()
    assert verdict.window.purchases.max() <= np.ceil(verdict.window.length)


def test_a_log_of_very_many_is_judged_on_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.score.choose.MOST_CUSTOMERS", 500)
    log = simulated_log(1, 2000, 700)
    verdict = judge(log, ["bg_nbd"], window_end_day=700)
    assert verdict is not None
    assert 300 < verdict.validation.n_customers < 700


def validation(*, rmse: float, bias: float | None, gini: float | None, decile: float) -> Validation:
    def figures(rmse: float) -> Figures:
        return Figures(
            mae=1.0,
            rmse=rmse,
            bias_pct=bias,
            norm_gini=gini,
            top_decile_share=None,
            deciles=((decile, 1.0),) * 10,
        )

    return Validation(
        model=figures(rmse),
        baselines={"rate": figures(2.0), "frequency": figures(4.0)},
        length=1.0,
        time_unit="week",
        n_customers=10,
    )


def test_the_loss_adds_up_what_is_wrong() -> None:
    assert loss(validation(rmse=0.0, bias=0.0, gini=1.0, decile=1.0)) == 0
    assert loss(validation(rmse=1.0, bias=-20.0, gini=0.7, decile=1.5)) == pytest.approx(0.5 + 0.2 + 0.3 + 0.5)
    assert loss(validation(rmse=1.0, bias=None, gini=None, decile=1.0)) == pytest.approx(0.5)
