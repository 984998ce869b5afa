"""How many are begun: what a failing provider and a rate allow, for all workers together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.actions import State
from engine.core.rate import Rate
from engine.dispatch.breaker import FAILURES, FIRST_OPEN
from engine.dispatch.port import Capability, Idempotency
from engine.errors import DeliveryError
from engine.store import breakers
from tests.dispatch.shop import Shop

DOWN = DeliveryError("cannot be reached")
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
MANY = 12


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(folder=tmp_path)
    yield made
    made.close()


def able(shop: Shop, **can: Any) -> None:
    """The shop's carrier declares this."""
    shop.post.capability = Capability(**{"channel": "email", "idempotency": Idempotency.NONE, **can})


def states(shop: Shop, ids: list[str]) -> Counter[State]:
    return Counter(shop.state(action) for action in ids)


class TestBreaker:
    def test_a_provider_that_fails_is_left_alone_and_what_waits_keeps_its_attempts(self, shop: Shop) -> None:
        shop.post.deeds = [DOWN] * 100
        ids = [shop.decide() for _ in range(MANY)]

        shop.dispatch()
        assert states(shop, ids) == {State.RETRY_AT: FAILURES, State.READY: MANY - FAILURES}
        shop.dispatch(later=FIRST_OPEN - SECOND)
        assert len(shop.post.tried) == FAILURES

    def test_one_is_sent_to_see_whether_it_is_back_and_then_all(self, shop: Shop) -> None:
        shop.post.deeds = [DOWN] * (FAILURES + 1)
        ids = [shop.decide() for _ in range(MANY)]
        shop.dispatch()

        shop.dispatch(later=FIRST_OPEN)
        assert len(shop.post.tried) == FAILURES + 1
        shop.dispatch(later=FIRST_OPEN + SECOND)
        assert len(shop.post.tried) == FAILURES + 1, "after a failed probe it waits twice as long"
        shop.dispatch(later=FIRST_OPEN)
        assert State.READY not in states(shop, ids)
        shop.dispatch(later=HOUR)
        assert states(shop, ids) == {State.ACCEPTED: MANY}

    def test_a_new_process_knows_of_it(self, shop: Shop) -> None:
        shop.post.deeds = [DOWN] * 100
        for _ in range(MANY):
            shop.decide()
        shop.dispatch(owner="one")
        shop.dispatch(owner="another")
        assert len(shop.post.tried) == FAILURES
        with shop.store.read() as connection:
            assert breakers.load(connection)["post"].reason == "cannot be reached"

    def test_messages_that_are_refused_for_good_are_no_fault_of_the_provider(self, shop: Shop) -> None:
        shop.post.deeds = [DeliveryError("550 nobody", permanent=True)] * (MANY - 1)
        ids = [shop.decide() for _ in range(MANY)]

        shop.dispatch()
        assert states(shop, ids) == {State.REJECTED: MANY - 1, State.ACCEPTED: 1}

    def test_one_adapter_that_fails_holds_up_no_other(self, shop: Shop) -> None:
        shop.post.deeds = [DOWN] * 100
        for _ in range(MANY):
            shop.decide()
        tasks = [shop.decide("task") for _ in range(3)]

        shop.dispatch()
        assert states(shop, tasks) == {State.ACCEPTED: 3}


class TestRate:
    def test_no_more_are_sent_than_the_rate_allows_whoever_asks(self, shop: Shop) -> None:
        able(shop, rate=Rate(number=5, seconds=60))
        ids = [shop.decide() for _ in range(8)]

        for owner in ("one", "another"):
            shop.dispatch(owner=owner)
        assert len(shop.post.got) == 1
        for _ in range(4):
            shop.dispatch(later=12 * SECOND)
        assert len(shop.post.got) == 5
        assert states(shop, ids) == {State.ACCEPTED: 5, State.READY: 3}
        assert {len(shop.attempts(action)) for action in ids} == {0, 1}, "who waits for the rate loses no attempt"

    @pytest.mark.parametrize("batch", [1, 7])
    def test_a_clock_that_stands_still_does_not_hold_it_up_for_ever(self, shop: Shop, batch: int) -> None:
        able(shop, rate=Rate(number=100, seconds=1), concurrency=4 if batch == 1 else 1)
        for _ in range(30):
            shop.decide()

        shop.dispatch()
        assert len(shop.post.got) == 10
        shop.dispatch(later=SECOND)
        assert len(shop.post.got) == 20

    def test_tokens_that_were_not_used_are_there_for_the_next(self, shop: Shop) -> None:
        able(shop, rate=Rate(number=100, seconds=3600))
        shop.decide(due=shop.now + SECOND)
        for _ in range(3):
            shop.dispatch()
        for _ in range(20):
            shop.decide()

        shop.dispatch(later=SECOND)
        assert len(shop.post.got) == 10
