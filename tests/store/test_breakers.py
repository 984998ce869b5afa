"""Breakers in the store: as they were saved, and never lost between two workers."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

from engine.core.breaker import Breaker
from engine.store import breakers
from engine.store.session import Store
from tests.store.seed import DAY, NOON

OPEN = Breaker(failures=7, open_until=NOON + DAY, trips=2, probing=True, reason="503 Service Unavailable")


def test_one_that_nobody_wrote_is_closed(store: Store) -> None:
    with store.write() as connection:
        assert breakers.load(connection) == {}
        assert breakers.lock(connection, "post") == Breaker()


def test_it_comes_back_as_it_was(store: Store) -> None:
    with store.write() as connection:
        breakers.save(connection, "post", OPEN)
        breakers.save(connection, "cards", Breaker(failures=1))
    with store.write() as connection:
        assert breakers.lock(connection, "post") == OPEN
        assert breakers.load(connection) == {"post": OPEN, "cards": Breaker(failures=1)}
        assert breakers.load(connection, ["cards", "none"]) == {"cards": Breaker(failures=1)}
        breakers.save(connection, "post", Breaker())
    with store.read() as connection:
        assert breakers.load(connection)["post"] == Breaker()


def test_no_failure_is_lost_when_workers_count_at_the_same_time(store: Store) -> None:
    def worker() -> None:
        for _ in range(10):
            with store.write() as connection:
                found = breakers.lock(connection, "post")
                breakers.save(connection, "post", replace(found, failures=found.failures + 1))

    workers = [Thread(target=worker) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    with store.read() as connection:
        assert breakers.load(connection)["post"].failures == 30
