"""What leaves the house: one row per customer as CSV, and one JSON document about the whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from engine.clv.run import Result
from engine.errors import UsageError
from engine.score.arrays import FloatArray, IntArray
from engine.score.closed_forms import by_closed_forms
from engine.score.clv import CUSTOMER_FLAGS, customer_flags
from engine.score.record import of_fit, of_verdict

COLUMNS = (
    "customer_id", "frequency", "recency", "T", "monetary", "p_alive", "expected_purchases", "expected_spend", "clv",
    "clv_low", "clv_high", "percentile", "tier", "flags",
)  # fmt: skip
"""The columns of scores.csv; recency and T in the time unit, money in whole units of the currency."""


def save(result: Result, path: Path) -> None:
    """Write scores.csv, the best customers first, whole or not at all. Raises UsageError when it cannot be written."""
    special = path.exists() and not path.is_file()  # such as /dev/stdout; a directory refuses to be opened
    draft = path if special else path.with_name(f".{path.name}.part")
    try:
        with draft.open("wb") as file:
            _frame(result).write_csv(file)
        if not special:
            draft.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        if not special:
            with suppress(OSError):  # what could not be begun is not there to go
                draft.unlink(missing_ok=True)


def _frame(result: Result) -> pl.DataFrame:
    """A row per customer, the best first."""
    history, values = result.history, result.values
    frame = pl.DataFrame(
        {
            "customer_id": pl.Series(result.table.names).gather(history.customer),
            "frequency": history.frequency,
            "recency": history.recency.round(4),
            "T": history.T.round(4),
            "monetary": _money(history.monetary * 10.0**history.exponent, history.exponent),
            "p_alive": values.p_alive.round(6),
            "expected_purchases": values.expected_purchases.round(6),
            "expected_spend": _money(values.expected_spend_minor, history.exponent),
            "clv": _money(values.clv_minor, history.exponent),
            "clv_low": _money(values.clv_low_minor, history.exponent),
            "clv_high": _money(values.clv_high_minor, history.exponent),
            "percentile": values.percentile.round(6),
            "tier": pl.Series(result.tier_names).gather(result.tier),
            "flags": pl.Series([flag or None for flag in CUSTOMER_FLAGS]).gather(customer_flags(history)),
        }
    )
    best = "clv" if values.clv_minor.any() else "percentile"
    return frame.select(COLUMNS).sort(best, descending=True, maintain_order=True)


def _money(minor: FloatArray | IntArray, exponent: int) -> FloatArray:
    found: FloatArray = np.rint(minor) / 10.0**exponent
    return found


def document(result: Result) -> dict[str, Any]:
    """The JSON document of `premura clv --json`: models, figures, totals, and how long each part took."""
    fitted, history, request = result.fitted, result.history, result.request
    held = np.bincount(result.tier, minlength=len(result.tier_names)).tolist()
    said = of_fit(fitted)
    return {
        "model": said["model"],
        "params": said["params"],
        "log_likelihood": said["log_likelihood"],
        "spend": {
            "model": "gamma_gamma",
            "params": said["spend_params"],
            "log_likelihood": said["spend_log_likelihood"],
        },
        "customers": len(history),
        "transactions": result.table.rows - result.table.rejected,
        "rejected": result.table.rejected,
        "rejects": [asdict(reject) for reject in result.table.rejects],
        "notes": list(result.table.notes),
        "columns": dict(result.table.columns),
        "time_unit": history.time_unit,
        "as_of": _day(result.purchases.as_of_day),
        "horizon_days": request.terms.horizon_days,
        "discount_rate": request.terms.annual_rate,
        "margin": request.terms.margin,
        "currency": request.currency,
        "flags": list(result.flags),
        "season": said["season"],
        "cohorts": said["cohorts"],
        "validation": None if result.verdict is None else of_verdict(result.verdict),
        "tiers": {name: count for name, count in zip(result.tier_names, held, strict=True) if count},
        "closed_forms": _closed_forms(result),
        "total_clv": float(result.values.clv_minor.sum()) / 10.0**history.exponent,
        "seconds": {part: round(seconds, 4) for part, seconds in result.seconds.items()},
    }


def _closed_forms(result: Result) -> Mapping[str, float]:
    history, purchases = result.history, result.purchases
    last_day = purchases.as_of_day - history.days_since_purchase
    return by_closed_forms(
        revenue=float(purchases.amount_minor.sum(dtype=np.float64)) / 10.0**history.exponent,
        purchases=len(purchases.day),
        customers=len(history),
        span_days=purchases.as_of_day - int(purchases.day.min()) + 1,
        mean_observed_days=float((last_day - history.first_day).mean()),
        margin=result.request.terms.margin,
    )


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()
