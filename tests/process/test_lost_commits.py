"""A COMMIT goes through on PostgreSQL, and the line is cut before the answer: nobody knows whether it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path

import pytest

from engine.core.actions import State
from engine.core.keys import fraction
from engine.errors import StoreError
from tests.databases import STORES, PostgreSQL
from tests.process.crashes import Ordeal, Sink
from tests.process.cut_lines import Line, line
from tests.process.daemons import BY_SMTP, Command, Start, is_discreet, states, until
from tests.process.sinks import Sink as Post
from tests.workspaces import drop_all, make

pytestmark = pytest.mark.skipif("postgresql" not in STORES, reason="no wheel of PostgreSQL here")


@pytest.fixture
def cut_line(postgresql_server: PostgreSQL, request: pytest.FixtureRequest) -> Iterator[Callable[[], Line]]:
    """Makes a line to an empty database of its own."""
    request.getfixturevalue("postgresql_test")
    with ExitStack() as stack:
        yield lambda: stack.enter_context(line(postgresql_server.borrow()))


@pytest.mark.parametrize("door", ["key", "none"])
def test_of_each_commit_of_dispatch_nobody_hears_once(
    tmp_path: Path, sink: Sink, cut_line: Callable[[], Line], door: str
) -> None:
    """A shop for each commit that there is: whatever was begun or received, none of it goes twice or is in doubt."""
    for number in count(1):
        lost = cut_line()
        with Ordeal(tmp_path / str(number), sink, door=door, customers=1, database=lost.address) as ordeal:
            ordeal.decide()
            lost.cut(number.__eq__)
            with suppress(StoreError):
                ordeal.app.dispatch()
            if not lost.lost:
                break
            lost.cut(lambda _number: False)
            ordeal.settle()
            assert ordeal.doubts("task") == ordeal.doubts("email") == (0, 0), number
    assert number > 5


def test_a_daemon_to_which_that_happens_again_and_again_goes_on(
    tmp_path: Path, cut_line: Callable[[], Line], start: Start, post: Post
) -> None:
    """From the first file of its inbox to the last receipt, at first one answer in three is lost."""
    lost, number = cut_line(), 12
    daemon = "\n[daemon]\nevery = 0.25\nlease = 30.0\n"
    folder = make(tmp_path / "shop", BY_SMTP.format(port=post.port, more="") + daemon, database=lost.address)
    command: Command = start(folder)
    command.wait_for("daemon.started")
    lost.cut(lambda which: which < 60 and fraction("lost", str(which)) < 0.35)
    drop_all(folder, number)
    until(lambda: states(folder) == {State.ACCEPTED: number} or command.process.poll() is not None, lambda: command.err)
    assert lost.lost > 3
    lost.cut(lambda _which: False)

    assert command.end() == 0, command.err
    sent = Counter(post.got)
    assert (len(sent), set(sent.values())) == (number, {1})
    told = Counter(line["event"] for line in command.log)
    assert told["send.accepted"] == number
    assert not told["send.late"] + told["send.unknown"] + told["fault"]
    assert is_discreet(command)
    done = sorted(path.name for path in (folder / "inbox" / "done").iterdir())
    assert [name[0] for name in done] == ["1", "2", "3"]
    assert not (folder / "inbox" / "failed").exists()
