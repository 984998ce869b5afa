"""What pymc-marketing 0.19.2 makes of a log, at its quickest (MAP, no sampling). Runs in its own environment.

Usage: python pymc_side.py LOG.csv bg_nbd|pareto_nbd SCORES.csv; prints one JSON document. The packages are not ours, so
they are imported by name and have no types here. Its default priors move the estimates a little.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from itertools import pairwise
from time import perf_counter
from typing import Any

HORIZON_DAYS = 365
MONTHLY_RATE = 1.10 ** (1 / 12) - 1


def main(log: str, model: str, scores: str) -> None:
    """Read, summarise, fit, predict, write."""
    clock = [perf_counter()]
    pd, clv = import_module("pandas"), import_module("pymc_marketing.clv")
    clock.append(perf_counter())
    rows = pd.read_csv(log, parse_dates=["date"])
    clock.append(perf_counter())
    table = clv.rfm_summary(rows, "customer_id", "date", monetary_value_col="amount", time_unit="D")
    clock.append(perf_counter())
    buying = (clv.BetaGeoModel if model == "bg_nbd" else clv.ParetoNBDModel)(table)
    buying.fit(method="map", progressbar=False)
    spending = clv.GammaGammaModel(table[table["frequency"] > 0])
    spending.fit(method="map", progressbar=False)
    clock.append(perf_counter())
    found = _predictions(table, buying, spending)
    clock.append(perf_counter())
    found.to_csv(scores, index=False)
    clock.append(perf_counter())
    stages = ("imports", "read", "history", "fit", "predict", "output")
    said = {
        "seconds": {stage: end - start for stage, (start, end) in zip(stages, pairwise(clock), strict=True)},
        "params": {name: float(value) for name, value in buying.fit_result.mean().data_vars.items()},
        "log_likelihood": None,
        "customers": len(table),
        "expected_purchases": float(found["expected_purchases"].sum()),
        "total_clv": float(found["clv"].sum()),
    }
    print(json.dumps(said))


def _predictions(table: Any, buying: Any, spending: Any) -> Any:
    found = table.copy()
    found["p_alive"] = buying.expected_probability_alive(table).values.ravel()
    found["expected_purchases"] = buying.expected_purchases(table, future_t=HORIZON_DAYS).values.ravel()
    found["expected_spend"] = spending.expected_customer_spend(table).values.ravel()
    worth = spending.expected_customer_lifetime_value(
        transaction_model=buying, data=table, future_t=12, discount_rate=MONTHLY_RATE, time_unit="D"
    )
    found["clv"] = worth.values.ravel()
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
