"""What a process knows of itself: who is silent for too long, and what ticks took."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.status import Status

PATIENCE = 100.0


@pytest.fixture
def status() -> Status:
    """Two ticks on one thread and one on its own, expected at zero."""
    made = Status(patience=PATIENCE)
    for name, line in (("ingest", "stages"), ("dispatch", "stages"), ("lease", "lease")):
        made.expect(name, line=line, every=5.0, now=0.0)
    return made


def test_a_run_is_counted_with_what_it_took(status: Status) -> None:
    status.begin("ingest", 10.0)
    assert status.ticks["ingest"].begun == 10.0
    status.end("ingest", 12.5)
    status.begin("ingest", 20.0)
    status.end("ingest", 21.0, failed=True)

    tick = status.ticks["ingest"]
    assert (tick.begun, tick.ended, tick.seconds, tick.runs, tick.failures) == (None, 21.0, 1.0, 2, 1)
    assert tick.lag(30.0) == 9.0
    assert status.ticks["dispatch"].lag(30.0) == 30.0, "it never ended: since it was expected"


def test_a_process_without_ticks_lives() -> None:
    assert Status(patience=0.0).stuck(1e9) == ()


def test_whoever_has_nothing_to_do_is_not_stuck(status: Status) -> None:
    assert status.stuck(PATIENCE + 5.0) == ()
    assert len(status.stuck(PATIENCE + 5.1)) == 2


def test_a_thread_lives_by_whichever_of_its_ticks_does(status: Status) -> None:
    status.begin("dispatch", 90.0)
    status.go_on("dispatch", 150.0)
    status.end("lease", 150.0)
    assert status.stuck(254.0) == ()


def test_it_says_who_was_at_work(status: Status) -> None:
    status.begin("dispatch", 10.0)
    status.end("lease", 200.0)
    assert status.stuck(210.0) == ("no sign of life from dispatch for 200 seconds",)
    status.end("dispatch", 210.0)
    status.end("lease", 400.0)
    assert status.stuck(400.0) == ("no sign of life from dispatch and ingest for 190 seconds",)


@given(
    signs=st.lists(
        st.tuples(st.sampled_from(["begin", "go_on", "end"]), st.sampled_from(["a", "b", "c"]), st.floats(0, 300)),
        max_size=20,
    ),
    wait=st.floats(0, 400),
)
def test_exactly_those_threads_are_stuck_that_gave_no_sign(signs: list[tuple[str, str, float]], wait: float) -> None:
    status, lines = Status(patience=PATIENCE), {"a": "one", "b": "one", "c": "two"}
    for name, line in lines.items():
        status.expect(name, line=line, every=1.0, now=0.0)
    now, last = 0.0, {"one": 0.0, "two": 0.0}
    for move, name, pause in signs:
        now += pause
        getattr(status, move)(name, now)
        last[lines[name]] = now
    now += wait
    assert len(status.stuck(now)) == sum(now - sign > PATIENCE + 1.0 for sign in last.values())
    assert all(tick.lag(now) >= 0 and tick.seconds >= 0 for tick in status.ticks.values())
