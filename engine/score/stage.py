"""Stage 2: every customer's score from the whole history, with the models' parameters and how well they foretell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from engine.core.calendar import at_local, local_date, parse_duration
from engine.core.facts import Score
from engine.core.money import exponent, to_major
from engine.errors import ScoreError
from engine.score.clv import Terms, tiers, values
from engine.score.history import History, Log, TimeUnit, net_refunds, split, summarise
from engine.score.models import BUYING, gamma_gamma
from engine.score.models.fit import Fit, fit
from engine.score.validate import validate
from engine.store import scores, transactions
from engine.store.session import Store

MODEL = "bg_nbd"
JUDGED_EVERY = timedelta(days=7)
SHORTEST_VALIDATION = 182
"""Days that a log must span before its last third is used to judge a model fitted on the first two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the shop says about worth: units, how far to look, at what rate, which share of a sale is kept, tiers."""

    time_unit: TimeUnit
    horizon: str  # ISO 8601
    discount_rate: float  # a year
    margin: float
    tiers: Mapping[str, float]  # name -> the percentile at which it begins
    currency: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was fitted and how many customers have which tier."""

    model: str
    params: dict[str, float]
    log_likelihood: float
    spend_params: dict[str, float]
    spend_log_likelihood: float | None
    customers: int
    transactions: int  # purchase days
    repeaters: int
    time_unit: str
    horizon: str
    as_of: datetime
    total_clv_minor: int
    tiers: dict[str, int]
    flags: tuple[str, ...]
    validation: dict[str, Any]


def score(
    store: Store, policy: Policy, *, now: datetime, progress: Callable[[int], None] = lambda _done: None
) -> Summary:
    """Fit the models on everything up to the end of today, and score everybody who ever bought.

    Raises ScoreError when there is no purchase to score.
    """
    today = local_date(now, policy.time_zone)
    tomorrow = at_local(today + timedelta(days=1), time(0), policy.time_zone)
    with store.read() as connection:
        log, flags = _log(connection, policy, tomorrow)
        last = scores.last_run(connection)
    places = exponent(policy.currency)
    purchases = net_refunds(log, as_of_day=today.toordinal())
    history = summarise(purchases, time_unit=policy.time_unit, exponent=places)
    if not len(history):
        _forget(store, now)
        why = "".join(f"; {flag}" for flag in flags)
        raise ScoreError(f"there is no purchase to score{why} (hint: premura ingest transactions.csv)")
    if purchases.unmatched_minor:
        lost = f"{to_major(purchases.unmatched_minor, policy.currency)} {policy.currency}"
        flags = (*flags, f"{lost} were given back for purchases that are not here")
    buying, spending = fit(BUYING[MODEL], history), gamma_gamma.fit(history)
    horizon = parse_duration(policy.horizon)
    days = horizon.days + horizon.months * 365.25 / 12 + horizon.seconds / 86400
    terms = Terms(horizon_days=days, annual_rate=policy.discount_rate, margin=policy.margin)
    judged = _judged_lately(last, today) or _validation(log, today.toordinal(), policy)
    found = values(BUYING[MODEL], buying.params, spending.params, history, terms)
    names = tiers(found.percentile, policy.tiers)
    rows = [(int(history.customer[row]), _score(history, found, str(names[row]), row)) for row in range(len(history))]
    flags = tuple(dict.fromkeys((*flags, *buying.flags, *spending.flags)))
    summary = _summary(history, buying, spending, policy, now, rows, flags, judged)
    with store.write() as connection:
        baseline = scores.last_run(connection) is None
        run = scores.begin_run(connection, _run_columns(summary))
        scores.save(connection, run, rows, now, baseline=baseline)
        scores.clean(connection, now)
    progress(len(rows))
    return summary


def _forget(store: Store, now: datetime) -> None:
    """Nobody has a purchase left, so nobody has a score or waits for one; a look into the past forgets nothing."""
    with store.write() as connection:
        last = scores.last_run(connection)
        if last is not None and last["as_of"] <= now:
            scores.save(connection, 0, (), now, baseline=False)
        scores.clean(connection, now)


def _log(connection: Connection, policy: Policy, before: datetime) -> tuple[Log, tuple[str, ...]]:
    """The transactions as arrays; what is in another currency is left out and said so."""
    customer: list[int] = []
    day: list[int] = []
    amount: list[int] = []
    reverses: list[int] = []
    row_of: dict[tuple[int, str], int] = {}
    named: list[tuple[int, str]] = []
    foreign = 0
    for row in transactions.history(connection, before):
        if row.currency != policy.currency:
            foreign += 1
            continue
        row_of[row.customer_id, row.ext_key] = len(customer)
        if row.reverses:
            named.append((len(customer), row.reverses))
        customer.append(row.customer_id)
        day.append(local_date(row.occurred_at, policy.time_zone).toordinal())
        amount.append(row.amount_minor)
        reverses.append(-1)
    for index, key in named:
        reverses[index] = row_of.get((customer[index], key), -1)
    log = Log(
        customer=np.array(customer, dtype=np.int64),
        day=np.array(day, dtype=np.int64),
        amount_minor=np.array(amount, dtype=np.int64),
        reverses=np.array(reverses, dtype=np.int64),
    )
    flags = (f"{foreign} transactions are not in {policy.currency} and were left out",) if foreign else ()
    return log, flags


def _judged_lately(last: Mapping[str, Any] | None, today: date) -> dict[str, Any]:
    """The figures of the last run, if they are not a week old: a model does not get better or worse overnight."""
    figures = dict(last["validation"]) if last is not None else {}
    judged_on = date.fromisoformat(figures.get("judged_on", "1970-01-01"))
    return figures if timedelta(0) <= today - judged_on < JUDGED_EVERY else {}


def _validation(log: Log, today: int, policy: Policy) -> dict[str, Any]:
    """How well a model of the first two thirds of the log foretells the last one, beside the baselines."""
    span = today - int(log.day.min())
    if span < SHORTEST_VALIDATION:
        return {}
    places = exponent(policy.currency)
    calibration, window = split(
        log,
        calibration_end_day=today - span // 3,
        window_end_day=today,
        time_unit=policy.time_unit,
        exponent=places,
    )
    if not len(calibration):
        return {}
    model = BUYING[MODEL]
    fitted = fit(model, calibration)
    expected = model.expected_purchases(
        fitted.params, calibration.frequency, calibration.recency, calibration.T, window.length
    )
    judged = asdict(validate(expected, calibration, window))
    judged_on = date.fromordinal(today).isoformat()
    return {"judged_on": judged_on, "calibration_days": span - span // 3, **judged}


def _score(history: History, found: Any, tier: str, row: int) -> Score:
    places = 10.0**history.exponent
    return Score(
        customer="",
        frequency=int(history.frequency[row]),
        recency=float(history.recency[row]),
        T=float(history.T[row]),
        monetary_minor=round(float(history.monetary[row]) * places) if history.frequency[row] else None,
        p_alive=float(found.p_alive[row]),
        expected_purchases=float(found.expected_purchases[row]),
        expected_spend_minor=int(found.expected_spend_minor[row]),
        clv_minor=int(found.clv_minor[row]),
        percentile=float(found.percentile[row]),
        tier=tier,
        days_since_purchase=int(history.days_since_purchase[row]),
    )


def _summary(
    history: History,
    buying: Fit[Any],
    spending: Fit[gamma_gamma.GammaGamma],
    policy: Policy,
    now: datetime,
    rows: list[tuple[int, Score]],
    flags: tuple[str, ...],
    judged: dict[str, Any],
) -> Summary:
    held = dict.fromkeys(sorted(policy.tiers, key=lambda name: -policy.tiers[name]), 0)
    for _, one in rows:
        held[one.tier] += 1
    params = {name: value for name, value in asdict(buying.params).items() if name != "time_unit"}
    spend_params = asdict(spending.params)
    return Summary(
        model=MODEL,
        params=params,
        log_likelihood=buying.log_likelihood,
        spend_params=spend_params,
        spend_log_likelihood=spending.log_likelihood,
        customers=len(history),
        transactions=int(history.frequency.sum()) + len(history),
        repeaters=int((history.frequency > 0).sum()),
        time_unit=policy.time_unit,
        horizon=policy.horizon,
        as_of=now,
        total_clv_minor=sum(one.clv_minor or 0 for _, one in rows),
        tiers=held,
        flags=flags,
        validation=judged,
    )


def _run_columns(summary: Summary) -> dict[str, Any]:
    columns = asdict(summary) | {"fitted_at": summary.as_of, "flags": list(summary.flags)}
    for name in ("transactions", "total_clv_minor", "tiers"):
        del columns[name]
    return columns
