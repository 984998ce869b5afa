"""What comes of a doubt, by what the adapter can do and what the step says: a table, and laws."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import MOVES, State
from engine.dispatch.doubt import (
    ASKED_FOR,
    FIRST_ASK,
    LOOK_AGAIN,
    MARGIN,
    Doubt,
    Next,
    Way,
    after_absence,
    ask_again,
    settle,
)
from engine.dispatch.port import Adapter, Capability, Idempotency, Message, Receipt
from engine.dispatch.retry import LONGEST_WAIT, MAX_ATTEMPTS
from engine.errors import DeliveryError

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AWAY = DeliveryError("cannot be reached")


class Mute:
    """An adapter that can only send."""

    def __init__(self, kind: Idempotency, **can: Any) -> None:
        self.capability = Capability(channel="email", idempotency=kind, **can)

    def check(self, message: Message) -> None:
        """Refuse nothing."""

    async def send(self, message: Message) -> Receipt:
        """Send it."""
        return Receipt(provider_ref=message.action)

    async def close(self) -> None:
        """Nothing to let go of."""


class Asked(Mute):
    """An adapter that can be asked."""

    async def find(self, _message: Message) -> Receipt | None:
        """It has nothing."""
        return None


def doubt(**change: Any) -> Doubt:
    return replace(Doubt(action="a1", attempts=1, since=NOW - MINUTE, ended=NOW), **change)


def way(adapter: Adapter, now: datetime = NOW, **change: Any) -> Way:
    return settle(doubt(**change), adapter, now=now).way


KEY, SEARCH, NONE = Idempotency.KEY, Idempotency.SEARCH, Idempotency.NONE
RESEND = {"if_unknown": "resend"}
LATE = {"valid_until": NOW - MINUTE}
TRIED = {"attempts": MAX_ATTEMPTS}


@pytest.mark.parametrize(
    ("adapter", "change", "expected"),
    [
        (Mute(KEY), {}, Way.REPLAY),
        (Asked(KEY), {}, Way.REPLAY),
        (Mute(KEY), RESEND, Way.REPLAY),
        (Mute(KEY), {"since": NOW - 300 * DAY}, Way.REPLAY),
        (Mute(KEY, window=DAY), {"since": NOW - DAY + MARGIN + MINUTE}, Way.REPLAY),
        (Mute(KEY, window=DAY), {"since": NOW - DAY + MARGIN}, Way.PERSON),
        (Asked(KEY, window=DAY), {"since": NOW - DAY + MARGIN}, Way.ASK),
        (Mute(KEY, window=DAY), {"since": NOW - DAY, **RESEND}, Way.RESEND),
        (Mute(KEY, batch=50), {"keyed": False}, Way.PERSON),
        (Asked(KEY, batch=50), {"keyed": False}, Way.ASK),
        (Mute(KEY), LATE, Way.PERSON),
        (Mute(KEY), TRIED, Way.PERSON),
        (Asked(SEARCH), {}, Way.ASK),
        (Asked(SEARCH), RESEND, Way.ASK),
        (Asked(SEARCH), LATE, Way.ASK),
        (Asked(SEARCH), TRIED, Way.ASK),
        (Mute(NONE), {}, Way.PERSON),
        (Asked(NONE), {}, Way.PERSON),
        (Mute(NONE), RESEND, Way.RESEND),
        (Mute(NONE), {**RESEND, "resent": 1}, Way.PERSON),
        (Mute(NONE), {**RESEND, **LATE}, Way.PERSON),
        (Mute(NONE), {**RESEND, **TRIED}, Way.PERSON),
    ],
)
def test_table(adapter: Adapter, change: dict[str, Any], expected: Way) -> None:
    assert way(adapter, **change) is expected


def test_a_short_window_keeps_a_margin_of_its_own() -> None:
    short = Mute(KEY, window=timedelta(minutes=25))
    assert way(short, since=NOW - 19 * MINUTE) is Way.REPLAY
    assert way(short, since=NOW - 20 * MINUTE) is Way.PERSON


def test_the_first_replay_is_at_once_and_the_next_are_later_and_later() -> None:
    waits = [settle(doubt(attempts=tried), Mute(KEY), now=NOW).at - NOW for tried in range(1, MAX_ATTEMPTS)]
    assert waits[0] == timedelta()
    assert MINUTE <= waits[1] < 2 * MINUTE
    assert waits[1:10] == sorted(waits[1:10])
    assert max(waits) <= 1.5 * LONGEST_WAIT


def test_the_provider_is_asked_when_it_can_surely_tell() -> None:
    adapter = Asked(SEARCH, lag=HOUR)
    assert settle(doubt(), adapter, now=NOW).at == NOW + HOUR
    assert settle(doubt(), adapter, now=NOW + 5 * HOUR).at == NOW + 5 * HOUR


def test_a_provider_that_cannot_be_asked_is_asked_less_and_less_often_and_then_a_person_is() -> None:
    can, now, asks = Capability(channel="email", idempotency=SEARCH, lag=HOUR), NOW + HOUR, 0
    found = Next(way=Way.ASK, at=now, why="")
    waits = []
    while found.way is Way.ASK:
        asks, now = asks + 1, found.at
        found = ask_again(doubt(), can, AWAY, now=now)
        waits.append(found.at - now)
    assert now - NOW <= HOUR + 2 * ASKED_FOR
    assert asks < 20
    assert waits[0] == FIRST_ASK
    assert waits[:-1] == sorted(waits[:-1])
    assert found.why == "the provider cannot be asked whether it has it: cannot be reached"


def test_it_is_not_asked_before_it_wants_to_be() -> None:
    can = Capability(channel="email", idempotency=SEARCH, lag=timedelta())
    busy = DeliveryError("429", retry_after=7200.0)
    assert ask_again(doubt(), can, busy, now=NOW).at == NOW + 2 * HOUR
    for_ever = DeliveryError("429", retry_after=1e300)
    assert ask_again(doubt(), can, for_ever, now=NOW).at == NOW + LOOK_AGAIN


def test_who_refuses_to_be_asked_for_good_is_asked_no_more() -> None:
    can = Capability(channel="email", idempotency=SEARCH)
    refused = DeliveryError("403", permanent=True)
    assert ask_again(doubt(), can, refused, now=NOW).way is Way.PERSON


@pytest.mark.parametrize(("attempts", "state"), [(1, State.READY), (MAX_ATTEMPTS, State.REJECTED)])
def test_what_surely_was_not_sent_is_tried_again_unless_that_was_often_enough(attempts: int, state: State) -> None:
    assert after_absence(doubt(attempts=attempts)) is state
    assert state in MOVES[State.UNKNOWN]


windows = st.none() | st.timedeltas(timedelta(0), timedelta(days=30))
doubts = st.builds(
    Doubt,
    action=st.just("a1"),
    attempts=st.integers(1, 25),
    since=st.timedeltas(timedelta(0), timedelta(days=40)).map(lambda ago: NOW - ago),
    ended=st.just(NOW),
    resent=st.integers(0, 2),
    if_unknown=st.sampled_from(["ask", "resend"]),
    valid_until=st.none() | st.timedeltas(timedelta(days=-2), timedelta(days=2)).map(lambda more: NOW + more),
)


@given(doubts, st.sampled_from(Idempotency), windows, st.booleans(), st.timedeltas(timedelta(0), timedelta(days=40)))
def test_nothing_goes_twice_and_nothing_is_left_lying(
    found: Doubt, kind: Idempotency, window: timedelta | None, asks: bool, later: timedelta
) -> None:
    adapter = (Asked if asks or kind is SEARCH else Mute)(kind, window=window)
    now = NOW + later
    what = settle(found, adapter, now=now)
    assert what.why
    assert what.at <= now + max(1.5 * LONGEST_WAIT, LOOK_AGAIN, adapter.capability.lag)
    if what.way is Way.REPLAY:
        assert kind is KEY
        assert window is None or now < found.since + window
    if what.way is Way.RESEND:
        assert (found.if_unknown, found.resent) == ("resend", 0)
    if what.way in (Way.REPLAY, Way.RESEND):
        assert found.attempts < MAX_ATTEMPTS
        assert found.valid_until is None or now <= found.valid_until
    if what.way is Way.ASK:
        assert kind is not NONE
