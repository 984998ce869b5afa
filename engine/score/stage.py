"""Stage 2: what every customer is worth. Everybody from a new fit (`score`), or only those who bought since, by the
last one (`rescore`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.calendar import local_date
from engine.core.money import to_major
from engine.errors import ScoreError
from engine.score import record
from engine.score.clv import Values
from engine.score.fitting import fit_shop, history_of, value_everybody
from engine.score.history import History
from engine.score.policy import Policy
from engine.score.purchases import Log, Purchases, kept, net_refunds
from engine.store import purchases, score_history, scores, transactions
from engine.store.session import Store

JUDGED_EVERY = timedelta(days=7)
"""A model does not get better or worse overnight."""
_PIECES, _HALF = 8, 500
_ALIKE, _SERVES = 2000, 13
FEW = 0.2
"""The share of the customers up to which those who bought are scored alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was fitted and how many customers have which tier. stored: not for a look into the past."""

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
    season: dict[str, Any]
    cohorts: dict[str, Any]
    flags: tuple[str, ...]
    validation: dict[str, Any]
    stored: bool = True


def score(
    store: Store, policy: Policy, *, now: datetime, progress: Callable[[int], None] = lambda _done: None
) -> Summary:
    """Fit the models on everything up to the end of today, and score everybody who ever bought.

    An instant before the last scoring is a look into the past: it says what was known then, and changes nothing. Raises
    ScoreError when there is no purchase to score.
    """
    today = local_date(now, policy.time_zone).toordinal()
    with store.read() as connection:
        seen = transactions.newest(connection)
        last = scores.last_run(connection)
    booked = _everything(store, policy, today, seen)
    log, flags = _log(booked, policy), _foreign(booked, policy)
    past = last is not None and now < last["as_of"]
    with ThreadPoolExecutor(1) as beside:  # a second core judges meanwhile
        judging = beside.submit(_judged, log, today, policy, last)
        bought = net_refunds(log, as_of_day=today)
        chosen, judged = judging.result()
    if not len(bought.customer):
        if not past:
            _forget(store, now, seen)
        why = "".join(f"; {flag}" for flag in flags)
        raise ScoreError(f"there is no purchase to score{why} (hint: premura ingest transactions.csv)")
    history, fitted = fit_shop(bought, policy.plan, chosen)
    found = value_everybody(fitted, history, policy.terms)
    flags = (*flags, *_unmatched(bought, policy), *fitted.flags)
    tiers, fit = policy.tiers_of(found), record.of_fit(fitted)
    summary = _summary(history, fit, found, tiers, policy, now, flags, judged, stored=not past)
    if not past:
        columns = record.score_columns(history, found, tiers)
        with ThreadPoolExecutor(1) as beside, store.write() as connection:
            packing = beside.submit(list, score_history.pack(columns))  # most of it without Python's lock
            run = scores.begin_run(connection, _run_columns(summary, fit, found, history, policy))
            scores.save(connection, run, columns, now, baseline=last is None)
            score_history.append(connection, run, packing.result(), now)
            scores.clean(connection, now, seen=seen)
            score_history.thin(connection, now)
    progress(len(history))
    return summary


def rescore(store: Store, policy: Policy, *, now: datetime) -> int | None:
    """Score those whose history changed by the last fit, at once; says how many.

    None when it takes a new fit of everybody: there was none, the policy is another, or too many bought.
    """
    today = local_date(now, policy.time_zone).toordinal()
    with store.read() as connection:
        last = scores.last_run(connection)
        if last is None or now < last["as_of"] or not _same(last, policy):
            return None
        seen = transactions.newest(connection)
        who = scores.dirty_customers(connection, now)
        if len(who) > max(FEW * last["customers"], 1):
            return None
    pooled = record.pooled_of(last)
    booked = _theirs(store, policy, today, seen, who)
    log = _log(booked, policy, priced=pooled is not None)
    fitted = record.fit_of(last)
    bought = net_refunds(log, as_of_day=today)
    columns: list[Any] = []
    if len(bought.customer):
        clock = fitted.season.used.clock
        history = history_of(bought, policy.plan, fitted.model, clock, pooled)
        found = record.among(value_everybody(fitted, history, policy.terms), last["quantiles"])
        columns = record.score_columns(history, found, policy.tiers_of(found))
    with store.write() as connection:
        scores.save(connection, last["id"], columns, now, baseline=False, looked_at=who)
        score_history.append(connection, last["id"], score_history.pack(columns), now)
        scores.clean(connection, now, who, seen=seen)
    return len(who)


def look_back(
    store: Store, policy: Policy, instants: Sequence[datetime]
) -> Iterator[tuple[datetime, dict[str, NDArray[Any]]]]:
    """What score would have said of everybody at these instants, oldest first, by the shop's terms of today; nothing is
    written. The columns are those that `score_history.unpack` gives.

    An instant before which nobody had bought, or too little for a fit, is left out. The model is the one last used; of
    many customers one fit serves several instants, up to a quarter of weeks, for it changes slowly and takes longest.
    """
    with store.read() as connection:
        seen, last = transactions.newest(connection), scores.last_run(connection)
    days = [local_date(at, policy.time_zone).toordinal() for at in instants]
    log = _log(_everything(store, policy, days[-1], seen), policy)
    fitted, serves = None, 0
    for at, day in zip(instants, days, strict=True):
        bought = net_refunds(log, as_of_day=day)
        if not len(bought.customer):
            continue
        if fitted is None or not serves:
            try:
                history, fitted = fit_shop(bought, policy.plan, last["model"] if last else "")
            except ScoreError:
                continue
            serves = min(1 + len(history) // _ALIKE, _SERVES)
        else:
            history = history_of(bought, policy.plan, fitted.model, fitted.season.used.clock)
        serves -= 1
        found = value_everybody(fitted, history, policy.terms)
        blocks = score_history.pack(record.score_columns(history, found, policy.tiers_of(found)))
        parts = [score_history.unpack(content) for _, _, content in blocks]
        yield at, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _same(last: Mapping[str, Any], policy: Policy) -> bool:
    """Whether everybody was scored by this policy; another one needs everybody scored anew."""
    return bool(last["policy"] == policy.kept)


def _everything(store: Store, policy: Policy, through_day: int, newest: int) -> purchases.Booked:
    """All transactions; the database writes numbers on one core while numpy reads them on another."""
    with store.read() as connection:
        spans = purchases.spans(connection, _PIECES)

    def some(keys: range) -> list[purchases.Booked]:
        with store.read() as connection:
            return list(purchases.between(connection, policy.currency, through_day, keys, newest))

    with ThreadPoolExecutor(2) as threads:
        return purchases.joined(list(chain.from_iterable(threads.map(some, spans))))


def _theirs(store: Store, policy: Policy, through_day: int, newest: int, who: Sequence[int]) -> purchases.Booked:
    """The transactions of these customers; of many, one half on each core."""
    half = len(who) // 2

    def some(part: Sequence[int]) -> purchases.Booked:
        with store.read() as connection:
            return purchases.of_customers(connection, policy.currency, through_day, part, newest)

    if half < _HALF:
        return some(who)
    with ThreadPoolExecutor(2) as threads:
        return purchases.joined(list(threads.map(some, (who[:half], who[half:]))))


def _log(booked: purchases.Booked, policy: Policy, *, priced: bool = False) -> Log:
    """The transactions as the models read them. priced: as in `kept`."""
    keep = None
    if priced or booked.cost_minor is not None:
        cost = np.full(len(booked), purchases.NO_COST) if booked.cost_minor is None else booked.cost_minor
        known = np.where(cost == purchases.NO_COST, np.nan, cost)
        keep = kept(booked.amount_minor, known, policy.margin, priced=priced)
    return Log(
        customer=booked.customer_id,
        day=booked.day,
        amount_minor=booked.amount_minor,
        sale_day=booked.sale_day,
        kept_minor=keep,
    )


def _forget(store: Store, now: datetime, seen: int) -> None:
    """Nobody has a purchase left, so nobody has a score or waits for one."""
    with store.write() as connection:
        scores.save(connection, 0, (), now, baseline=False)
        scores.clean(connection, now, seen=seen)


def _foreign(booked: purchases.Booked, policy: Policy) -> tuple[str, ...]:
    if not booked.foreign:
        return ()
    return (f"{booked.foreign} transactions are not in {policy.currency} and were left out",)


def _unmatched(bought: Purchases, policy: Policy) -> tuple[str, ...]:
    if not bought.unmatched_minor:
        return ()
    lost = f"{to_major(bought.unmatched_minor, policy.currency)} {policy.currency}"
    return (f"{lost} were given back for purchases that are not here",)


def _judged(log: Log, today: int, policy: Policy, last: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """The model to be used ("" when none can be judged) and the figures; those of the last run if they are fresh."""
    if last is not None and last["validation"] and _same(last, policy):
        age = date.fromordinal(today) - date.fromisoformat(last["validation"]["judged_on"])
        if timedelta(0) <= age < JUDGED_EVERY:
            return last["model"], dict(last["validation"])
    verdict = policy.plan.judge(log, today)
    if verdict is None:
        return "", {}
    return verdict.model, {"judged_on": date.fromordinal(today).isoformat(), **record.of_verdict(verdict)}


def _summary(
    history: History,
    fit: Mapping[str, Any],
    found: Values,
    tiers: NDArray[np.str_],
    policy: Policy,
    now: datetime,
    flags: tuple[str, ...],
    judged: dict[str, Any],
    *,
    stored: bool,
) -> Summary:
    names = (*sorted(policy.tiers, key=lambda name: -policy.tiers[name]), "")
    held = {name: int((tiers == name).sum()) for name in names}
    return Summary(
        **{name: fit[name] for name in _OF_FIT},
        customers=len(history),
        transactions=int(history.frequency.sum()) + len(history),
        repeaters=int((history.frequency > 0).sum()),
        time_unit=policy.time_unit,
        horizon=policy.horizon,
        as_of=now,
        total_clv_minor=int(found.clv_minor.sum()),
        tiers={name: count for name, count in held.items() if name or count},
        flags=tuple(dict.fromkeys(flags)),
        validation=judged,
        stored=stored,
    )


_OF_FIT = ("model", "params", "log_likelihood", "spend_params", "spend_log_likelihood", "season", "cohorts")


def _run_columns(
    summary: Summary, fit: Mapping[str, Any], found: Values, history: History, policy: Policy
) -> dict[str, Any]:
    columns = asdict(summary) | {
        "fitted_at": summary.as_of,
        "flags": list(summary.flags),
        "quantiles": record.quantiles(found.clv_minor),
        "covariance": fit["covariance"],
        "policy": policy.kept,
        "pooled": {} if history.pooled is None else asdict(history.pooled),
    }
    for name in ("transactions", "total_clv_minor", "tiers", "stored"):
        del columns[name]
    return columns
