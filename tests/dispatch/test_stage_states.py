"""Whatever happens in whatever order: actions move as core/actions allows, and nothing is sent twice or lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from engine.core.actions import MOVES, State
from engine.dispatch.port import Idempotency, Message, Receipt
from engine.errors import DeliveryError
from engine.store import tables
from tests.databases import STORES, PostgreSQL
from tests.dispatch.shop import ACCEPTED, Asked, Deed, Killed, Shop, Told

FORWARD: dict[State, set[State]] = {}
"""Every state that can be reached from one, in any number of moves."""
for _state in State:
    _reached, _front = {_state}, {_state}
    while _front:
        _front = {after for before in _front for after in MOVES[before]} - _reached
        _reached |= _front
    FORWARD[_state] = _reached


def _got(post: Told, then: BaseException) -> Deed:
    """The world gets the message, and something breaks before we hear of it."""

    def deed(message: Message) -> Receipt:
        post.got.append(message)
        raise then

    return deed


NEWS = st.sampled_from(
    [
        "accepted",
        "delivered",
        "not sent",
        "refused",
        "lost reply",
        "lost request",
        "fault",
        "killed before",
        "killed after",
    ]
)


class Life(RuleBasedStateMachine):
    """Mails of a shop through good and bad days; the subclasses say what kind of provider it has."""

    idempotency = Idempotency.NONE
    database: Callable[[], str] = staticmethod(lambda: "")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.shop = Shop(folder=Path(self.folder.name), post=Asked("email", self.idempotency), database=self.database())
        self.seen: dict[str, State] = {}

    def teardown(self) -> None:
        self.shop.close()
        self.folder.cleanup()

    @rule(approve=st.booleans(), hours=st.integers(0, 30))
    def decide(self, approve: bool, hours: int) -> None:
        due = self.shop.now + timedelta(hours=hours)
        self.seen[self.shop.decide(approve=approve, due=due, lasts=timedelta(days=2))] = State.PLANNED

    @rule(news=st.lists(NEWS, max_size=3), minutes=st.integers(0, 900))
    def dispatch(self, news: list[str], minutes: int) -> None:
        post = self.shop.post
        known: dict[str, BaseException | Deed] = {
            "accepted": lambda _: ACCEPTED,
            "delivered": lambda _: Receipt(provider_ref="Q2", delivered=True),
            "not sent": DeliveryError("451 later"),
            "refused": DeliveryError("550 no", permanent=True),
            "lost reply": _got(post, DeliveryError("cut", ambiguous=True)),
            "lost request": DeliveryError("cut", ambiguous=True),
            "fault": RuntimeError("boom"),
            "killed before": Killed(),
            "killed after": _got(post, Killed()),
        }
        post.deeds = [known[one] for one in news]
        try:
            self.shop.dispatch(later=timedelta(minutes=minutes))
        except Killed:
            assert any(one.startswith("killed") for one in news)
        self.remember()

    @precondition(lambda self: State.HELD in self.seen.values())
    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        self.shop.approve(data.draw(st.sampled_from([one for one, state in self.seen.items() if state is State.HELD])))
        self.remember()

    @rule(kind=st.sampled_from(["complaint.opened", "complaint.resolved"]))
    def happen(self, kind: str) -> None:
        self.shop.happen(kind)

    def remember(self) -> None:
        for action, before in self.seen.items():
            after = self.shop.state(action)
            assert after in FORWARD[before], f"{before} became {after}"
            self.seen[action] = after

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        got = Counter(message.key for message in self.shop.post.got)
        if self.idempotency is Idempotency.NONE:
            assert max(got.values(), default=0) <= 1
        for key in got:  # a provider with a key delivers once, if the bytes are the same
            assert len({str(message) for message in self.shop.post.got if message.key == key}) == 1

    @invariant()
    def nothing_is_lost_and_nothing_made_up(self) -> None:
        got = {message.action for message in self.shop.post.got}
        for action, state in self.seen.items():
            attempts = self.shop.attempts(action)
            outcomes = [attempt["outcome"] for attempt in attempts]
            if state in (State.ACCEPTED, State.DELIVERED):
                assert action in got
                assert outcomes[-1] == "accepted" or attempts[-1]["settled"] == "found"
            elif action in got:
                assert state in (State.UNKNOWN, State.SUBMITTING) or "unknown" in outcomes

    @invariant()
    def every_attempt_is_written_down(self) -> None:
        touched = Counter(row["action_id"] for row in self.shop.rows(tables.Touchpoint))
        assert max(touched.values(), default=0) <= 1
        for action, state in self.seen.items():
            found, attempts = self.shop.action(action), self.shop.attempts(action)
            assert [attempt["attempt"] for attempt in attempts] == list(range(1, found.attempts + 1))
            unfinished = [attempt for attempt in attempts if attempt["finished_at"] is None]
            assert len(unfinished) == (state is State.SUBMITTING)
            assert (found.id in touched) == (state in (State.ACCEPTED, State.DELIVERED))


class LifeWithKeys(Life):
    """The provider takes an idempotency key: no doubt is left to a person."""

    idempotency = Idempotency.KEY


class LifeWithAsking(Life):
    """The provider can be asked what it has: no doubt is left to a person, and nothing goes twice."""

    idempotency = Idempotency.SEARCH

    @invariant()
    def nothing_comes_twice(self) -> None:
        assert max(Counter(message.key for message in self.shop.post.got).values(), default=0) <= 1

    def teardown(self) -> None:
        self.shop.dispatch(later=timedelta(hours=1))
        self.shop.dispatch(later=timedelta(hours=1))
        assert State.UNKNOWN not in [self.shop.state(action) for action in self.seen]
        super().teardown()


@pytest.mark.parametrize("life", [Life, LifeWithKeys, LifeWithAsking])
def test_a_life(life: type[Life]) -> None:
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=6, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.skipif("postgresql" not in STORES, reason="no wheel of PostgreSQL here")
def test_a_life_on_postgresql(postgresql_server: PostgreSQL) -> None:
    lent: list[AbstractContextManager[None]] = []

    class Elsewhere(LifeWithKeys):
        @staticmethod
        def database() -> str:
            lent.append(postgresql_server.one_test())
            lent[-1].__enter__()
            return postgresql_server.borrow()

        def teardown(self) -> None:
            super().teardown()
            lent.pop().__exit__(None, None, None)

    once_more = settings(max_examples=4, stateful_step_count=12, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Elsewhere, settings=once_more)
