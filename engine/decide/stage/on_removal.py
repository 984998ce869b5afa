"""A rule whose file is gone does nothing any more: its journeys end, and nothing of them goes out."""

from __future__ import annotations

from engine.decide.stage.asking import Asking
from engine.decide.stage.policy import BATCH
from engine.store import removals

REMOVED = "the rule was removed"
"""Why such a journey ended, and why its actions were cancelled."""


def end_removed(stage: Asking) -> None:
    """End the journeys of rules that are not there any more."""
    there = {rule.id for rule in stage.policy.rules}
    with stage.store.read() as connection:
        gone = [rule for rule in removals.under_way(connection) if rule not in there]
    for rule in gone:
        last: int | None = 0
        while last is not None:
            with stage.store.write() as connection:
                ended = removals.end(connection, rule, REMOVED, stage.now, after=last, limit=BATCH)
            stage.summary.removed += ended.journeys
            last = ended.last
