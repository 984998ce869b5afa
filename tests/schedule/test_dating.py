"""One step's fate: each bound that it may meet, and which of them says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import pytest

from engine.core.actions import TOO_LATE, Plan, State
from engine.core.calendar import Duration, Window
from engine.core.facts import Address
from engine.core.quiet import QuietPolicy
from engine.schedule.dating import NEVER, Fate, Policy, Step, fate

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def told(
    *,
    channel: str = "email",
    purpose: str = "relationship",
    after: timedelta = DAY,
    heard: Sequence[datetime] = (),
    quiet: QuietPolicy | None = None,
    window: Window | None = None,
    valid_for: int = 7,
) -> Fate:
    """What becomes of a step that is decided now, in a shop that writes once in five days."""
    step = Step(
        plan=Plan(window=window or Window(), valid_for=Duration(days=valid_for)),
        purpose=purpose,
        channel=channel,
        not_before=NOW + after,
        address=Address(country="IT"),
        tz="UTC",
    )
    policy = Policy(
        messages=1,
        within=Duration(days=5),
        time_zone="UTC",
        lead_days={"note": 3},
        quiet=quiet or QuietPolicy(),
    )
    return fate(step, policy, now=NOW, touches=lambda since: [touch for touch in heard if touch >= since])


def test_with_nothing_in_its_way_it_goes_out_when_it_may() -> None:
    assert told() == Fate(state=State.PLANNED, due_at=NOW + DAY, valid_until=NOW + 8 * DAY)


def test_paper_is_handed_over_early_and_arrives_on_the_day() -> None:
    assert told(channel="note", after=10 * DAY).due_at == NOW + 7 * DAY
    assert told(channel="note").due_at == NOW


def test_the_cap_moves_it_and_says_so() -> None:
    found = told(heard=[NOW - DAY])
    assert (found.due_at, found.deferred) == (NOW + 4 * DAY, True)


@pytest.mark.parametrize("kind", [{"purpose": "transactional"}, {"channel": "task"}])
def test_what_the_cap_does_not_count_is_not_moved(kind: dict[str, str]) -> None:
    found = told(heard=[NOW], **kind)  # type: ignore[arg-type]  # one text of the two
    assert (found.due_at, found.deferred) == (NOW + DAY, False)


def test_what_the_cap_moves_out_of_its_time_is_dropped() -> None:
    found = told(heard=[NOW], valid_for=2)
    assert (found.state, found.deferred, found.due_at) == (State.CANCELLED, True, None)
    assert found.reason == "the customer would hear from us more than 1 times within P5D"


def test_what_is_past_its_time_without_any_cap_has_expired() -> None:
    found = told(after=-9 * DAY, heard=[NOW])
    assert (found.state, found.reason, found.deferred) == (State.EXPIRED, TOO_LATE, False)


def test_a_window_in_the_quiet_hours_never_opens() -> None:
    night = Window(start=time(22), end=time(23))
    found = told(window=night, quiet=QuietPolicy(start=time(21), end=time(8)))
    assert (found.state, found.reason) == (State.CANCELLED, NEVER)
    assert told(window=night, quiet=QuietPolicy(start=time(21), end=time(8)), channel="task").due_at == (
        NOW + DAY + 13 * HOUR
    )
