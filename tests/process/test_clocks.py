"""Clocks that are stepped, nights with an hour too many or too few, two daemons, and leases that end too early."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from bench.chaos import life
from engine.app import open_app
from engine.errors import LeaseError
from tests.process.crashes import Ordeal, Sink
from tests.process.daemons import until
from tests.workspaces import drop, table

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


@pytest.mark.any_store
@pytest.mark.parametrize("door", ["key", "none"])
@pytest.mark.parametrize("step", [DAY, -DAY], ids=["forward", "back"])
def test_the_clock_is_stepped_while_a_message_is_on_its_way(
    tmp_path: Path, sink: Sink, database: str, door: str, step: timedelta
) -> None:
    with Ordeal(tmp_path / "shop", sink, door=door, database=database) as ordeal:

        def stepped() -> None:
            ordeal.now += step

        ordeal.meddle("task", after=stepped)
        ordeal.round()
        ordeal.settle(hours=6)

        assert ordeal.doubts("task") == ordeal.doubts("email") == (0, 0)


@pytest.mark.parametrize("step", [DAY, -DAY], ids=["forward", "back"])
def test_the_clock_is_stepped_after_a_kill(tmp_path: Path, sink: Sink, step: timedelta) -> None:
    """Whoever starts next is not held up by the times that the dead one wrote."""
    with Ordeal(tmp_path / "shop", sink, customers=1) as ordeal:
        sink.tell(http=["silent_taken"])
        ordeal.killed(until=lambda lines: any(line.did == "silent_taken" for line in lines))
        ordeal.now += step
        ordeal.round()
        ordeal.settle(hours=6)

        assert ordeal.doubts("task") == (0, 0)


def test_the_clock_is_put_back_under_a_daemon(tmp_path: Path, sink: Sink) -> None:
    """Its ticks go on at once: nobody waits a day until the clock has caught up."""
    clock = life.CONTEXT.Value("d", 0.0)
    with Ordeal(tmp_path / "shop", sink) as ordeal:
        daemon = life.start(["run", "-w", str(ordeal.folder)], clock=clock, log=tmp_path / "log")
        try:
            until(lambda: len(ordeal.taken()) == 4, lambda: (tmp_path / "log").read_text(encoding="utf-8"))
            clock.value = -DAY.total_seconds()
            happened = (ordeal.now - 2 * DAY).isoformat()
            rows = [{"customer": "C-0", "kind": "delivery.completed", "id": "D-more", "date": happened}]
            drop(ordeal.folder, "4-events.csv", table(rows))
            until(lambda: len(ordeal.taken()) == 6, lambda: (tmp_path / "log").read_text(encoding="utf-8"))
        finally:
            daemon.terminate()
            daemon.join()
        assert set(ordeal.taken().values()) == {1}


@pytest.mark.parametrize(
    ("midnight", "window"),
    [("2026-03-28T23:00", ("02:15", "02:45")), ("2026-10-24T22:00", ("02:15", "02:45"))],
    ids=["the hour that is skipped", "the hour that comes twice"],
)
def test_the_night_in_which_the_clocks_change(
    tmp_path: Path, sink: Sink, midnight: str, window: tuple[str, str]
) -> None:
    """Every quarter of an hour of the night and the day after, and a window that is skipped or comes twice."""
    start = datetime.fromisoformat(f"{midnight}+00:00")
    with Ordeal(tmp_path / "shop", sink, now=start, window=window) as ordeal:
        for quarter in range(5 * 4):
            ordeal.now = start + quarter * QUARTER
            ordeal.round()
        ordeal.settle(hours=6)

        assert set(ordeal.taken().values()) == {1}


def beside(work: Callable[[], object]) -> Exception | None:
    """Do it in another thread, as another process would, and wait for it; what it raised."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - it is for the test to look at
            raised.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def another(ordeal: Ordeal, ahead: timedelta) -> None:
    """A second program on the same workspace, whose clock is so far ahead, sends what is due."""
    app = open_app(ordeal.folder, lambda: ordeal.now + ahead)
    try:
        app.dispatch()
    finally:
        app.close()


@pytest.mark.any_store
@pytest.mark.parametrize("door", ["key", "none"])
def test_two_send_at_the_same_time(tmp_path: Path, sink: Sink, database: str, door: str) -> None:
    """On SQLite the second is told who sends; on PostgreSQL they share the work."""
    with Ordeal(tmp_path / "shop", sink, door=door, customers=6, database=database) as ordeal:
        second: list[Exception | None] = []
        ordeal.meddle("task", after=lambda: second.append(beside(lambda: another(ordeal, timedelta(0)))))
        ordeal.round()
        ordeal.settle()

        assert isinstance(second[0], LeaseError) if not database else second == [None]
        assert ordeal.doubts("task") == ordeal.doubts("email") == (0, 0)


@pytest.mark.any_store
@pytest.mark.parametrize("door", ["key", "none"])
def test_the_lease_ends_while_a_message_is_on_its_way(tmp_path: Path, sink: Sink, database: str, door: str) -> None:
    """A machine slept, say: another worker takes the first for dead, and the first one's answer comes after all.

    On SQLite nobody can: whoever sends holds its right by a lock that ends with its process, not with a clock.
    """
    with Ordeal(tmp_path / "shop", sink, door=door, customers=1, database=database) as ordeal:
        second: list[Exception | None] = []
        ordeal.meddle("task", after=lambda: second.append(beside(lambda: another(ordeal, timedelta(hours=1)))))
        ordeal.round()
        ordeal.settle()

        assert second == [None] if database else isinstance(second[0], LeaseError)
        assert ordeal.doubts("task") == ((1, 0) if database and door == "none" else (0, 0))
