"""How a store knows how far it has come, that it is a copy, and what it missed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from engine.core.actions import State
from engine.core.gaps import BEGINNING, MAYBE, Gap
from engine.store import actions, generation, leases, outbox
from engine.store.generation import COPIED, HOME, Standing
from engine.store.session import Store
from tests.store.seed import DAY, NOON, ready

GAP = Gap(since=NOON - DAY, until=NOON)


def standing(store: Store) -> Standing:
    with store.read() as connection:
        return generation.standing(connection)


def test_a_new_store_has_no_generation_and_grows_when_it_is_told_to(store: Store) -> None:
    assert standing(store) == Standing(generation=0, at=BEGINNING)
    with store.write() as connection:
        assert generation.settle(connection, NOON) == Standing(generation=0, at=BEGINNING)
        generation.advance(connection, 41, NOON)
    assert standing(store) == Standing(generation=41, at=NOON)
    with store.write() as connection:
        assert generation.settle(connection, NOON + DAY).generation == 41
        generation.advance(connection, 42, NOON + DAY)
    assert standing(store) == Standing(generation=42, at=NOON + DAY)


def test_a_copy_says_that_it_is_one_until_it_is_the_live_store(store: Store) -> None:
    with store.write() as connection:
        generation.advance(connection, 1, NOON)
        leases.set_mark(connection, COPIED, "1", NOON + DAY)
    assert standing(store) == Standing(generation=1, at=NOON, copied_at=NOON + DAY)
    with store.write() as connection:
        generation.advance(connection, 2, NOON + 2 * DAY)
    assert standing(store).copied_at is None


def test_a_database_of_a_server_knows_its_place(store: Store) -> None:
    with store.write() as connection:
        generation.advance(connection, 1, NOON)
    assert not standing(store).moved
    with store.write() as connection:
        found = leases.mark(connection, HOME)
        assert (found is None) == store.is_sqlite  # a file may lie anywhere
        if found is not None:
            leases.set_mark(connection, HOME, found.value + "0", NOON)
    assert standing(store).moved == (not store.is_sqlite)


def test_who_may_not_ask_the_server_still_knows_database_and_table(store: Store) -> None:
    with store.read() as connection:
        if not store.is_sqlite:
            for statement in (
                "CREATE ROLE humble",
                "GRANT SELECT ON ALL TABLES IN SCHEMA public TO humble",
                "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
                "SET ROLE humble",
            ):
                connection.execute(text(statement))
            assert generation._home(connection).startswith("/")
        assert not generation.standing(connection).moved


def test_gaps_are_kept_and_confirmed_together(store: Store) -> None:
    with store.write() as connection:
        assert generation.gaps(connection) == ()
        generation.add_gap(connection, GAP)
        generation.add_gap(connection, Gap(since=NOON, until=NOON + DAY))
        assert [gap.confirmed for gap in generation.gaps(connection)] == [False, False]
        assert generation.confirm(connection, "Marta", NOON) == 2
        assert generation.confirm(connection, "Ugo", NOON) == 0
        assert [(gap.until, gap.confirmed) for gap in generation.gaps(connection)] == [(NOON, True), (NOON + DAY, True)]


def test_what_is_frozen_comes_in_pages(store: Store) -> None:
    with store.write() as connection:
        mine = [ready(connection, occurrence=str(number)).id for number in range(5)]
        until = NOON + DAY
        first = generation.frozen(connection, until, limit=3)
        rest = generation.frozen(connection, until, first[-1]["id"], limit=3)
        assert [row["id"] for row in (*first, *rest)] == mine
        assert generation.frozen(connection, until, rest[-1]["id"]) == []
        assert generation.frozen(connection, NOON - 100 * DAY) == []


def test_what_is_held_loses_its_approval_and_says_why(store: Store) -> None:
    with store.write() as connection:
        one, other = ready(connection, occurrence="1"), ready(connection, occurrence="2")
        assert generation.hold(connection, [one.id]) == 1
        assert generation.hold(connection, [one.id]) == 0
        (held,), (left,) = (actions.find(connection, found.public_id) for found in (one, other))
        assert (held.state, held.reason, left.state) == (State.HELD, MAYBE, State.READY)
        assert generation.in_doubt(connection) == [(one.adapter, "held", 1)]


def test_what_is_asked_about_has_an_attempt_that_filled_the_gap(store: Store) -> None:
    with store.write() as connection:
        one = ready(connection)
        assert generation.ask(connection, [one.id], [GAP, Gap(since=NOON + DAY, until=NOON + 2 * DAY)]) == 1
        assert generation.ask(connection, [one.id], [GAP]) == 0
        (found,) = actions.find(connection, one.public_id)
        assert (found.state, found.reason, found.attempts) == (State.UNKNOWN, MAYBE, one.attempts + 1)
        (attempt,) = outbox.attempts_of(connection, one.id)
        assert (attempt["started_at"], attempt["finished_at"]) == (NOON - DAY, NOON + 2 * DAY)
        assert (attempt["attempt"], attempt["outcome"], attempt["detail"]) == (1, "unknown", MAYBE)
        assert generation.in_doubt(connection) == [(one.adapter, "unknown", 1)]


def test_nobody_else_settles_meanwhile(store: Store) -> None:
    with store.write() as connection:
        generation.settle(connection, NOON)
        generation.advance(connection, 5, NOON)
        with store.read() as other:
            assert generation.standing(other).generation == 0
    assert standing(store).at - NOON == timedelta()
