"""Print jobs: a note's files, noted once."""

from __future__ import annotations

from engine.store import print_jobs
from engine.store.session import Store
from tests.store.seed import NOON, ready


def test_a_note_has_its_files(store: Store) -> None:
    with store.write() as connection:
        one = ready(connection, channel="note")
        print_jobs.add(connection, one.id, ("card.pdf", "card.png"), 2, NOON)
        print_jobs.add(connection, one.id, ("other.pdf",), 1, NOON)
        assert print_jobs.files(connection) == {one.public_id: ["card.pdf", "card.png"]}
