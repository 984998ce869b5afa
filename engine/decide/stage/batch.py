"""A batch of new events: what is known of their customers is read, and the rules that they start are asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import Connection

from engine.decide.came import Came
from engine.decide.panel import Panel
from engine.decide.stage.asking import Asking
from engine.decide.stage.policy import BATCH
from engine.decide.triggers import event_occasion
from engine.store import decisions, new_events

NOBODY = Panel.of(())  # asked about what starts no rule

TWICE = 2 * BATCH
"""Events of a batch on PostgreSQL: every statement is a way there and back, and who writes holds up nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Events and their customers, by key, and what came of them; nothing of it is written yet."""

    events: Collection[int]
    customers: Collection[int]
    came: Came


def next_batch(
    stage: Asking, connection: Connection, panels: Mapping[str, Panel], *, without: Collection[int] | None = None
) -> Batch:  # fmt: skip
    """The next events, in the order in which they came. without: customers whose events are left for later."""
    if without is None:
        batch = new_events.next_events(connection, stage.now, BATCH if stage.store.is_sqlite else TWICE)
    else:
        batch = new_events.next_of_others(connection, stage.now, BATCH, without)
    questions = [(panels.get(it.kind, NOBODY), it.customer_id, event_occasion(it.source, it.id, it)) for it in batch]
    kinds, customers = {it.kind for it in batch}, {it.customer_id for it in batch}
    started = chain.from_iterable(panels[kind].rules for kind in kinds & panels.keys())
    asked = stage.round(connection, customers, started, kinds=kinds, held=True)
    asked.decided.update(decisions.decided(connection, [(key, why.occurrence) for _, key, why in questions]))
    for it, question, looked in zip(batch, questions, stage.look(connection, asked, questions), strict=True):
        asked.stop(it.customer_id, it)
        asked.ask(question, looked)
    return Batch(events=[it.id for it in batch], customers=customers, came=Came.of(asked))
