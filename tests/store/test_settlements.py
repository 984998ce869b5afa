"""Actions in doubt whose turn has come, on both stores."""

from __future__ import annotations

from datetime import timedelta

from engine.core.actions import Plan, State
from engine.store import doubts, settlements
from engine.store.session import Store
from tests.store.seed import DAY, NOON, again, in_state, ready, under_way

MINUTE = timedelta(minutes=1)


def test_the_policy_is_told_of_every_attempt_that_may_have_gone_out(store: Store) -> None:
    with store.write() as connection:
        for number in range(3):
            ready(connection, occurrence=str(number))
        under_way(connection, "A", NOON, parcel="P")
        doubts.release_lost(connection, "B", NOON + 10 * MINUTE)
        one, two, three = settlements.waiting(connection, ["files"], NOON + DAY, after=0, limit=9)
        assert (one.since, one.ended, one.doubtful, one.parcel) == (NOON, NOON + 10 * MINUTE, 1, "P")
        assert (one.attempts, one.if_unknown, one.valid_until) == (1, "ask", NOON + 7 * DAY)

        settlements.again(connection, [one.id], "again")
        under_way(connection, "A", NOON + DAY)
        doubts.release_lost(connection, "B", NOON + 2 * DAY)
        doubts.close(connection, [two.id], "absent")
        found = settlements.waiting(connection, ["files"], NOON + 3 * DAY, after=0, limit=9)
        assert [(row.since, row.ended, row.doubtful) for row in found] == [
            (NOON, NOON + 2 * DAY, 2),
            (NOON + 3 * DAY, NOON + 3 * DAY, 0),
            (NOON, NOON + 10 * MINUTE, 1),
        ]
        assert [row.id for row in found] == [one.id, two.id, three.id]


def test_they_come_in_portions_and_only_when_it_is_their_turn(store: Store) -> None:
    with store.write() as connection:
        made = [in_state(connection, State.UNKNOWN, occurrence=str(number)) for number in range(4)]
        ids = [one.id for one in made]
        settlements.put_off(connection, ids[:1], NOON + DAY)
        assert [one.id for one in settlements.waiting(connection, ["files"], NOON, after=0, limit=2)] == ids[1:3]
        assert [one.id for one in settlements.waiting(connection, ["files"], NOON, after=ids[2], limit=2)] == ids[3:]
        assert settlements.waiting(connection, ["cards"], NOON, after=0, limit=9) == []
        assert len(settlements.waiting(connection, ["files"], NOON + DAY, after=0, limit=9)) == 4


def test_those_may_be_singled_out_whose_step_lets_them_go_once_more(store: Store) -> None:
    with store.write() as connection:
        in_state(connection, State.UNKNOWN, occurrence="1")
        one = in_state(connection, State.UNKNOWN, occurrence="2", plan=Plan(if_unknown="resend"))
        (found,) = settlements.waiting(connection, ["files"], NOON, after=0, limit=9, resending=True)
        assert (found.id, found.if_unknown) == (one.id, "resend")


def test_what_comes_of_them_is_written(store: Store) -> None:
    with store.write() as connection:
        one, two = (in_state(connection, State.UNKNOWN, occurrence=name) for name in "ab")
        settlements.again(connection, [one.id], "sent again")
        settlements.change(connection, [{"id": two.id, "due_at": NOON + DAY, "reason": "nobody knows"}])
        settlements.change(connection, [])
        assert (again(connection, one).state, again(connection, one).reason) == (State.READY, "sent again")
        assert (again(connection, two).state, again(connection, two).due_at) == (State.UNKNOWN, NOON + DAY)
        settlements.again(connection, [one.id], "nothing to do")
        assert again(connection, one).reason == "sent again"
