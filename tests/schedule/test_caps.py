"""Nobody hears from us more often than the shop wants."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.calendar import Duration, Window, next_in
from engine.core.quiet import Quiet
from engine.schedule.caps import Limit, first_allowed

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEEK = Duration(days=7)
ALWAYS = Window()


def allowed(due: datetime, touches: list[datetime], messages: int = 2, window: Window = ALWAYS) -> datetime:
    limits = [Limit(touches=touches, messages=messages)]
    found = first_allowed(due, limits=limits, within=WEEK, window=window, tz="UTC")
    assert found is not None
    return found


def days(*numbers: int) -> list[datetime]:
    return [NOON + timedelta(days=number) for number in numbers]


def test_with_nothing_heard_it_goes_when_it_is_due() -> None:
    assert allowed(NOON, []) == NOON
    assert allowed(NOON, days(-3)) == NOON


def test_the_third_in_a_week_waits_until_the_first_is_a_week_old() -> None:
    assert allowed(NOON, days(-3, -1)) == NOON + timedelta(days=4)


def test_what_is_dated_ahead_counts_too() -> None:
    assert allowed(NOON, days(1, 2)) == NOON + timedelta(days=8)


def test_the_wait_ends_inside_the_window() -> None:
    mornings = Window(days=frozenset({0}), start=time(8), end=time(9))

    assert allowed(NOON, days(-3, -1), window=mornings) == datetime(2026, 3, 9, 8, tzinfo=UTC)


@given(
    hours=st.lists(st.integers(-400, 400), max_size=12),
    messages=st.integers(1, 3),
    start=st.integers(0, 20),
)
def test_no_stretch_with_the_new_word_holds_more_than_allowed(hours: list[int], messages: int, start: int) -> None:
    touches = [NOON + timedelta(hours=hour) for hour in hours]
    window = Window(start=time(start), end=time(start + 2))

    found = allowed(NOON, touches, messages, window)

    assert found >= NOON
    assert next_in(window, found, "UTC") == found
    for touch in [*touches, found]:
        stretch = [one for one in [*touches, found] if touch <= one < touch + timedelta(days=7)]
        assert len(stretch) <= messages or found not in stretch


def test_what_is_crowded_already_does_not_make_the_new_word_wait() -> None:
    assert allowed(NOON, days(-9, -9, -9, -8)) == NOON  # a cap that was lowered since, or orders on top
    assert allowed(NOON, days(20, 20, 20)) == NOON


def test_at_the_very_end_of_the_stretch_there_is_room_again() -> None:
    assert allowed(NOON, days(-7, -6)) == NOON
    assert allowed(NOON, [NOON - timedelta(days=7) + timedelta(seconds=1), NOON]) == NOON + timedelta(seconds=1)


def test_a_stretch_is_as_long_as_the_calendar_says() -> None:
    noon_in_rome = datetime(2026, 3, 28, 11, tzinfo=UTC)
    once = [Limit(touches=[noon_in_rome], messages=1)]
    found = first_allowed(noon_in_rome, limits=once, within=Duration(days=2), window=ALWAYS, tz="Europe/Rome")
    assert found == datetime(2026, 3, 30, 10, tzinfo=UTC)  # noon again, after a day of 23 hours

    month = Duration(months=1)
    last_of_january = datetime(2026, 1, 31, 12, tzinfo=UTC)
    once = [Limit(touches=[last_of_january], messages=1)]
    found = first_allowed(last_of_january, limits=once, within=month, window=ALWAYS, tz="UTC")
    assert found == datetime(2026, 2, 28, 12, tzinfo=UTC)


@given(
    limits=st.lists(st.tuples(st.lists(st.integers(-60, 60), max_size=6), st.integers(1, 3)), min_size=1, max_size=2),
    within=st.integers(1, 40),
    opens=st.tuples(st.integers(0, 22), st.integers(1, 23)).filter(lambda pair: pair[0] < pair[1]),
    quiet=st.tuples(st.integers(0, 23), st.integers(0, 23)),
)
def test_it_is_the_first_hour_that_keeps_to_the_cap_and_is_not_quiet(
    limits: list[tuple[list[int], int]], within: int, opens: tuple[int, int], quiet: tuple[int, int]
) -> None:
    begins, ends = quiet

    def keeps(hour: int) -> bool:
        """Whether every stretch that holds this hour has room, tried one by one."""
        clock = (12 + hour) % 24
        stretches = (range(start, start + within) for start in range(hour - within + 1, hour + 1))
        asleep = begins <= clock < ends if begins <= ends else clock >= begins or clock < ends
        return (
            opens[0] <= clock <= opens[1]
            and not asleep
            and all(
                sum(touch in stretch for touch in touches) < messages
                for stretch in stretches
                for touches, messages in limits
            )
        )

    first = next((hour for hour in range(1000) if keeps(hour)), None)

    found = first_allowed(
        NOON,
        limits=[
            Limit(touches=[NOON + timedelta(hours=hour) for hour in touches], messages=messages)
            for touches, messages in limits
        ],
        within=Duration(seconds=3600 * within),
        window=Window(start=time(opens[0]), end=time(opens[1])),
        quiet=Quiet(start=time(begins), end=time(ends)),
        tz="UTC",
    )

    assert found == (None if first is None else NOON + timedelta(hours=first))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=15))
def test_a_crowd_that_is_let_in_one_by_one_never_breaks_the_cap(wanted: list[int]) -> None:
    dated: list[datetime] = []
    for day in wanted:
        dated.append(allowed(NOON + timedelta(days=day), dated))
    dated.sort()

    assert all(third - first >= timedelta(days=7) for first, third in zip(dated, dated[2:], strict=False))
