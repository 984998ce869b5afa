"""What becomes of actions whose time lay between a copy of the store and its restore."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import State
from engine.core.gaps import BEGINNING, Gap
from engine.core.keys import dedupe_key
from engine.dispatch.port import Adapter, Capability, Idempotency, Message, Receipt
from engine.dispatch.restored import REPEATS, About, sentence, stands_still, state_of
from tests.dispatch.shop import Told

COPIED = datetime(2026, 11, 1, 3, tzinfo=UTC)
BACK = datetime(2026, 11, 3, 9, tzinfo=UTC)
GAP = Gap(since=COPIED, until=BACK)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Asked(Told):
    """An adapter whose provider can be asked."""

    async def find(self, message: Message) -> Receipt | None:
        raise AssertionError(message)


def able(idempotency: Idempotency, *, window: timedelta | None = None, lead_days: int = 0) -> Adapter:
    made = (Asked if idempotency is Idempotency.SEARCH else Told)("email")
    made.capability = Capability(channel="email", idempotency=idempotency, window=window, lead_days=lead_days)
    return made


NONE, KEY, SEARCH = able(Idempotency.NONE), able(Idempotency.KEY), able(Idempotency.SEARCH)


def about(due: datetime, *, known: bool = True, occurrence: str = "shop/E:1", **more: Any) -> About:
    """An action that was due then. known: the copy had its date."""
    made = COPIED - DAY if known else BACK + HOUR
    key = dedupe_key("thanks", "C:1", occurrence, "mail")
    said = About(dedupe_key=key, created_at=made, scheduled_at=made, not_before=due, due_at=due)
    return replace(said, **more)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("adapter", "expected"), [(NONE, State.HELD), (KEY, State.READY), (SEARCH, State.UNKNOWN), (None, State.HELD)]
)
def test_what_fell_due_in_the_gap_is_as_its_adapter_allows(
    adapter: Adapter | None, expected: State, *, known: bool
) -> None:
    for due in (COPIED + HOUR, BACK):
        assert state_of(about(due, known=known), [GAP], adapter, BACK + DAY) is expected
    assert state_of(about(COPIED - DAY), [GAP], adapter, BACK + DAY) is expected  # it had waited for its turn


@pytest.mark.parametrize("adapter", [NONE, KEY, SEARCH, None])
def test_what_falls_due_later_and_a_store_without_a_gap_are_as_always(adapter: Adapter | None) -> None:
    assert state_of(about(BACK + HOUR), [GAP], adapter, BACK + DAY) is State.READY
    assert state_of(about(COPIED), [], adapter, BACK) is State.READY


def test_a_date_that_the_copy_knew_counts_and_one_that_came_later_does_not() -> None:
    later = about(BACK + HOUR, not_before=COPIED + HOUR)
    assert state_of(later, [GAP], NONE, BACK + DAY) is State.READY
    for scheduled in (COPIED + HOUR, BACK + HOUR):
        assert state_of(replace(later, scheduled_at=scheduled), [GAP], NONE, BACK + DAY) is State.HELD


def test_paper_goes_out_before_it_is_to_be_there() -> None:
    card = about(BACK + HOUR, known=False, not_before=BACK + 2 * DAY)
    for days, expected in ((1, State.READY), (2, State.HELD), (3, State.HELD)):
        assert state_of(card, [GAP], able(Idempotency.NONE, lead_days=days), BACK + DAY) is expected


def test_a_key_is_good_as_long_as_the_provider_surely_knows_it() -> None:
    due = about(COPIED + DAY)
    forgetful = able(Idempotency.KEY, window=3 * DAY)
    for now, expected in (
        (COPIED + 4 * DAY - HOUR, State.READY),
        (COPIED + 4 * DAY - timedelta(minutes=10), State.HELD),  # an attempt may take a while
        (COPIED + 9 * DAY, State.HELD),
    ):
        assert state_of(due, [GAP], forgetful, now) is expected
    assert state_of(about(COPIED - 9 * DAY), [GAP], forgetful, COPIED + 2 * DAY) is State.READY  # sent in the gap


def test_a_forgotten_key_is_asked_for_where_one_can_ask() -> None:
    both = Asked("email")
    both.capability = Capability(channel="email", idempotency=Idempotency.KEY, window=HOUR)
    assert state_of(about(COPIED + HOUR), [GAP], both, BACK) is State.UNKNOWN


@pytest.mark.parametrize("what", ["sweep", "score"])
def test_what_a_sweep_or_a_score_finds_soon_after_had_another_name_in_the_gap(what: str) -> None:
    for day, expected in (("2026-11-03", State.HELD), ("2026-11-05", State.HELD), ("2026-11-06", State.READY)):
        found = about(BACK + DAY, known=False, occurrence=f"{what}/{day}")
        assert state_of(found, [GAP], KEY, BACK + 4 * DAY) is expected, day
    before = about(BACK + DAY, occurrence=f"{what}/2026-10-31")
    assert state_of(before, [GAP], KEY, BACK + DAY) is State.READY  # the copy has it under its own name
    assert timedelta(days=2) == REPEATS


def test_an_event_may_be_called_whatever_it_likes() -> None:
    for key in ("sweep/now", "a:score/soon", "score/", "shop/2026-11-03"):
        assert state_of(about(BACK + DAY, known=False, occurrence=key), [GAP], NONE, BACK + DAY) is State.READY


@given(
    st.lists(st.integers(0, 500), min_size=2, max_size=8, unique=True),
    st.integers(-50, 600),
    st.sampled_from([NONE, KEY, SEARCH]),
    st.integers(0, 500),
)
def test_more_gaps_never_let_more_out(hours: list[int], due: int, adapter: Adapter, now: int) -> None:
    ends = [COPIED + one * HOUR for one in sorted(hours)]
    gaps = [Gap(since=since, until=until) for since, until in zip(ends[::2], ends[1::2], strict=False)]
    one = about(COPIED + due * HOUR, scheduled_at=COPIED - DAY)
    states = [state_of(one, gaps[:number], adapter, ends[-1] + now * HOUR) for number in range(len(gaps) + 1)]
    assert states[0] is State.READY
    last = max(gap.until for gap in gaps)
    assert (states[-1] is State.READY) == (adapter is KEY or one.due_at > last)
    careful = [state is not State.READY for state in states]
    assert careful == sorted(careful)


def test_people_are_told_what_stands_still_until_they_have_said_yes() -> None:
    adapters = {"post": NONE, "desk": KEY, "list": SEARCH, "aside": able(Idempotency.NONE)}
    assert stands_still([GAP], adapters) == ("aside", "post")
    assert sentence([GAP], adapters, "Europe/Rome") == (
        "the store was restored from a copy from 2026-11-01 04:00: what went out since is not in it, so nothing goes "
        "out by aside, post until you have looked (hint: premura db confirm-restore)"
    )
    for gaps, names in (([replace(GAP, confirmed=True)], adapters), ([], adapters), ([GAP], {"desk": KEY})):
        assert stands_still(gaps, names) == ()
        assert sentence(gaps, names, "Europe/Rome") == ""
    again = Gap(since=BACK + DAY, until=BACK + 2 * DAY)
    assert "from 2026-11-04" in sentence([replace(GAP, confirmed=True), again], adapters, "Europe/Rome")
    assert "a copy without a memory" in sentence([Gap(since=BEGINNING, until=BACK)], adapters, "Europe/Rome")
