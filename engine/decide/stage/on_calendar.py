"""Dates and daily sweeps: once a local day, and again when customers changed since, or what dates come from."""

from __future__ import annotations

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


def ask_calendar(stage: Asking) -> None:
    """Dates and daily sweeps: once a local day, and again when customers changed since, or what dates come from."""
    today = local_date(stage.now, stage.policy.time_zone)
    rules = [*triggers.of_kind(stage.policy.rules, "date"), *triggers.of_kind(stage.policy.rules, "sweep")]
    with stage.store.read() as connection:
        changed = customers.last_change(connection)
        newest = latest.newest(connection)
        seen = {rule.id: leases.mark(connection, _calendar(rule)) for rule in rules}
    for rule in rules:
        look = Look.after(seen[rule.id], today, changed, newest, stage.now)
        if look is None or (look.again and rule.trigger.date is None and not look.changed):
            continue
        if rule.trigger.date is not None:
            ask_dates(stage, rule, rule.trigger.date, look)
        else:
            _sweep(stage, rule, today)
        with stage.store.write() as connection:
            value = f"{today.isoformat()} {newest.event} {newest.txn}"
            leases.set_mark(connection, _calendar(rule), value, stage.now)


def _sweep(stage: Asking, rule: Rule, today: date) -> None:
    """Ask about everybody; the store leaves out those of whom it can tell that the condition is false."""
    why = Occasion(occurrence=f"sweep/{today.isoformat()}", anchor=stage.now, keep_no=False)
    last, decimals = 0, exponent(stage.policy.currency)
    condition = rule.when.tree if rule.when else None
    with stage.store.read() as connection:
        zones = history.zones(connection) if lookbacks(rule.reads) else ()
    past = stage.past(zones)
    while True:
        with stage.store.write() as connection:
            some = sweeps.matching(connection, condition, exponent=decimals, past=past, after=last, limit=BATCH)
            stage.ask(connection, stage.round(connection, some, [rule]), [(rule, key, why) for key in some])
        if len(some) < BATCH:
            return
        last = some[-1]


def _calendar(rule: Rule) -> str:
    """The mark of the last day on which a rule was asked about dates and sweeps."""
    return f"calendar:{rule.id}:{rule.hash[:8]}"
