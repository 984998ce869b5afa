"""The whole way from a file of transactions to scores, without a workspace; every part is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from engine.clv.read import Table, read
from engine.clv.request import TIERS, Request, days_of, plan_of
from engine.score.arrays import IntArray
from engine.score.choose import Verdict
from engine.score.clv import Values, percentiles, tier_places
from engine.score.fitting import Fitted, fit_shop, value_everybody
from engine.score.history import History
from engine.score.purchases import Log, Purchases, net_refunds


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out; `history`, `values` and `tier` (a place in `tier_names`) have a row per customer.

    table: what was said of the file; its rows are gone. seconds: how long each part took.

    flags: what is to be known about the whole, names of `FLAGS` and `engine.score.flags.FLAGS`.
    """

    request: Request
    table: Table
    purchases: Purchases
    history: History
    fitted: Fitted
    values: Values
    tier_names: Sequence[str]
    tier: IntArray
    verdict: Verdict | None
    flags: tuple[str, ...]
    seconds: Mapping[str, float]


_GONE = np.zeros(0, dtype=np.int64)


class _Watch:
    """Seconds by part; the same part may be begun again."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.seconds: dict[str, float] = {}
        self._tell, self._since = tell, perf_counter()

    def done(self, part: str, then: str = "") -> None:
        now = perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._since
        self._since = now
        if then:
            self._tell(then)


def run(request: Request, tell: Callable[[str], None] = lambda _text: None) -> Result:
    """Read, sum up, judge, fit and predict. tell: hears what is being done.

    Raises IngestError for a file that cannot be read, UsageError for days that do not fit it and for names that there
    are not, ScoreError when nothing can be scored.
    """
    plan = plan_of(request)
    tell(f"reading {request.path.name}")
    watch = _Watch(tell)
    table = read(
        request.path,
        customer=request.customer_column,
        date=request.date_column,
        amount=request.amount_column,
        exponent=plan.exponent,
    )
    watch.done("read", "summing up purchases, judging models by the last part of the log")
    log = Log(customer=table.customer, day=table.day, amount_minor=table.amount_minor)
    newest = int(table.day.max())
    as_of_day, last_day = days_of(request, int(table.day.min()), newest)
    table = replace(table, customer=_GONE, day=_GONE, amount_minor=_GONE)  # so many rows are not needed twice
    with ThreadPoolExecutor(1) as beside:  # a second core judges meanwhile
        judging = beside.submit(plan.judge, log, last_day, None if request.calibration_end is None else as_of_day)
        purchases = net_refunds(log, as_of_day=as_of_day)
        watch.done("history")
        verdict = judging.result()
    del log
    watch.done("validate", "fitting")
    history, fitted = fit_shop(purchases, plan, verdict.model if verdict else "")
    watch.done("fit", "looking ahead")
    values = _ranked(value_everybody(fitted, history, request.terms))
    tier_names, tier = tier_places(values.percentile, TIERS)
    watch.done("predict")
    return Result(
        request=request,
        table=table,
        purchases=purchases,
        history=history,
        fitted=fitted,
        values=values,
        tier_names=tier_names,
        tier=tier,
        verdict=verdict,
        flags=(*fitted.flags, *_flags(table, purchases, values, last_day > newest)),
        seconds=watch.seconds,
    )


def _ranked(found: Values) -> Values:
    """Where money tells nobody from another, the purchases that are expected do."""
    return found if found.clv_minor.any() else replace(found, percentile=percentiles(found.expected_purchases))


def _flags(table: Table, purchases: Purchases, values: Values, past_log: bool) -> Iterator[str]:
    """What is to be known besides what the models say of themselves."""
    if "amount" not in table.columns:
        yield "no_amounts"
    if not values.clv_minor.any():
        yield "ranked_by_purchases"
    if purchases.unmatched_minor:
        yield "unmatched_refunds"
    if past_log:
        yield "holdout_past_log"
