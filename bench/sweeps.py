"""How fast daily sweeps are: python -m bench.sweeps. See bench/README.md.

A new SQLite store (synchronous=FULL) with customers who gave their consent and have a score; then rules ask about
everybody, as the daemon has it done once a day, and begin a journey for those of whom their conditions hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from bench.decide_shop import NOW, WORDS, seed
from bench.figures import aligned
from engine.decide.rule import Rule, load
from engine.decide.stage import Policy, decide
from engine.store import sweeps
from engine.store.session import Store, create

PAGE = 1000


def main() -> int:
    """Seed, sweep, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweeps", description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000, help="in the store (200000)")
    parser.add_argument("--rules", type=int, default=20, help="how many rules (20)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = create(f"sqlite:///{Path(folder) / 'bench.db'}")
        print(f"seeding a store with {asked.customers:,} customers", file=sys.stderr)
        seed(store, asked.customers, 0)
        rules = load(dict(_files(asked.rules)), vocabulary=WORDS, templates=["email/thanks"])
        found = {"customers": asked.customers, "rules": len(rules), **_swept(store, rules)}
        store.close()
    print(json.dumps(found, indent=1) if asked.json else aligned([list(found), list(map(_said, found.values()))]))
    return 0


def _swept(store: Store, rules: tuple[Rule, ...]) -> dict[str, Any]:
    """Seconds of finding whom the rules may mean, and of a whole sweep, which finds them too."""
    start = perf_counter()
    conditions = [rule.when.tree if rule.when else None for rule in rules]
    with store.read() as connection:
        meant, last = 0, 0
        while some := sweeps.matching(connection, conditions, exponent=2, after=last, limit=PAGE):
            meant, last = meant + sum(len(places) for _, places in some), some[-1][0]
    between = perf_counter()
    policy = Policy(
        rules=rules, words=WORDS, time_zone="Europe/Rome", currency="EUR", key="bench", start=None, lead_days={}
    )
    busy = process_time()
    summary = decide(store, policy, now=NOW)
    end, busy = perf_counter(), process_time() - busy
    return {
        "meant": meant,
        "actions": summary.actions,
        "seconds to find them": between - start,
        "of the sweep": end - between,
        "of the processor": busy,
    }


def _said(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def _files(number: int) -> Iterator[tuple[str, str]]:
    """Good customers who may be leaving: each rule means about one customer in a thousand."""
    for one in range(number):
        tier, alive = ("gold", "silver", "bronze")[one % 3], 0.02 + 0.002 * (one % 10)
        yield (
            f"rules/s{one}.toml",
            f"""id = "s{one}"
title = "Sweep {one}"
purpose = "relationship"
holdout = 0.10
[on]
sweep = "daily"
when = '''score.p_alive < {alive:.3f} && score.percentile >= 0.9
    && score.tier == '{tier}' && customer.has_email'''
[journey]
again_after = "P90D"
[[step]]
id = "mail"
channel = "email"
template = "email/thanks"
after = "P1D"
""",
        )


if __name__ == "__main__":
    sys.exit(main())
