"""A batch of new events: what is known of their customers is read, and the rules that they start are asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import Connection

from engine.decide.came import Came
from engine.decide.panel import Panel
from engine.decide.round import Looked, Question, Round
from engine.decide.stage.asking import Asking
from engine.decide.triggers import event_occasion
from engine.store import decisions, new_events

NOBODY = Panel.of(())  # asked about what starts no rule

EVENTS = 2000
"""Events of a batch: of twice as many fewer pages are read and written for each, and on PostgreSQL every statement is a
way there and back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Events and their customers, by key, and what came of them; nothing of it is written yet."""

    events: Collection[int]
    customers: Collection[int]
    came: Came


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Events of which all is read; what rules say of them is still to be asked."""

    events: Sequence[new_events.New]
    questions: Sequence[Question]
    asked: Round
    looked: Sequence[Looked]

    def answered(self) -> Batch:
        """What comes of them; the store is not needed for it."""
        for it, question, looked in zip(self.events, self.questions, self.looked, strict=True):
            self.asked.stop(it.customer_id, it)
            self.asked.ask(question, looked)
        customers = {it.customer_id for it in self.events}
        return Batch(events=[it.id for it in self.events], customers=customers, came=Came.of(self.asked))


def next_batch(stage: Asking, connection: Connection, panels: Mapping[str, Panel]) -> Batch:
    """The next events, whose customers are held, and what comes of them."""
    found = read(stage, connection, panels, new_events.next_events(connection, stage.now, EVENTS))
    asked = [(key, why.occurrence) for _, key, why in found.questions]
    found.asked.decided.update(decisions.decided(connection, asked))
    return found.answered()


def read(
    stage: Asking, connection: Connection, panels: Mapping[str, Panel], found: Sequence[new_events.New]
) -> Unanswered:
    """What is known of the customers of these events, but for what is decided already."""
    questions = [(panels.get(it.kind, NOBODY), it.customer_id, event_occasion(it.source, it.id, it)) for it in found]
    kinds, customers = {it.kind for it in found}, {it.customer_id for it in found}
    started = chain.from_iterable(panels[kind].rules for kind in kinds & panels.keys())
    asked = stage.round(connection, customers, started, kinds=kinds, held=True)
    return Unanswered(events=found, questions=questions, asked=asked, looked=stage.look(connection, asked, questions))


def is_decided(connection: Connection, batch: Batch) -> bool:
    """Whether some of it is decided already."""
    new = batch.came.decisions
    return bool(new and decisions.decided(connection, zip(new["customer_id"], new["occurrence"], strict=True)))
