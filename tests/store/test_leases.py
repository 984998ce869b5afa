"""Leases and marks: one holder at a time, until it is given back or has ended."""

from __future__ import annotations

from datetime import timedelta
from threading import Event, Thread

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.store import leases
from engine.store.session import Store
from tests.store.seed import NOON

MINUTE = timedelta(minutes=1)


def take(connection: Connection, owner: str, at: int, minutes: int = 5) -> str | None:
    now = NOON + at * MINUTE
    return leases.take(connection, "dispatcher", owner, f"process {owner}", now, now + minutes * MINUTE)


def test_the_first_has_it_and_the_second_is_told_who(store: Store) -> None:
    with store.write() as connection:
        assert leases.owner(connection, "dispatcher") is None
        assert take(connection, "A", 0) is None
        assert take(connection, "B", 1) == "process A"
        assert leases.owner(connection, "dispatcher") == "A"


def test_the_holder_can_renew_it_for_longer(store: Store) -> None:
    with store.write() as connection:
        assert take(connection, "A", 0) is None
        assert take(connection, "A", 4) is None
        assert take(connection, "B", 6) == "process A"
        assert take(connection, "B", 9) is None


def test_it_ends_at_its_instant_and_not_before(store: Store) -> None:
    with store.write() as connection:
        take(connection, "A", 0, minutes=5)
        assert take(connection, "B", 4) == "process A"
        assert take(connection, "B", 5) is None
        assert take(connection, "A", 5) == "process B"  # who was too late has lost it


def test_since_when_somebody_has_it(store: Store) -> None:
    def held(at: int) -> leases.Held | None:
        return leases.held(connection, "dispatcher", NOON + at * MINUTE)

    with store.write() as connection:
        assert held(0) is None
        take(connection, "A", 0)
        take(connection, "A", 3)
        assert held(4) == leases.Held(holder="process A", since=NOON), "to renew it changes nothing"
        take(connection, "B", 4)
        assert held(7) == leases.Held(holder="process A", since=NOON)
        assert held(8) is None, "it has ended"
        take(connection, "A", 9)
        assert held(9) == leases.Held(holder="process A", since=NOON + 9 * MINUTE), "between the two nobody had it"
        leases.take(connection, "dispatcher", "B", "process B", NOON + 10 * MINUTE, NOON + 20 * MINUTE, gone="A")
        assert held(10) == leases.Held(holder="process B", since=NOON + 10 * MINUTE)
        leases.release(connection, "dispatcher", "B")
        assert held(11) is None


def test_only_the_holder_gives_it_back(store: Store) -> None:
    with store.write() as connection:
        take(connection, "A", 0)
        leases.release(connection, "dispatcher", "B")
        assert leases.owner(connection, "dispatcher") == "A"
        leases.release(connection, "dispatcher", "A")
        assert leases.owner(connection, "dispatcher") is None
        assert take(connection, "B", 0) is None


def test_leases_have_names(store: Store) -> None:
    with store.write() as connection:
        take(connection, "A", 0)
        assert leases.take(connection, "scorer", "B", "process B", NOON, NOON + MINUTE) is None
        assert leases.owner(connection, "dispatcher") == "A"


STEPS = st.tuples(st.sampled_from(["take", "release", "wait"]), st.sampled_from("AB"), st.integers(1, 6))


@settings(deadline=None, max_examples=50)
@given(st.lists(STEPS, max_size=12))
def test_there_is_never_more_than_one_holder(sandbox: Store, steps: list[tuple[str, str, int]]) -> None:
    clock, holder, ends = 0, "", 0
    with sandbox.read() as connection:
        for verb, owner, minutes in steps:
            if verb == "wait":
                clock += minutes
            elif verb == "release":
                leases.release(connection, "dispatcher", owner)
                holder = "" if owner == holder else holder
            else:
                free = owner == holder or not holder or ends <= clock
                assert (take(connection, owner, clock, minutes) is None) == free
                if free:
                    holder, ends = owner, clock + minutes
            assert leases.owner(connection, "dispatcher") == (holder or None)


def test_a_mark_is_what_was_said_last(store: Store) -> None:
    with store.write() as connection:
        assert leases.mark(connection, "calendar") is None
        leases.set_mark(connection, "calendar", "2026-03-02", NOON)
        leases.set_mark(connection, "calendar", "2026-03-03", NOON + MINUTE)
        leases.set_mark(connection, "other", "1", NOON)
    with store.read() as connection:
        assert leases.mark(connection, "calendar") == leases.Mark(value="2026-03-03", at=NOON + MINUTE)


def test_who_sets_a_mark_lets_the_next_one_wait_until_all_that_came_of_it_is_written(store: Store) -> None:
    seen: list[str] = []
    done = Event()

    def second() -> None:
        with store.write() as connection:
            leases.set_mark(connection, "schedule", "second", NOON)
            found = leases.mark(connection, "what came of it")
            seen.append(found.value if found else "nothing")
        done.set()

    with store.write() as connection:
        leases.set_mark(connection, "schedule", "first", NOON)
        other = Thread(target=second)
        other.start()
        assert not done.wait(0.3)
        leases.set_mark(connection, "what came of it", "all", NOON)
    other.join()
    assert seen == ["all"]
