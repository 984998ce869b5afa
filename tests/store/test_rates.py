"""Tokens in the store: shared by all workers, on both stores."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

from engine.core.rate import Rate
from engine.store import rates
from engine.store.session import Store
from tests.store.seed import NOON

SECOND = timedelta(seconds=1)


def test_what_was_taken_is_gone_until_time_brings_more(store: Store) -> None:
    rate = Rate(number=20, seconds=1.0)
    with store.write() as connection:
        assert rates.take(connection, "post", rate, 5, NOON) == 2
    with store.write() as connection:
        assert rates.take(connection, "post", rate, 5, NOON) == 0
        assert rates.take(connection, "post", rate, 1, NOON + SECOND) == 1
        assert rates.take(connection, "post", rate, 5, NOON + SECOND) == 1


def test_each_adapter_has_a_bucket_of_its_own(store: Store) -> None:
    rate = Rate(number=1)
    with store.write() as connection:
        assert rates.take(connection, "post", rate, 1, NOON) == 1
        assert rates.take(connection, "other", rate, 1, NOON) == 1


def test_what_was_not_used_can_be_given_back(store: Store) -> None:
    rate = Rate(number=100)
    with store.write() as connection:
        assert rates.take(connection, "post", rate, 10, NOON) == 10
        rates.give_back(connection, "post", 4)
        assert rates.take(connection, "post", rate, 10, NOON) == 4


def test_what_a_broken_off_transaction_took_is_there_again(store: Store) -> None:
    rate = Rate(number=1)
    with store.read() as connection:  # undone at its end
        assert rates.take(connection, "post", rate, 1, NOON) == 1
    with store.write() as connection:
        assert rates.take(connection, "post", rate, 1, NOON) == 1


def test_many_workers_together_get_no_more_than_one_alone(store: Store) -> None:
    rate, got = Rate(number=70), list[int]()

    def worker() -> None:
        for tick in range(10):
            with store.write() as connection:
                got.append(rates.take(connection, "post", rate, 3, NOON + tick * SECOND / 10))

    workers = [Thread(target=worker) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert 7 <= sum(got) <= 70
    with store.write() as connection:
        assert rates.take(connection, "post", rate, 100, NOON + 100 * SECOND) == 7
