"""What is asked again before anything goes out: the answers, and which of several comes first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from engine.core.actions import Ending, Plan, State
from engine.core.calendar import Duration, Window
from engine.core.facts import Event
from engine.core.permission import Consent, Standing, Suppression
from engine.core.quiet import Quiet
from engine.dispatch.recheck import Refusal, Situation, counts_for_caps, refusal
from engine.dispatch.waiting import Cap

NOON = datetime(2026, 3, 10, 11, tzinfo=UTC)  # twelve in Rome
DAY = timedelta(days=1)
YES = Consent(purpose="any", channel="any", given=True, at=NOON - 100 * DAY, source="form")
CAP = Cap(messages=2, within=Duration(days=7), household=3)


@dataclass(frozen=True, kw_only=True)
class Mail:
    """Of an action what is asked."""

    channel: str = "email"
    purpose: str = "relationship"
    plan: Plan = Plan(unless="review.received")  # noqa: RUF009 - frozen
    valid_until: datetime | None = NOON + DAY
    ending: Ending = Ending(stop_on=("quote.accepted",), anchor_at=NOON - DAY, reference="Q-1")  # noqa: RUF009 - frozen


GOOD = Situation(
    standing=Standing(consents=(YES,)),
    happened=(),
    heard=(),
    home=(),
    quiet=Quiet(start=time(0), end=time(0)),
    tz="Europe/Rome",
)


def event(kind: str, *, days: float = 0, reference: str = "") -> Event:
    payload = {"reference": reference} if reference else {}
    return Event(customer="", kind=kind, ext_key="E", occurred_at=NOON + timedelta(days=days), payload=payload)


def asked(situation: Situation = GOOD, **changes: Any) -> Refusal | None:
    return refusal(Mail(**changes), situation, CAP, NOON)


def test_what_nothing_stands_against_goes() -> None:
    assert asked() is None
    assert asked(valid_until=None) is None
    assert asked(valid_until=NOON) is None


def test_what_is_too_late_expires_whatever_else_there_is() -> None:
    found = asked(replace(GOOD, happened=(event("quote.accepted"),)), valid_until=NOON - timedelta(seconds=1))
    assert found is not None
    assert (found.state, found.stops) == (State.EXPIRED, False)


@pytest.mark.parametrize(
    ("happened", "stops"),
    [
        (event("quote.accepted"), True),
        (event("quote.accepted", reference="Q-1"), True),
        (event("quote.accepted", reference="Q-2"), None),  # another quote
        (event("quote.accepted", days=-2), None),  # before it began
        (event("quote.declined"), None),
        (event("review.received"), False),
        (event("review.received", reference="Q-2"), None),
    ],
)
def test_what_happened_ends_the_journey_or_the_step(happened: Event, stops: bool | None) -> None:
    found = asked(replace(GOOD, happened=(happened,)))
    if stops is None:
        assert found is None
    else:
        word = "on" if stops else "came on"
        assert found == Refusal(state=State.CANCELLED, why=f"{happened.kind} {word} 2026-03-10", stops=stops)


def test_a_stop_goes_before_what_only_ends_the_step() -> None:
    found = asked(replace(GOOD, happened=(event("review.received"), event("quote.accepted"))))
    assert found is not None
    assert found.stops


def test_no_permission_suppresses() -> None:
    never = replace(GOOD, standing=Standing(consents=(YES,), suppressions=(Suppression(channel="any", reason="no"),)))
    found = asked(never)
    assert found is not None
    assert (found.state, found.why) == (State.SUPPRESSED, "the address is suppressed (no)")


def test_caps_windows_and_quiet_let_it_wait() -> None:
    heard = [NOON - 8 * DAY, NOON - 6 * DAY, NOON - DAY]
    assert asked(replace(GOOD, heard=heard)) == Refusal(until=NOON + DAY)
    assert asked(replace(GOOD, heard=heard), purpose="transactional") is None
    assert asked(replace(GOOD, heard=heard[1:2], home=sorted(heard * 2))) == Refusal(until=NOON + DAY)
    afternoon = Window(start=time(15), end=time(18))
    assert asked(plan=Plan(window=afternoon)) == Refusal(until=NOON + timedelta(hours=3))
    siesta = replace(GOOD, quiet=Quiet(start=time(12), end=time(14)))
    assert asked(siesta) == Refusal(until=NOON + timedelta(hours=2))


@pytest.mark.parametrize(
    ("channel", "purpose", "counts"),
    [
        ("email", "marketing", True),
        ("note", "relationship", True),
        ("email", "transactional", False),
        ("reward", "marketing", False),
        ("task", "marketing", False),
    ],
)
def test_caps_count_what_customers_hear(channel: str, purpose: str, counts: bool) -> None:
    assert counts_for_caps(channel, purpose) is counts
