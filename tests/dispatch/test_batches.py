"""Many at once: batches of one call, attempts begun ahead, and what a stop, a death or a bad answer leaves of them."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from engine.core.actions import State
from engine.core.calendar import Duration
from engine.dispatch.office import Summary
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.dispatch.retry import FIRST_WAIT, MAX_ATTEMPTS
from engine.dispatch.stage import lane, prepare
from engine.dispatch.waiting import Cap
from engine.errors import DeliveryError, StoreError
from engine.store import leases, tables
from tests.dispatch.shop import ACCEPTED, Killed, Shop, Told

HOUR = timedelta(hours=1)
Answers = Sequence[Receipt | DeliveryError]


class Carrier(Told):
    """Takes three messages a call."""

    def __init__(self, idempotency: Idempotency = Idempotency.KEY) -> None:
        super().__init__("email")
        self.capability = Capability(channel="email", idempotency=idempotency, batch=3)
        self.calls: list[tuple[str, list[str]]] = []
        self.plans: list[BaseException | Callable[[Sequence[Message]], Any]] = []

    async def send_many(self, key: str, messages: Sequence[Message]) -> Answers:
        self.calls.append((key, [message.key for message in messages]))
        plan = self.plans.pop(0) if self.plans else None
        if isinstance(plan, BaseException):
            raise plan
        self.got += messages
        answers: Answers = plan(messages) if plan else [ACCEPTED] * len(messages)
        return answers


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(folder=tmp_path)
    yield made
    made.close()


@pytest.fixture
def post(shop: Shop) -> Carrier:
    """The shop's carrier."""
    carrier = Carrier()
    shop.post = carrier
    return carrier


def sizes(post: Carrier) -> list[int]:
    return [len(keys) for _, keys in post.calls]


def test_as_many_as_fit_go_in_one_call_and_each_has_its_receipt(shop: Shop, post: Carrier) -> None:
    ids = [shop.decide() for _ in range(7)]

    assert shop.dispatch().states == {State.ACCEPTED: 7}
    assert sizes(post) == [3, 3, 1]
    assert len({key for key, _ in post.calls}) == 3
    assert {len(shop.attempts(action)) for action in ids} == {1}
    assert len(shop.rows(tables.Touchpoint)) == 7


def test_one_refused_of_a_batch_costs_the_others_nothing(shop: Shop, post: Carrier) -> None:
    post.plans = [lambda _: [ACCEPTED, DeliveryError("550 nobody", permanent=True), DeliveryError("later")]]
    ids = [shop.decide() for _ in range(3)]

    assert shop.dispatch().states == {State.ACCEPTED: 1, State.REJECTED: 1, State.RETRY_AT: 1}
    assert [shop.action(action).reason for action in ids] == ["250 Ok", "550 nobody", "later"]


@pytest.mark.parametrize("plan", [lambda _: [ACCEPTED], lambda _: [ACCEPTED, None, ACCEPTED], RuntimeError("boom")])
def test_an_answer_that_makes_no_sense_is_a_doubt_about_all(shop: Shop, post: Carrier, plan: Any) -> None:
    post.plans = [plan]
    for _ in range(3):
        shop.decide()

    assert shop.dispatch().states == {State.UNKNOWN: 3}


def test_a_batch_in_doubt_goes_again_whole_and_under_its_key(shop: Shop, post: Carrier) -> None:
    post.plans = [Killed()]
    ids = [shop.decide() for _ in range(3)]
    with pytest.raises(Killed):
        shop.dispatch()
    late = shop.decide()

    assert shop.dispatch(later=HOUR).states == {State.ACCEPTED: 4}
    first, *others = post.calls
    assert first in others
    assert sorted(len(keys) for _, keys in others) == [1, 3]
    assert {len(shop.attempts(action)) for action in ids} == {2}
    assert len(shop.attempts(late)) == 1


def test_a_batch_that_cannot_go_again_as_it_was_is_left_to_a_person(shop: Shop, post: Carrier) -> None:
    other = shop.welcome("C-2", given_name="Luca", email="luca@mail.example")
    post.plans = [Killed()]
    ids = [shop.decide(), shop.decide(), shop.decide(customer=other)]
    with pytest.raises(Killed):
        shop.dispatch()
    shop.say("any", "any", given=False, customer=other)

    shop.dispatch(later=HOUR)
    assert [shop.state(action) for action in ids] == [State.UNKNOWN] * 3
    assert "part of a batch" in shop.action(ids[0]).reason
    assert shop.action(ids[2]).reason.endswith("; an earlier attempt may have gone out")
    assert len(post.calls) == 1


def test_a_retry_is_free_to_go_with_others(shop: Shop, post: Carrier) -> None:
    post.plans = [DeliveryError("503", retry_after=60)]
    for _ in range(2):
        shop.decide()
    shop.dispatch()
    shop.decide()

    assert shop.dispatch(later=HOUR).states == {State.ACCEPTED: 3}
    assert sizes(post) == [2, 3]


def test_the_cap_counts_within_a_batch(shop: Shop, post: Carrier) -> None:
    shop.cap = Cap(messages=2, within=Duration(days=7))
    for _ in range(3):
        shop.decide()

    assert shop.dispatch().states == {State.ACCEPTED: 2}
    assert sizes(post) == [2]


class Slowing(Told):
    """Is asked to stop, or needs ages, after so many messages."""

    def __init__(self, shop: Shop, *, after: int, ages: bool) -> None:
        super().__init__("email", Idempotency.KEY, concurrency=50)  # so many are begun at once
        self.shop, self.after, self.ages = shop, after, ages

    async def send(self, message: Message) -> Receipt:
        if self.ages and len(self.got) == self.after:
            self.shop.now += HOUR
        return await super().send(message)


@pytest.mark.parametrize("ages", [False, True])
def test_what_was_begun_and_not_sent_is_handed_back(shop: Shop, ages: bool) -> None:
    post = shop.post = Slowing(shop, after=40, ages=ages)
    ids = [shop.decide() for _ in range(80)]
    prepare(shop.store, shop.office, Summary(), now=shop.now)

    summary = Summary()
    stopping = (lambda: False) if ages else (lambda: len(post.got) >= 40)
    asyncio.run(shop.sending(summary, owner="one", stopping=stopping))

    found = {action: shop.action(action) for action in ids}
    waiting = [one for one in found.values() if one.state is State.RETRY_AT]
    assert {one.reason.partition(":")[0] for one in waiting} <= {"it was begun and not sent"}
    begun = [attempt for one in waiting for attempt in shop.attempts(one.public_id)]
    assert {(attempt["outcome"], attempt["attempt"]) for attempt in begun} <= {("not sent", None)}
    if not ages:
        assert len(post.got) == 40
        assert waiting, "more were begun than sent"
    shop.dispatch(later=HOUR)
    assert {shop.state(action) for action in ids} == {State.ACCEPTED}
    assert len(post.got) == len({message.key for message in post.got}) == 80
    assert {shop.action(action).attempts for action in ids} == {1}, "what never went was no attempt"


def test_however_often_it_is_given_back_it_waits_no_longer_and_is_not_given_up(shop: Shop) -> None:
    shop.post = Told("email", Idempotency.KEY)
    action = shop.decide()

    def begun(number: int) -> Callable[[], bool]:
        return lambda: len(shop.attempts(action)) == number

    for number in range(1, MAX_ATTEMPTS + 1):
        shop.dispatch(stopping=begun(number))
    shop.post.deeds = [DeliveryError("451 come again later")]
    shop.dispatch()

    found = shop.action(action)
    assert (found.state, found.attempts, len(shop.attempts(action))) == (State.RETRY_AT, 1, MAX_ATTEMPTS + 1)
    assert found.due_at - shop.now <= 1.5 * FIRST_WAIT


def test_a_store_that_fails_in_between_costs_no_receipt_of_what_is_under_way(shop: Shop) -> None:
    file = sqlite3.connect(shop.folder / "shop.db", isolation_level=None)

    class Two(Told):
        async def send(self, message: Message) -> Receipt:
            if not self.tried:
                file.execute("ALTER TABLE consent RENAME TO lost")  # asked before the next attempts are begun
                return await super().send(message)
            await asyncio.sleep(0.5)  # meanwhile the store is asked for more
            return await super().send(message)

    post = shop.post = Two("email", concurrency=2)
    ids = [shop.decide() for _ in range(4)]
    with pytest.raises(StoreError):
        shop.dispatch()
    file.execute("ALTER TABLE lost RENAME TO consent")
    file.close()

    assert [shop.state(action) for action in ids] == [State.ACCEPTED, State.ACCEPTED, State.READY, State.READY]
    assert len(post.got) == 2


def test_a_receipt_and_the_next_attempt_are_one_commit(shop: Shop) -> None:
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    for _ in range(20):
        shop.decide()
    prepare(shop.store, shop.office, Summary(), now=shop.now)
    event.listen(Engine, "commit", count)
    try:
        asyncio.run(shop.sending(Summary(), owner="one"))
    finally:
        event.remove(Engine, "commit", count)
    assert len(shop.post.got) == 20
    assert commits < 2 * 20


def test_a_kill_leaves_few_in_doubt_where_only_a_person_can_say(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MOST_DEAR", 5)
    begun = []

    class Quick(Told):
        async def send(self, message: Message) -> Receipt:
            begun.append(sum(row["state"] == State.SUBMITTING for row in shop.rows(tables.Action)))
            if len(self.got) == 30:
                raise Killed
            return await super().send(message)

    post = shop.post = Quick("email", concurrency=2)
    ids = [shop.decide() for _ in range(50)]
    with pytest.raises(Killed):
        shop.dispatch(owner="dead")
    assert max(begun) <= 5

    post.got.clear()
    shop.dispatch(later=HOUR)
    states = Counter(map(shop.state, ids))
    assert states[State.ACCEPTED] + states[State.UNKNOWN] == 50
    assert 1 <= states[State.UNKNOWN] <= 5


@pytest.mark.parametrize(
    ("concurrency", "batch", "lasts", "writing", "begun"),
    [
        (1, 1, math.inf, 0.01, 1),  # the first
        (4, 1, 0.1, 0.01, 4),  # the store is quick, the provider is not: none is begun that cannot be sent at once
        (4, 1, 0.02, 0.01, 8),
        (1, 1, 0.001, 0.01, 1),  # one after the other
        (4, 1, 0.001, 0.01, lane.MOST_DEAR),
        (4, 1, 0.0, 0.01, lane.MOST_DEAR),
        (4, 1, 0.001, 0.0, 4),
        (2, 3, 0.02, 0.01, 12),
        (2, 50, 0.001, 0.01, 100),  # as many as it takes in two calls
    ],
)
def test_so_many_are_begun_where_each_may_be_a_doubt(
    concurrency: int, batch: int, lasts: float, writing: float, begun: int
) -> None:
    can = Capability(channel="email", idempotency=Idempotency.NONE, concurrency=concurrency, batch=batch)
    assert lane.sparing(can, lasts=lasts, writing=writing) == begun


def test_what_shows_that_dead_workers_lived_goes(shop: Shop) -> None:
    shop.post.deeds = [Killed()]
    shop.decide()
    with pytest.raises(Killed):
        shop.dispatch(owner="dead")
    with shop.store.write() as connection:
        leases.take(connection, "worker:gone", "gone", "", shop.now, shop.now + HOUR)

    shop.dispatch(later=2 * HOUR)
    assert [row["name"] for row in shop.rows(tables.Lease) if row["name"].startswith("worker:")] == []


def test_what_could_not_be_written_is_tried_once_more_when_the_last_call_is_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("engine.dispatch.stage.send"), "PATIENCE", (0.01, 0.01))
    file = sqlite3.connect(shop.folder / "shop.db", isolation_level=None)

    class Two(Told):
        async def send(self, message: Message) -> Receipt:
            if not self.tried:
                file.execute("ALTER TABLE touchpoint RENAME TO lost")  # so that no receipt can be written
                return await super().send(message)
            await asyncio.sleep(0.5)  # longer than anybody is patient
            file.execute("ALTER TABLE lost RENAME TO touchpoint")
            return await super().send(message)

    shop.post = Two("email", concurrency=2)
    ids = [shop.decide() for _ in range(3)]
    with pytest.raises(StoreError):
        shop.dispatch()
    file.close()

    assert [shop.state(action) for action in ids] == [State.ACCEPTED, State.ACCEPTED, State.READY]
