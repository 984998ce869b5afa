"""With many events to decide on, another process reads and asks the next batch while this one writes the last.

It is told of which events, since this one has the time to find them. It sees the store as it was before the last batch
or after it, and so it is not asked about that batch's customers; what it says counts only if nobody else has written
anything since. So the same is decided as by one after the other. For SQLite alone, which says what was written; on
PostgreSQL there are workers.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime
from select import select
from typing import Any, BinaryIO, NamedTuple

from sqlalchemy import Connection

from engine.beside import beside
from engine.decide import triggers
from engine.decide.rule import load
from engine.decide.stage.asking import Asking
from engine.decide.stage.batch import EVENTS, Batch, is_decided, read
from engine.decide.stage.policy import Policy, Summary
from engine.decide.vocabulary import vocabulary
from engine.store import new_events
from engine.store.session import open_store, stamp

MANY = 20_000
"""Events from which on a process of its own pays: to start it takes as long as to decide on some thousands."""
PATIENCE = 0.0
"""Seconds to wait until it is there: meanwhile all is decided here."""
_NOTHING = pickle.dumps(None)


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


class _Question(NamedTuple):
    """Events that it is asked about, in its words, and whose they are."""

    told: bytes
    customers: Collection[int]


@dataclass(slots=True)
class Ahead:
    """The other process, if there is one. is_there: it has begun, and says so whenever it waits for a question.

    asked: what it is at work on; before: what was written by the end of the transaction during which it was asked;
    coming: what it will be asked next.
    """

    stage: Asking
    question: BinaryIO | None = None
    reply: BinaryIO | None = None
    is_there: bool = False
    asked: _Question | None = None
    before: tuple[int, ...] = ()
    coming: _Question | None = None

    def wait(self) -> None:
        """Until it has the batch that it was asked for."""
        if self.asked:
            self._hear()

    def batch(self, connection: Connection) -> Batch | None:
        """The one that it was asked for, if it still counts in the transaction that has begun, which is to write it.

        It goes on with the next one at once. None: it was not asked, or what it found does not count.
        """
        if self.asked is None:
            return None
        counts = self.holds(connection)
        found: Batch | None = self._tell(self.coming if counts else None)
        return found if counts and found and not is_decided(connection, found) else None

    def holds(self, connection: Connection) -> bool:
        """Whether nobody else has written since it was asked."""
        return stamp(connection) == self.before

    def ask(self, connection: Connection, batch: Batch) -> None:
        """Ask for the batch after one that was decided here; in the transaction that will write that one, so that
        nobody else can before."""
        if self.reply is not None and (self.is_there or select([self.reply], [], [], PATIENCE)[0]):
            self.is_there = bool(self._hear())
            self._tell(self._next(connection, batch.customers))

    def wrote(self, connection: Connection) -> None:
        """All of the batch is written, and will be committed; what comes after the one that was asked for is chosen."""
        if self.asked:
            self.coming = self._next(connection, self.asked.customers)
            self.before = stamp(connection)

    def _next(self, connection: Connection, without: Collection[int]) -> _Question | None:
        found = new_events.next_of_others(connection, self.stage.now, EVENTS, without)
        return _Question(pickle.dumps(found, pickle.HIGHEST_PROTOCOL), set(found.customer_id)) if found.id else None

    def _tell(self, question: _Question | None) -> Any:
        """Ask it, and hear what came of the last question."""
        self.asked = question
        if self.question is not None:
            with suppress(OSError):  # when it is gone, there is nothing to hear either
                self.question.write(question.told if question else _NOTHING)
                self.question.flush()
        return self._hear()

    def _hear(self) -> Any:
        """What it says; None when it is gone, and then it is not asked again."""
        if self.reply is not None:
            with suppress(EOFError, OSError, pickle.UnpicklingError):
                return pickle.load(self.reply)  # noqa: S301 - from a process of our own
        self.question = self.reply = self.asked = None
        return None


@contextmanager
def ahead(stage: Asking) -> Iterator[Ahead]:
    """The other process for as long as the block lasts; with few events, or without it, all is decided here."""
    with ExitStack() as stack:
        found = Ahead(stage)
        if stage.store.is_sqlite and _are_many(stage):
            try:
                question, reply = stack.enter_context(beside(__name__))
                pickle.dump(_Told.of(stage), question, pickle.HIGHEST_PROTOCOL)
                question.flush()
                found = Ahead(stage, question, reply)
            except OSError:
                pass  # no process could be started
        yield found


def _are_many(stage: Asking) -> bool:
    with stage.store.read() as connection:
        return new_events.are_more(connection, stage.now, MANY)


def answer(question: BinaryIO, reply: BinaryIO) -> None:
    """What that process does, until it is killed: it says that it waits for a question, hears the next one, says what
    came of the last, and goes on. So each listens while the other speaks, however much there is to say."""
    stage = pickle.load(question).stage()  # noqa: S301 - from whoever started this process
    panels = triggers.by_event(stage.policy.rules)
    gc.freeze()  # what there is by now is no garbage: to look through it again and again took a tenth of the time
    gc.enable()
    said: Batch | None = None
    while True:
        _say(True, reply)
        asked: new_events.Columns | None = pickle.load(question)  # noqa: S301 - as above
        _say(said, reply)
        said = None
        if asked is not None:
            with stage.store.read() as connection:
                found = read(stage, connection, panels, asked.each())
            said = found.answered()  # with the view closed: one that stays open keeps SQLite's log from being emptied


def _say(what: Batch | bool | None, reply: BinaryIO) -> None:
    pickle.dump(what, reply, pickle.HIGHEST_PROTOCOL)
    reply.flush()
