"""With many events to decide on, another process reads and asks the next batch while this one writes the last.

It sees the store as it was before that batch or after it, and so it is not asked about the batch's customers; what it
says counts only if nobody has written anything else since. So the same is decided as by one after the other. For SQLite
alone, which says what was written; on PostgreSQL there are workers.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from select import select
from typing import Any, BinaryIO

from sqlalchemy import Connection

from engine.beside import beside
from engine.decide import triggers
from engine.decide.rule import load
from engine.decide.stage.asking import Asking
from engine.decide.stage.batch import Batch, next_batch
from engine.decide.stage.policy import Policy, Summary
from engine.decide.vocabulary import vocabulary
from engine.store import new_events
from engine.store.session import open_store, stamp

MANY = 20_000
"""Events from which on a process of its own pays: to start it takes as long as to decide on some thousands."""
PATIENCE = 0.0
"""Seconds to wait until it is ready: meanwhile all is decided here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What that process is told at first: where the store is, and the policy, with its rules as texts and its words as
    they were declared."""

    address: str
    now: datetime
    rules: Mapping[str, str]
    templates: Collection[str]
    declared: Mapping[str, Any]
    shop: Mapping[str, Any]

    @classmethod
    def of(cls, stage: Asking) -> _Told:
        """The same as this stage works by."""
        policy = stage.policy
        return cls(
            address=stage.store.address,
            now=stage.now,
            rules={rule.file: rule.text for rule in policy.rules},
            templates={step.plan.template for rule in policy.rules for step in rule.steps},
            declared=policy.words.declared,
            shop={one.name: getattr(policy, one.name) for one in fields(policy) if one.name not in ("rules", "words")},
        )

    def stage(self) -> Asking:
        """One that works by it."""
        words = vocabulary(**self.declared)
        rules = load(self.rules, vocabulary=words, templates=self.templates)
        policy = Policy(rules=rules, words=words, **self.shop)
        return Asking(store=open_store(self.address), policy=policy, now=self.now, summary=Summary())


@dataclass(slots=True)
class Ahead:
    """The other process, if there is one. asked: it has been asked for a batch; before: what was written by the end of
    the transaction during which it was asked."""

    question: BinaryIO | None = None
    reply: BinaryIO | None = None
    is_ready: bool = False
    asked: bool = False
    before: tuple[int, ...] = ()

    def batch(self) -> Batch | None:
        """The one that it was asked for; None: it was not, or found nothing."""
        found = self._said() if self.asked else None
        self.asked = False
        return found if found and found.events else None

    def holds(self, connection: Connection) -> bool:
        """Whether what it said still counts in the transaction that has begun."""
        return stamp(connection) == self.before

    def ask(self, batch: Batch) -> None:
        """Ask for the batch after this one; in the transaction that will write it, so that nobody else can before."""
        if not self.is_ready and self.reply is not None and select([self.reply], [], [], PATIENCE)[0]:
            self.is_ready = bool(self._said())
        if self.is_ready and self.question is not None:
            try:
                pickle.dump(batch.customers, self.question, pickle.HIGHEST_PROTOCOL)
                self.question.flush()
                self.asked = True
            except OSError:
                self.is_ready = False

    def wrote(self, connection: Connection) -> None:
        """All of the batch is written, and will be committed."""
        if self.asked:
            self.before = stamp(connection)

    def _said(self) -> Any:
        """What it says; None when it is gone, and then it is not asked again."""
        try:
            return pickle.load(self.reply) if self.reply else None  # noqa: S301 - from a process of our own
        except (EOFError, OSError, pickle.UnpicklingError):
            self.question = self.reply = None
            self.is_ready = False
            return None


@contextmanager
def ahead(stage: Asking) -> Iterator[Ahead]:
    """The other process for as long as the block lasts; with few events, or without it, all is decided here."""
    with ExitStack() as stack:
        found = Ahead()
        if stage.store.is_sqlite and _are_many(stage):
            try:
                question, reply = stack.enter_context(beside(__name__))
                pickle.dump(_Told.of(stage), question, pickle.HIGHEST_PROTOCOL)
                question.flush()
                found = Ahead(question, reply)
            except OSError:
                pass  # no process could be started
        yield found


def _are_many(stage: Asking) -> bool:
    with stage.store.read() as connection:
        return new_events.are_more(connection, stage.now, MANY)


def answer(question: BinaryIO, reply: BinaryIO) -> None:
    """What that process does: it says that it is ready, and then a batch for every question, until it is killed."""
    stage = pickle.load(question).stage()  # noqa: S301 - from whoever started this process
    panels = triggers.by_event(stage.policy.rules)
    gc.freeze()  # what there is by now is no garbage: to look through it again and again took a tenth of the time
    gc.enable()
    said: Batch | bool = True
    while True:
        pickle.dump(said, reply, pickle.HIGHEST_PROTOCOL)
        reply.flush()
        without = pickle.load(question)  # noqa: S301 - as above
        with stage.store.read() as connection:
            found = next_batch(stage, connection, panels, without=without)
        said = found.answered()  # with the view closed: one that stays open keeps SQLite's log from being emptied
