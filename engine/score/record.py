"""What is kept of a fit and of scores, as plain values that a store can hold, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.score.arrays import FloatArray, IntArray
from engine.score.choose import Verdict
from engine.score.clv import Values
from engine.score.cohorts import Cohorts
from engine.score.fitting import Fitted
from engine.score.history import History, Pooled
from engine.score.models import BUYING
from engine.score.models.fit import Fit
from engine.score.models.gamma_gamma import GammaGamma
from engine.score.season import IDENTITY, Season
from engine.score.units import TimeUnit
from engine.score.yearly import Detection

_QUANTILES = 2001


def of_fit(fitted: Fitted) -> dict[str, Any]:
    """A fit as JSON values, by column of `model_run`."""
    used = fitted.season.used
    return {
        "model": fitted.model,
        "params": _named(fitted.buying.params),
        "log_likelihood": fitted.buying.log_likelihood,
        "spend_params": _named(fitted.spending.params),
        "spend_log_likelihood": fitted.spending.log_likelihood,
        "covariance": {
            "buying": fitted.buying.covariance.tolist(),
            "spending": fitted.spending.covariance.tolist(),
        },
        "season": {} if used == IDENTITY else {**asdict(fitted.season), "season": list(used.index)},
        "cohorts": {} if fitted.cohorts is None else _cohorts(fitted.cohorts),
        "flags": list(fitted.flags),
    }


def _cohorts(found: Cohorts) -> dict[str, Any]:
    """Each cohort's parameters, with what is to be known of them."""
    return {
        "period": found.period,
        "width": found.width,
        "each": {
            name: {
                "customers": size,
                "flag": flag,
                "params": _named(one.params),
                "covariance": one.covariance.tolist(),
            }
            for name, size, flag, one in zip(found.names, found.sizes, found.flags, found.fits, strict=True)
        },
    }


def _cohorts_of(row: Mapping[str, Any], whole: Fit[Any]) -> Cohorts | None:
    if not row["cohorts"]:
        return None
    each = row["cohorts"]["each"]
    record, unit = BUYING[row["model"]].RECORD, row["time_unit"]
    fits = [
        replace(
            whole,
            params=record(**one["params"], time_unit=unit),
            covariance=np.array(one["covariance"], dtype=np.float64),
        )
        for one in each.values()
    ]
    return Cohorts(
        period=row["cohorts"]["period"],
        names=tuple(each),
        fits=tuple(fits),
        sizes=tuple(one["customers"] for one in each.values()),
        flags=tuple(one["flag"] for one in each.values()),
        whole=whole,
        width=row["cohorts"]["width"],
    )


def fit_of(row: Mapping[str, Any]) -> Fitted:
    """The fit that a row of `model_run` kept."""
    unit: TimeUnit = row["time_unit"]
    model = BUYING[row["model"]]
    season = Detection()
    if row["season"]:
        kept = row["season"]
        season = Detection(**{**kept, "season": Season(index=tuple(kept["season"])), "flags": tuple(kept["flags"])})
    buying = _fit(row, model.RECORD(**row["params"], time_unit=unit), row["log_likelihood"], "buying")
    spending = _fit(row, GammaGamma(**row["spend_params"]), row["spend_log_likelihood"], "spending")
    return Fitted(
        model=row["model"],
        buying=buying,
        spending=spending,
        season=season,
        cohorts=_cohorts_of(row, buying),
        flags=tuple(row["flags"]),
    )


def pooled_of(row: Mapping[str, Any]) -> Pooled | None:
    """What all customers had in common when this row of `model_run` was written."""
    return Pooled(**row["pooled"]) if row["pooled"] else None


def of_verdict(verdict: Verdict) -> dict[str, Any]:
    """How the models did on the window, as JSON values: the chosen one's figures, the baselines' and the others'."""
    own = verdict.validation
    return {
        **asdict(own.model),
        "baselines": {name: asdict(figures) for name, figures in own.baselines.items()},
        "candidates": {
            name: {**asdict(figures), "loss": verdict.losses[name]} for name, figures in verdict.candidates.items()
        },
        "calibration_end": date.fromordinal(verdict.calibration_end_day).isoformat(),
        "length": own.length,
        "time_unit": own.time_unit,
        "customers": own.n_customers,
    }


def _fit(row: Mapping[str, Any], params: Any, log_likelihood: float, of: str) -> Fit[Any]:
    return Fit(
        params=params,
        log_likelihood=log_likelihood,
        converged=True,
        flags=(),
        n_customers=row["customers"],
        n_repeat=row["repeaters"],
        covariance=np.array(row["covariance"].get(of, [[]]), dtype=np.float64),
    )


def _named(params: Any) -> dict[str, float]:
    return {name: value for name, value in asdict(params).items() if name != "time_unit"}


def quantiles(worth: IntArray) -> list[float]:
    """Everybody's CLV in few numbers, from which `percentiles_among` tells where somebody stands."""
    found: list[float] = np.quantile(worth, np.linspace(0, 1, _QUANTILES)).tolist()
    return found


def percentiles_among(worth: IntArray, known: list[float]) -> FloatArray:
    """Where customers stand among those whose quantiles these are, 0..1: the share of them who are worth less."""
    ends = np.array(known)
    above = np.searchsorted(ends, worth, side="left")
    high, low = ends[np.minimum(above, len(ends) - 1)], ends[np.maximum(above - 1, 0)]
    part = np.divide(worth - low, high - low, out=np.zeros(len(worth)), where=high > low)
    found: FloatArray = np.clip((above - 1 + part) / (len(ends) - 1), 0.0, 1.0)
    return found


def among(found: Values, known: list[float]) -> Values:
    """The same values, with percentiles among those whose quantiles these are."""
    return replace(found, percentile=percentiles_among(found.clv_minor, known))


def score_columns(history: History, found: Values, tiers: NDArray[np.str_]) -> list[NDArray[Any]]:
    """What is kept of each customer, by the store's columns; who came once has no mean spend of later days."""
    spent = np.rint(history.monetary * 10.0**history.exponent).astype(np.int64)
    return [
        history.customer,
        history.frequency,
        history.recency,
        history.T,
        np.ma.masked_array(spent, history.frequency == 0),
        found.p_alive,
        found.expected_purchases,
        found.expected_spend_minor,
        found.clv_minor,
        found.clv_low_minor,
        found.clv_high_minor,
        found.percentile,
        tiers,
        history.days_since_purchase,
    ]
