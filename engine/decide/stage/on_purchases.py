"""Purchases end the journeys that stop on one, and are what steps wait for; dispatch asks again what stops."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from engine.core.actions import PURCHASE
from engine.decide.stage.asking import Asking
from engine.store import bought, customers, decisions, latest, leases, waits

MARK = "purchases"
PAGE = 20_000


def stop_bought(stage: Asking) -> None:
    """Go through what was bought since decide last looked; before the first look there was none.

    A step that waits is asked about what was bought before it began when it begins.
    """
    newest = latest.settled(stage.store).txn
    with stage.store.read() as connection:
        last = leases.mark(connection, MARK)
        matters = waits.any_are_there(connection)
    after = newest if last is None else int(last.value)
    if last is not None and after == newest:
        return
    if not (matters or any(PURCHASE in rule.stop_on for rule in stage.policy.rules)):
        after = newest
    while after < newest:
        until = min(after + PAGE, newest)
        _stop(stage, after, until)
        _go_on(stage, after, until)
        after = until
    with stage.store.write() as connection:
        leases.set_mark(connection, MARK, str(newest), stage.now)


def _stop(stage: Asking, after: int, until: int) -> None:
    with stage.store.read() as connection:
        if not bought.stopped(connection, after, until):
            return
    with stage.store.write() as connection:
        found = bought.stopped(connection, after, until)
        customers.hold(connection, {one.customer for one in found})
        ended: dict[int, list[int]] = defaultdict(list)
        for one in found:
            ended[one.day].append(one.journey)
        for day, journeys in ended.items():
            decisions.stop_journeys(connection, journeys, f"{PURCHASE} on {date.fromordinal(day)}", stage.now)
            stage.summary.stopped += len(journeys)


def _go_on(stage: Asking, after: int, until: int) -> None:
    with stage.store.read() as connection:
        waiting = bought.awaiting(connection, after, until)
    if waiting:
        with stage.store.write() as connection:
            stage.settle(connection, waits.come(connection, waiting, stage.now))
