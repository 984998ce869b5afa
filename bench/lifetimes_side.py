"""What lifetimes 0.11.3 makes of a log: its own documented way, each stage timed. Runs in its own environment.

Usage: python lifetimes_side.py LOG.csv bg_nbd|pareto_nbd SCORES.csv; prints one JSON document. The packages are not
ours, so they are imported by name and have no types here.
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
    """Read, summarise, fit, predict, write; the log-likelihood is reckoned once more, unscaled, after the clock."""
    clock = [perf_counter()]
    np, pd, lifetimes, utils = (import_module(name) for name in ("numpy", "pandas", "lifetimes", "lifetimes.utils"))
    clock.append(perf_counter())
    rows = pd.read_csv(log, parse_dates=["date"])
    clock.append(perf_counter())
    table = utils.summary_data_from_transaction_data(rows, "customer_id", "date", monetary_value_col="amount")
    clock.append(perf_counter())
    past = (table["frequency"], table["recency"], table["T"])
    np.random.seed(1)  # ParetoNBDFitter starts from a random point
    buying = lifetimes.BetaGeoFitter() if model == "bg_nbd" else lifetimes.ParetoNBDFitter()
    buying.fit(*past)
    again = table[table["frequency"] > 0]
    spending = lifetimes.GammaGammaFitter()
    spending.fit(again["frequency"], again["monetary_value"])
    clock.append(perf_counter())
    found = _predictions(table, buying, spending)
    clock.append(perf_counter())
    found.to_csv(scores)
    clock.append(perf_counter())
    stages = ("imports", "read", "history", "fit", "predict", "output")
    said = {
        "seconds": {stage: end - start for stage, (start, end) in zip(stages, pairwise(clock), strict=True)},
        "params": {name: float(value) for name, value in buying.params_.items()},
        "log_likelihood": _log_likelihood(np, model, buying, past),
        "customers": len(table),
        "expected_purchases": float(found["expected_purchases"].sum()),
        "total_clv": float(found["clv"].sum()),
    }
    print(json.dumps(said))


def _predictions(table: Any, buying: Any, spending: Any) -> Any:
    past = (table["frequency"], table["recency"], table["T"])
    money = table["monetary_value"]
    found = table.copy()
    found["p_alive"] = buying.conditional_probability_alive(*past)
    found["expected_purchases"] = buying.conditional_expected_number_of_purchases_up_to_time(HORIZON_DAYS, *past)
    found["expected_spend"] = spending.conditional_expected_average_profit(table["frequency"], money)
    found["clv"] = spending.customer_lifetime_value(buying, *past, money, 12, MONTHLY_RATE, "D")
    return found


def _log_likelihood(np: Any, model: str, buying: Any, past: tuple[Any, ...]) -> float:
    """On days as they are: the fitter keeps the one of its scaled times, and for BG/NBD the mean."""
    params = buying.params_.to_numpy()
    if model == "pareto_nbd":
        return float(buying._conditional_log_likelihood(params, *past).sum())  # noqa: SLF001 - has no public name
    ones = np.ones(len(past[0]))
    mean = buying._negative_log_likelihood(np.log(params), *past, ones, 0.0)  # noqa: SLF001 - has no public name
    return float(-mean * len(ones))


if __name__ == "__main__":
    main(*sys.argv[1:])
