"""New events stop journeys, start rules, and are what steps wait for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from itertools import chain

from engine.core.calendar import at_local
from engine.decide import triggers
from engine.decide.panel import Panel
from engine.decide.stage.asking import Asking
from engine.decide.stage.policy import BATCH
from engine.decide.triggers import event_occasion
from engine.store import decisions, events, waits

NOBODY = Panel.of(())  # asked about what starts no rule


def ask_events(stage: Asking, progress: Callable[[int], None]) -> None:
    """New events: what lies before the shop's start is history; the rest stops journeys and starts rules."""
    panels = triggers.by_event(stage.policy.rules)
    if stage.policy.start is not None:
        with stage.store.write() as connection:
            start = at_local(stage.policy.start, time(0), stage.policy.time_zone)
            stage.summary.history = events.mark_history(connection, start, stage.now)
    while True:
        with stage.store.write() as connection:
            batch = events.unprocessed(connection, stage.now, BATCH)
            questions = [
                (panels.get(it.kind, NOBODY), it.customer_id, event_occasion(it.source, it.id, it)) for it in batch
            ]
            kinds = {it.kind for it in batch}
            started = chain.from_iterable(panels[kind].rules for kind in kinds & panels.keys())
            asked = stage.round(connection, {it.customer_id for it in batch}, started, kinds=kinds)
            asked.decided.update(decisions.decided(connection, [(key, why.occurrence) for _, key, why in questions]))
            for it, question, looked in zip(batch, questions, stage.look(connection, asked, questions), strict=True):
                asked.stop(it.customer_id, it)
                asked.ask(question, looked)
            stage.write(connection, asked)
            stage.settle(connection, waits.come(connection, asked.people, stage.now) if batch else ())
            events.mark_processed(connection, [found.id for found in batch], stage.now)
            decisions.count_answers(connection, asked.counted, stage.now)
        stage.summary.events += len(batch)
        progress(len(batch))
        if not batch:
            return


def give_up(stage: Asking) -> None:
    """Steps that waited in vain wait no more."""
    with stage.store.write() as connection:
        stage.settle(connection, waits.come_late(connection, stage.now))
        stage.summary.given_up += waits.give_up(connection, stage.now)
