"""What becomes of doubts, from the first attempt to the end: with a provider that does as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.fake import Fake
from engine.adapters.wire.fate import read
from engine.core.actions import State
from engine.dispatch.port import Capability, Idempotency
from engine.dispatch.retry import MAX_ATTEMPTS
from engine.store import actions, decisions, tables
from tests.dispatch.shop import SERVING, Shop

KEY, SEARCH, NONE = Idempotency.KEY, Idempotency.SEARCH, Idempotency.NONE
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Opened = Callable[..., Shop]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """A shop whose mails go through a fake provider."""
    shops: list[Shop] = []

    def made(kind: Idempotency, *, can: dict[str, Any] | None = None, **told: Any) -> Shop:
        capability = Capability(channel="email", idempotency=kind, **(can or {}))
        fake = Fake(tmp_path / "fake", capability, script=read(told))
        shops.append(Shop(folder=tmp_path, more={"fake": fake}, serving={**SERVING, "email": "fake"}))
        return shops[-1]

    yield made
    for shop in shops:
        shop.close()


def came(shop: Shop) -> int:
    """How many mails the provider has."""
    path = shop.folder / "fake" / "deliveries.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def calls(shop: Shop, verb: str) -> int:
    """How often it was called."""
    lines = (shop.folder / "fake" / "calls.jsonl").read_text().splitlines()
    return sum(json.loads(line)["call"].startswith(f"{verb} ") for line in lines)


def test_what_was_taken_is_found_when_the_provider_can_surely_tell(opened: Opened) -> None:
    shop = opened(SEARCH, send=["lost_after"])
    action = shop.decide()
    assert shop.dispatch().states == {State.UNKNOWN: 1}
    shop.dispatch(later=14 * MINUTE)
    assert (shop.state(action), calls(shop, "find")) == (State.UNKNOWN, 0)

    assert shop.dispatch(later=2 * MINUTE).states == {State.DELIVERED: 1}
    found = shop.action(action)
    assert (found.reason, found.provider_ref) == ("the provider has it", f"fake-{action}")
    assert [attempt["settled"] for attempt in shop.attempts(action)] == ["found"]
    assert len(shop.rows(tables.Touchpoint)) == 1
    shop.dispatch(later=DAY)
    assert (came(shop), calls(shop, "send"), calls(shop, "find")) == (1, 1, 1)


def test_what_was_not_taken_is_sent_again(opened: Opened) -> None:
    shop = opened(SEARCH, send=["lost_before", "broken_before", "ok"])
    action = shop.decide()
    for _ in range(5):
        shop.dispatch(later=HOUR)

    assert shop.state(action) is State.DELIVERED
    assert [(one["outcome"], one["settled"]) for one in shop.attempts(action)] == [
        ("unknown", "absent"),
        ("unknown", "absent"),
        ("accepted", ""),
    ]
    assert (came(shop), calls(shop, "find")) == (1, 2)


def test_what_never_arrives_is_given_up_in_the_end(opened: Opened) -> None:
    shop = opened(SEARCH, send=["lost_before"])
    action = shop.decide(lasts=90 * DAY)
    for _ in range(2 * MAX_ATTEMPTS + 2):
        shop.dispatch(later=HOUR)

    assert shop.state(action) is State.REJECTED
    assert shop.action(action).reason == "the provider does not have it, and it was tried often enough"
    assert (came(shop), calls(shop, "send")) == (0, MAX_ATTEMPTS)


def test_a_provider_that_cannot_be_asked_is_asked_less_and_less_often_until_a_person_is(opened: Opened) -> None:
    shop = opened(SEARCH, send=["lost_after"], find=["away"])
    action = shop.decide()
    for _ in range(24):
        shop.dispatch(later=9 * HOUR)

    assert shop.state(action) is State.UNKNOWN
    assert shop.action(action).reason.startswith("the provider cannot be asked whether it has it")
    assert calls(shop, "find") < 20
    assert shop.resolve(action, sent=True)
    assert came(shop) == 1


@pytest.mark.parametrize(("fate", "ends"), [("lost_after", State.DELIVERED), ("lost_before", State.EXPIRED)])
def test_past_its_time_it_is_still_asked_for_and_not_sent(opened: Opened, fate: str, ends: State) -> None:
    shop = opened(SEARCH, send=[fate])
    action = shop.decide(lasts=MINUTE)
    shop.dispatch()
    for _ in range(3):
        shop.dispatch(later=HOUR)

    assert shop.state(action) is ends
    assert calls(shop, "send") == 1


@pytest.mark.parametrize("fate", ["lost_after", "lost_before", "broken_after"])
def test_without_a_key_and_without_an_answer_only_a_person_can_say(opened: Opened, fate: str) -> None:
    shop = opened(NONE, send=[fate])
    action = shop.decide()
    for _ in range(20):
        shop.dispatch(later=7 * HOUR)

    assert shop.state(action) is State.UNKNOWN
    assert calls(shop, "send") == 1


@pytest.mark.parametrize(
    ("send", "ends", "arrived"),
    [
        (["lost_before", "ok"], State.DELIVERED, 1),
        (["lost_after", "ok"], State.DELIVERED, 2),
        (["lost_after", "lost_after", "ok"], State.UNKNOWN, 2),
        (["lost_before", "lost_before", "ok"], State.UNKNOWN, 0),
    ],
)
def test_what_its_step_allows_is_sent_once_more_and_no_more(
    opened: Opened, send: list[str], ends: State, arrived: int
) -> None:
    shop = opened(NONE, send=send)
    action = shop.decide(if_unknown="resend")
    for _ in range(20):
        shop.dispatch(later=7 * HOUR)

    assert shop.state(action) is ends
    assert (came(shop), calls(shop, "send")) == (arrived, 2)


@pytest.mark.parametrize(("hours", "ends", "sent"), [(1, State.DELIVERED, 2), (30, State.DELIVERED, 1)])
def test_a_key_is_used_again_as_long_as_the_provider_remembers_it_and_then_it_is_asked(
    opened: Opened, hours: int, ends: State, sent: int
) -> None:
    shop = opened(KEY, can={"window": DAY}, send=["lost_after", "ok"])
    action = shop.decide()
    shop.dispatch()
    for _ in range(2):
        shop.dispatch(later=hours * HOUR)

    assert shop.state(action) is ends
    assert (came(shop), calls(shop, "send")) == (1, sent)


def test_past_the_memory_of_keys_the_provider_is_asked_if_it_can_be(opened: Opened) -> None:
    shop = opened(KEY, can={"window": HOUR}, send=["lost_before", "again"])
    action = shop.decide()
    shop.dispatch()
    shop.dispatch(later=2 * HOUR)
    assert (shop.state(action), calls(shop, "find")) == (State.READY, 1)
    shop.dispatch(later=MINUTE)
    assert (shop.state(action), came(shop)) == (State.DELIVERED, 1)


@pytest.mark.parametrize("change", ["no", "stop", "late"])
def test_a_doubt_does_not_vanish_because_it_may_not_be_sent_again(opened: Opened, change: str) -> None:
    shop = opened(KEY, send=["lost_after", "later"])
    action = shop.decide(lasts=DAY)
    shop.dispatch()
    shop.dispatch(later=HOUR)
    assert (shop.state(action), calls(shop, "send")) == (State.UNKNOWN, 2)
    if change == "no":
        shop.say("any", "any", given=False)
    elif change == "stop":
        shop.happen("complaint.opened")
    for _ in range(30):
        shop.dispatch(later=2 * HOUR if change == "late" else 10 * MINUTE)

    assert shop.state(action) is State.UNKNOWN
    assert came(shop) == 1


def test_a_doubt_that_waits_to_be_sent_again_is_not_called_cancelled(opened: Opened) -> None:
    """What stops its journey comes when it is to be sent again and has not gone yet: the provider is ill, say."""
    shop = opened(KEY, send=["lost_after"])
    action = shop.decide()
    shop.dispatch()
    shop.dispatch(later=HOUR, stopping=lambda: True)
    assert (shop.state(action), came(shop)) == (State.READY, 1)
    shop.happen("complaint.opened")
    with shop.store.write() as connection:
        assert decisions.stop_journey(connection, shop.action(action).journey_id, "complaint.opened", shop.now) == 0

    shop.dispatch()
    found = shop.action(action)
    assert (found.state, calls(shop, "send")) == (State.UNKNOWN, 1)
    assert found.reason.endswith("; an earlier attempt may have gone out")


def test_a_doubt_that_waits_to_be_sent_again_does_not_expire_whoever_looks(opened: Opened) -> None:
    shop = opened(KEY, send=["lost_after"])
    action = shop.decide(lasts=DAY)
    shop.dispatch()
    shop.dispatch(later=HOUR, stopping=lambda: True)
    assert (shop.state(action), came(shop)) == (State.READY, 1)
    with shop.store.write() as connection:
        assert actions.expire(connection, shop.now + 2 * DAY) == 0  # as schedule does, which comes before dispatch

    shop.dispatch(later=2 * DAY)
    assert (shop.state(action), calls(shop, "send")) == (State.UNKNOWN, 1)


def test_a_person_who_says_no_settles_it_for_good(opened: Opened) -> None:
    shop = opened(NONE, send=["lost_before", "refuse"])
    action = shop.decide()
    shop.dispatch()
    assert shop.resolve(action, sent=False)

    shop.dispatch()
    assert shop.state(action) is State.REJECTED, "of the attempt before nobody doubts anything any more"
