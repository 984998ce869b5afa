"""New events stop journeys, start rules, and are what steps wait for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

from engine.core.calendar import at_local
from engine.decide import triggers
from engine.decide.stage.ahead import ahead
from engine.decide.stage.asking import Asking
from engine.decide.stage.batch import next_batch
from engine.store import decisions, new_events, waits


def ask_events(stage: Asking, progress: Callable[[int], None]) -> None:
    """New events: what lies before the shop's start is history; the rest stops journeys and starts rules."""
    panels = triggers.by_event(stage.policy.rules)
    if stage.policy.start is not None:
        with stage.store.write() as connection:
            start = at_local(stage.policy.start, time(0), stage.policy.time_zone)
            stage.summary.history = new_events.take_off_history(connection, start)
    with ahead(stage) as other:
        while True:
            other.wait()
            with stage.store.write() as connection:
                batch = other.batch(connection)
                if batch is None:
                    batch = next_batch(stage, connection, panels)
                    other.ask(connection, batch)
                stage.write(connection, batch.came)
                stage.settle(connection, waits.come(connection, batch.customers, stage.now) if batch.events else ())
                new_events.take_off(connection, batch.events)
                decisions.count_answers(connection, batch.came.counted, stage.now)
                other.wrote(connection)
            stage.summary.events += len(batch.events)
            progress(len(batch.events))
            if not batch.events:
                return


def give_up(stage: Asking) -> None:
    """Steps that waited in vain wait no more."""
    with stage.store.write() as connection:
        stage.settle(connection, waits.come_late(connection, stage.now))
        stage.summary.given_up += waits.give_up(connection, stage.now)
