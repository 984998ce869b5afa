"""A made-up shop whose customers do exactly what BG/NBD and Gamma-Gamma say, written as the logs that the benches read.

Two years, about 5.4 rows a customer, sorted by date as a shop's export is. Each log is written once, into the cache,
from a process of its own: python -m bench.shop --customers 10000 --cache .bench
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

from bench.runs import facts_file, log_file

SEED = 20261121
DAYS = 730
FIRST_DAY = np.datetime64("2024-01-01")
BUYING = {"r": 0.6, "alpha": 14.5, "a": 0.8, "b": 2.6}  # alpha in days
SPENDING = {"p": 6.0, "q": 4.0, "v": 15.0}


def log_of(customers: int, seed: int = SEED) -> pl.DataFrame:
    """The log: customer (1.. in the order of arrival), date, amount in whole units with two decimals."""
    chance = np.random.default_rng(seed)
    now = np.sort(chance.uniform(0, DAYS, customers))
    pace = np.maximum(chance.gamma(BUYING["r"], 1 / BUYING["alpha"], customers), 1e-12)
    leaves = chance.beta(BUYING["a"], BUYING["b"], customers)
    rate = chance.gamma(SPENDING["q"], 1 / SPENDING["v"], customers)
    who = np.arange(customers)
    buyers, days = [who], [now.copy()]
    while len(who):
        if len(buyers) > 1:
            who = who[chance.random(len(who)) > leaves[who]]
        now[who] += chance.exponential(1, len(who)) / pace[who]
        who = who[now[who] < DAYS]
        buyers.append(who)
        days.append(now[who])
    customer, day = np.concatenate(buyers), np.concatenate(days)
    order = np.argsort(day, kind="stable")
    customer, day = customer[order], day[order]
    amount = np.maximum(np.round(chance.gamma(SPENDING["p"], 1 / rate[customer]), 2), 0.01)
    date = FIRST_DAY + day.astype("timedelta64[D]")
    return pl.DataFrame({"customer_id": customer + 1, "date": date, "amount": amount})


def with_text_ids(log: pl.DataFrame) -> pl.DataFrame:
    """The same log with ids of ten characters that say nothing of the order of arrival."""
    ids = pl.Series("id", range(1, int(log["customer_id"].cast(pl.Int64).max() or 0) + 1), dtype=pl.UInt64)  # type: ignore[arg-type]  # a maximum of any type
    mixed = (ids * 2_654_435_761) % 2**32  # odd, so no two ids meet
    text = pl.Series("customer_id", [f"c-{value:08x}" for value in mixed])
    return log.with_columns(text.gather(log["customer_id"] - 1))


def write(cache: Path, customers: int) -> None:
    """Write all kinds, and how many rows they have."""
    facts_file(cache, customers).parent.mkdir(parents=True, exist_ok=True)
    log = log_of(customers)
    log.write_csv(log_file(cache, customers, "csv"))
    with_text_ids(log).write_csv(log_file(cache, customers, "text"))
    log.write_parquet(log_file(cache, customers, "parquet"))
    facts = {"customers": customers, "rows": len(log), "first": str(log["date"][0]), "last": str(log["date"][-1])}
    facts_file(cache, customers).write_text(json.dumps(facts))


def main() -> None:
    """The command of this module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    given = parser.parse_args()
    write(given.cache, given.customers)


if __name__ == "__main__":
    main()
