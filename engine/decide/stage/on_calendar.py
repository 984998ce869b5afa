"""Dates and daily sweeps: once a local day, and again when customers changed since, or what dates come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from engine.core.calendar import local_date
from engine.core.lookback import lookbacks
from engine.core.money import exponent
from engine.decide import triggers
from engine.decide.moment import Occasion
from engine.decide.rule import Rule
from engine.decide.stage.asking import Asking
from engine.decide.stage.look import Look
from engine.decide.stage.on_dates import ask_dates
from engine.decide.stage.policy import BATCH
from engine.store import customers, history, latest, leases, sweeps
from engine.store.latest import Newest
from engine.store.session import in_pieces

TOGETHER = 20  # rules that are asked by one look at everybody: a statement must not grow without end


def ask_calendar(stage: Asking) -> None:
    """Dates and daily sweeps: once a local day, and again when customers changed since, or what dates come from."""
    today = local_date(stage.now, stage.policy.time_zone)
    rules = [*triggers.of_kind(stage.policy.rules, "date"), *triggers.of_kind(stage.policy.rules, "sweep")]
    newest = latest.settled(stage.store)
    with stage.store.read() as connection:
        changed = customers.last_change(connection)
        seen = {rule.id: leases.mark(connection, _calendar(rule)) for rule in rules}
    swept = []
    for rule in rules:
        look = Look.after(seen[rule.id], today, changed, newest, stage.now)
        if look is None:
            continue
        if rule.trigger.date is not None:
            ask_dates(stage, rule, rule.trigger.date, look)
            _mark(stage, [rule], today, newest)
        elif look.changed or not look.again:
            swept.append(rule)
    for some in in_pieces(swept, TOGETHER):
        _sweep(stage, some, today)
        _mark(stage, some, today, newest)


def _mark(stage: Asking, rules: Sequence[Rule], today: date, newest: Newest) -> None:
    with stage.store.write() as connection:
        for rule in rules:
            leases.set_mark(connection, _calendar(rule), f"{today.isoformat()} {newest.event} {newest.txn}", stage.now)


def _sweep(stage: Asking, rules: Sequence[Rule], today: date) -> None:
    """Ask about everybody; the store leaves out those of whom it can tell that the conditions are false."""
    why = Occasion(occurrence=f"sweep/{today.isoformat()}", anchor=stage.now, keep_no=False)
    last, decimals = 0, exponent(stage.policy.currency)
    conditions = [rule.when.tree if rule.when else None for rule in rules]
    with stage.store.read() as connection:
        zones = history.zones(connection) if any(lookbacks(rule.reads) for rule in rules) else ()
    past = stage.past(zones)
    while True:
        with stage.store.write() as connection:
            some = sweeps.matching(connection, conditions, exponent=decimals, past=past, after=last, limit=BATCH)
            questions = [(rules[place], key, why) for key, places in some for place in places]
            stage.ask(connection, stage.round(connection, [key for key, _ in some], rules), questions)
        if len(some) < BATCH:
            return
        last, _ = some[-1]


def _calendar(rule: Rule) -> str:
    """The mark of the last day on which a rule was asked about dates and sweeps."""
    return f"calendar:{rule.id}:{rule.hash[:8]}"
