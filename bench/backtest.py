"""How long a year of one rule takes over a whole shop: python -m bench.backtest. See bench/README.md.

A workspace whose customers gave their consent, bought once, have two events each, and a year of scores as `score` thins
them: the first of each month, and every day of the last five weeks. Then `premura backtest`, of a rule of each kind, as
the command calls it.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import workspace
from engine.__main__ import GARBAGE
from engine.app import App, open_app, upgrade
from engine.backtest import request
from engine.backtest.run import backtest
from engine.core.facts import ConsentRecord, Event, Transaction
from engine.store import customers, events, permissions, score_history, scores, transactions
from engine.store.scores import Columns
from engine.store.session import Store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SINCE, UNTIL = "2025-03-01", "2026-02-28"
DONE = "service_call.completed"
SLICE = 20_000
_RULE = """
id = "{id}"
title = "A rule"
purpose = "relationship"
[on]
{on}
[journey]
stop_on = ["complaint.opened"]
again_after = "P90D"
[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
after = "P1D"
window = {{ days = "mon-sat", from = "10:00", to = "16:00" }}
"""
RULES = {
    "on_event": f'event = "{DONE}"\nwhen = "event.amount > 200.0 && score.tier != \'bronze\'"',
    "on_date": 'date = "customer.first_purchase"',
    "on_score": 'score = "p_alive < 0.3"',
    "on_sweep": "sweep = \"daily\"\nwhen = \"score.p_alive < 0.5 && score.tier in ['gold', 'silver']\"",
    "on_sweep_in_may": 'sweep = "daily"\nwhen = "now.month == 5 && score.tier == \'gold\'"',
}


def main() -> int:
    """Seed, replay, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.backtest", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000, help="in the store (100000)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    gc.set_threshold(*GARBAGE)  # as every premura command
    with tempfile.TemporaryDirectory() as folder:
        app = _workspace(Path(folder))
        _seed(app.store, asked.customers)
        found = [_measured(app, name) for name in RULES]
        app.close()
    print(json.dumps(found, indent=1) if asked.json else "\n".join(map(_line, found)))
    return 0


def _line(one: dict[str, Any]) -> str:
    return f"{one['rule']:>16}: {one['seconds']:>6.1f} s; {one['asked']:,} answers, {one['sent']:,} sent"


def _measured(app: App, name: str) -> dict[str, Any]:
    start = perf_counter()
    found = backtest(app, request.rule_of(app, name), request.period(app, SINCE, UNTIL))
    seconds = perf_counter() - start
    sent = found.ends.get("sent", 0)
    return {"rule": name, "customers": found.customers, "asked": found.asked, "sent": sent, "seconds": seconds}


def _workspace(folder: Path) -> App:
    workspace.init(folder)
    for path in (folder / workspace.RULES).iterdir():
        path.unlink()
    for name, on in RULES.items():
        (folder / workspace.RULES / f"{name}.toml").write_text(_RULE.format(id=name, on=on), encoding="utf-8")
    upgrade(folder)
    return open_app(folder, lambda: NOW)


def _seed(store: Store, people: int) -> None:
    chance = np.random.default_rng(7)
    days = chance.integers(0, 730, people)
    for start in range(1, people + 1, SLICE):
        numbers = range(start, min(start + SLICE, people + 1))
        with store.write() as connection:
            refs = [f"C{number}" for number in numbers]
            customers.save(connection, [(ref, {"email": f"{ref}@example.com"}) for ref in refs], NOW)
            permissions.add_consents(connection, [(number, _yes()) for number in numbers])
            bought = [(number, _sale(number, int(days[number - 1]))) for number in numbers]
            transactions.add(connection, "bench", bought, NOW, "UTC")
            happened = [(number, _event(number, two, chance)) for number in numbers for two in range(2)]
            events.add(connection, "bench", happened, NOW)
    base = chance.random(people)
    for day in _scored():
        around = np.clip(base + chance.normal(0, 0.02, people), 0, 1)
        with store.write() as connection:
            run = scores.begin_run(connection, _run(day, people))
            score_history.append(connection, run, score_history.pack(_scores(around)), day)


def _scored() -> list[datetime]:
    first = [datetime(2025, month, 1, 3, tzinfo=UTC) for month in range(2, 13)] + [datetime(2026, 1, 1, 3, tzinfo=UTC)]
    return [*first, *(NOW - timedelta(days=ago, hours=9) for ago in range(35, 0, -1))]


def _run(day: datetime, people: int) -> dict[str, Any]:
    blank: dict[str, Any] = {name: {} for name in ("params", "spend_params", "validation", "season", "cohorts")}
    numbers = {"log_likelihood": 0.0, "spend_log_likelihood": 0.0, "customers": people, "repeaters": 0}
    texts = {"model": "bg_nbd", "time_unit": "week", "horizon": "P365D", "kind": "full", "as_of": day, "fitted_at": day}
    return {**blank, **numbers, **texts, "covariance": {}, "policy": {}, "pooled": {}, "quantiles": [], "flags": []}


def _yes() -> ConsentRecord:
    return ConsentRecord(customer="", purpose="any", channel="any", given=True, at=datetime(2024, 1, 1, tzinfo=UTC))


def _sale(number: int, day: int) -> Transaction:
    at = datetime(2024, 1, 1, 9, tzinfo=UTC) + timedelta(days=day)
    return Transaction(customer="", ext_key=f"T{number}", occurred_at=at, amount_minor=5000, currency="EUR")


def _event(number: int, two: int, chance: np.random.Generator) -> Event:
    kind = DONE if two or number % 10 else "complaint.opened"
    at = datetime.combine(date.fromisoformat(SINCE), datetime.min.time(), UTC) + timedelta(
        minutes=int(chance.integers(0, 364 * 1440))
    )
    payload = {"amount": round(1000 * chance.random(), 2)}
    return Event(customer="", kind=kind, ext_key=f"{number}-{two}", occurred_at=at, payload=payload)


def _scores(part: NDArray[np.float64]) -> Columns:
    whole = np.arange(1, len(part) + 1)
    tiers = np.array(["gold", "silver", "bronze"])[np.minimum(part * 3, 2).astype(int)]
    return [whole, whole % 9, 300 * part, 400 * part + 300, whole % 9000, part, 5 * part, whole % 9000, whole % 90_000,
            whole % 9000, whole % 99_000, part[::-1], tiers, whole % 400]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
