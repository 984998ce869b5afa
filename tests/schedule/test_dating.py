"""One step's fate: each bound that it may meet, and which of them says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import pytest

from engine.core.actions import TOO_LATE, Plan, State
from engine.core.calendar import Duration, Window
from engine.core.facts import Address
from engine.core.quiet import QuietPolicy
from engine.schedule.budgets import Budgets, Spending
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
    home: Sequence[datetime] = (),
    spent: int | None = None,
) -> Fate:
    """What becomes of a step that is decided now, in a shop that writes once in five days."""
    step = Step(
        plan=Plan(window=window or Window(), valid_for=Duration(days=valid_for)),
        purpose=purpose,
        channel=channel,
        not_before=NOW + after,
        address=Address(country="IT"),
        tz="UTC",
        rule="thanks",
    )
    budgets = Budgets(rules={"thanks": 5})
    policy = Policy(
        messages=1,
        within=Duration(days=5),
        time_zone="UTC",
        lead_days={"note": 3},
        quiet=quiet or QuietPolicy(),
        household=2,
        costs={} if spent is None else {"email": 1, "note": 1, "task": 6},
        budgets=budgets,
    )
    of_march = {("email", "thanks"): spent or 0}
    return fate(
        step,
        policy,
        now=NOW,
        touches=lambda since: [touch for touch in heard if touch >= since],
        household=lambda since: [touch for touch in home if touch >= since],
        spending=Spending(budgets=budgets, time_zone="UTC", read=lambda when: of_march if when[0] < NOW else {}),
    )


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


APRIL = datetime(2026, 4, 1, tzinfo=UTC)


def test_the_household_moves_it_and_says_so() -> None:
    found = told(home=[NOW - DAY, NOW])
    assert (found.due_at, found.deferred, found.causes) == (NOW + 4 * DAY, True, ("household",))
    assert found.reason == "later than planned: the household would hear from us more than 2 times within P5D"
    assert told(home=[NOW - DAY]).due_at == NOW + DAY


def test_of_two_caps_the_one_that_stands_in_the_way_is_named_or_both() -> None:
    assert told(heard=[NOW - DAY], home=[NOW - DAY]).causes == ("customer",)
    assert told(heard=[NOW - DAY], home=[NOW - DAY, NOW]).causes == ("customer", "household")


def test_a_month_that_is_spent_moves_it_to_the_next() -> None:
    found = told(spent=5, valid_for=40)
    assert (found.due_at, found.causes, found.deferred) == (APRIL, ("budget",), True)
    assert told(spent=4, valid_for=40).due_at == NOW + DAY
    assert told(spent=5, valid_for=20).state is State.CANCELLED
    assert told(spent=5, valid_for=20).reason.startswith("the budget of 0.000005 EUR for thanks in 2026-03")


def test_in_the_next_month_the_caps_hold_as_well() -> None:
    found = told(spent=5, valid_for=60, heard=[APRIL - 2 * DAY, NOW - DAY])
    assert found.due_at == APRIL + 3 * DAY
    assert found.causes == ("customer", "budget")


def test_paper_is_paid_in_the_month_in_which_it_is_handed_over() -> None:
    found = told(channel="note", spent=5, after=32 * DAY, valid_for=40)
    assert (found.due_at, found.causes) == (APRIL, ("budget",))


def test_what_costs_more_than_any_month_may_never_goes() -> None:
    found = told(channel="task", spent=0)
    assert (found.state, found.due_at, found.causes) == (State.CANCELLED, None, ("budget",))


def test_what_is_owed_waits_for_no_budget() -> None:
    assert told(spent=5, purpose="transactional").due_at == NOW + DAY


def test_what_costs_something_is_due_when_it_goes_and_not_before() -> None:
    assert told(channel="task", after=-DAY).due_at == NOW - DAY
    assert told(purpose="transactional", after=-DAY, spent=0).due_at == NOW
