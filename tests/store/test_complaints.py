"""Complaints: open until somebody answers them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.store import complaints
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, happened


class TestComplaints:
    @pytest.mark.parametrize(
        ("story", "expected"),
        [
            ("", False),
            ("o", True),
            ("or", False),
            ("oor", True),
            ("orr", False),
            ("orro", True),  # one answer too many does not answer the next complaint
            ("ro", True),  # an answer to a complaint from before our time
            ("roror", False),
        ],
    )
    def test_each_complaint_needs_an_answer_behind_it(self, store: Store, story: str, expected: bool) -> None:
        with store.write() as connection:
            key = customer(connection)
            for days, sign in enumerate(story):
                happened(connection, {"o": "complaint.opened", "r": "complaint.resolved"}[sign], at=NOON + days * DAY)
            happened(connection, "complaint.opened", "C2")
            assert (key in complaints.open_complaints(connection, [key])) is expected
            assert complaints.open_complaints(connection, []) == set()

    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.tuples(st.sampled_from(["C1", "C2"]), st.booleans()), max_size=8))
    def test_customers_do_not_answer_for_each_other(self, sandbox: Store, story: list[tuple[str, bool]]) -> None:
        open_now = {"C1": 0, "C2": 0}
        with sandbox.read() as connection:
            keys = {ref: customer(connection, ref) for ref in open_now}
            for number, (ref, opened) in enumerate(story):
                happened(connection, "complaint.opened" if opened else "complaint.resolved", ref, NOON + number * DAY)
                open_now[ref] = max(0, open_now[ref] + (1 if opened else -1))
            found = complaints.open_complaints(connection, list(keys.values()))
            assert found == {keys[ref] for ref, number in open_now.items() if number}


def test_a_complaint_was_open_in_between(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        happened(connection, "complaint.opened", at=NOON)
        happened(connection, "complaint.resolved", at=NOON + 2 * DAY)
        then = [bool(complaints.open_complaints(connection, [key], NOON + days * DAY)) for days in (-1, 0, 1, 2, 3)]
    assert then == [False, True, True, False, False]


def test_any_number_of_keys_can_be_asked_for(narrow: Connection) -> None:
    assert complaints.open_complaints(narrow, range(3000)) == set()
