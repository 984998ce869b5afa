"""A large file is read by a process beside the one that stores: it makes no difference, whatever becomes of either."""

from __future__ import annotations

import io
import json
import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine import assemble
from engine.app import open_app
from engine.errors import IngestError
from engine.ingest import portions
from engine.ingest.happened import Happened
from engine.ingest.portions import Asked
from engine.ingest.stage import aside
from tests.ingest.desk import Desk

ROWS = 5000
LONG = "caldaia " * 40
HEAD = "id,customer,date,kind,what,amount"
LATER = "ingest the file again"


def rows(number: int = ROWS) -> Iterator[dict[str, str]]:
    """Events, of which every thousandth has no date, and one contradicts the first."""
    for one in range(number):
        day = "someday" if one % 1000 == 999 else f"2026-01-{one % 28 + 1:02} 10:{one % 60:02}"
        amount = "1.00" if one % 2 else str(one)
        yield {
            "id": f"E{one}",
            "customer": f"C{one % 700}",
            "date": day,
            "kind": "quote.sent",
            "what": f"{LONG}{one}",
            "amount": amount,
        }
    yield {"id": "E0", "customer": "C0", "date": "2026-01-09", "kind": "quote.sent", "what": "", "amount": ""}


def as_csv(number: int = ROWS) -> str:
    return "\n".join([HEAD, *(",".join(row.values()) for row in rows(number)), ""])


def as_json(number: int = ROWS) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows(number))


def children(process: int | str = "self") -> set[int]:
    """The processes that this one, or another, has begun and that have not ended."""
    listed = Path(f"/proc/{process}/task").glob("*/children")
    return {int(one) for path in listed for one in path.read_text().split()}


def asked(desk: Desk, content: str, name: str = "events.csv") -> Asked:
    app = open_app(desk.folder)
    intake = assemble.intake(app.settings, app.words)
    app.store.close()
    return Asked(data=content.encode(), name=name, intake=intake, kind=None, rows=1000)


linux = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not list processes")


@pytest.mark.parametrize(("name", "write"), [("events.csv", as_csv), ("events.jsonl", as_json)])
def test_a_large_file_says_what_a_small_one_says(desk: Desk, name: str, write: Callable[[], str]) -> None:
    question = asked(desk, write(), name)
    assert len(question.data) > aside.LARGE
    here = list(portions.told(question))
    with closing(aside.told(question)) as told:
        beside = list(told)
    assert len(here) == len(beside) == 2 + ROWS // 1000
    for one, other in zip(here, beside, strict=True):
        digests = [len(each.read.digests) for each in (one, other) if isinstance(each.read, Happened)]
        bare = [
            replace(each, read=replace(each.read, digests=())) if isinstance(each.read, Happened) else each
            for each in (one, other)
        ]  # what stands for a text is another number in every process
        assert bare[0] == bare[1]
        assert len(set(digests)) <= 1


def test_rows_of_sales_and_of_customers_come_as_they_stand(desk: Desk) -> None:
    sales = "\n".join(["id,customer,date,amount,what", *(f"S{n},C{n},2026-01-05,10.00,{LONG}" for n in range(5000))])
    customers = "\n".join(["customer,city", *(f"C{n},{LONG}" for n in range(5000))])
    for name, content in (("sales.csv", sales), ("customers.csv", customers)):
        question = asked(desk, content, name)
        with closing(aside.told(question)) as told:
            assert list(told) == list(portions.told(question))


@pytest.mark.parametrize(("name", "write"), [("events.csv", as_csv), ("events.jsonl", as_json)])
def test_what_is_stored_and_refused(desk: Desk, name: str, write: Callable[[], str]) -> None:
    summary = desk.ingest(name, write())
    assert (summary["rows"], summary["new"], summary["rejected"]) == (ROWS + 1, ROWS - 5, 6)
    refused = desk.rejects(name)
    assert [(column, value) for _, column, value, _ in refused[:5]] == [("date", "someday")] * 5
    assert refused[5][3] == f"row {2 if name.endswith('csv') else 1} has the same id and says something else"
    again = desk.ingest(name)
    assert (again["new"], again["known"], again["rejected"]) == (0, ROWS - 5, 6)


def test_a_large_file_that_cannot_be_read_at_all(desk: Desk) -> None:
    filler = "\n".join(f"E{n},{LONG}" for n in range(6000))
    assert "no column for customer" in desk.refused("events.csv", f"id,what\n{filler}")
    assert "this is not a text file" in desk.refused("events.csv", as_csv() + "\0")
    assert "its dates have the month first" in desk.refused("events.csv", as_csv().replace("2026-01-", "12/31/2026 "))


@linux
def test_it_is_another_process_and_it_goes_with_the_file(desk: Desk) -> None:
    path, seen = desk.put("events.csv", as_csv()), set[int]()
    before = children()
    app = open_app(desk.folder)
    app.ingest(path, progress=lambda _rows: seen.update(children() - before))
    assert len(seen) == 1
    assert children() == before
    app.ingest(desk.put("few.csv", as_csv(900)), kind="events", progress=lambda _rows: seen.update(children() - before))
    assert len(seen) == 1  # a small file starts at once
    app.store.close()


@linux
def test_one_that_is_killed_leaves_whole_batches_and_the_file_can_be_read_again(desk: Desk) -> None:
    path, before = desk.put("events.csv", as_csv(10_000)), children()
    app = open_app(desk.folder)

    def kill(_rows: int) -> None:
        for one in children() - before:
            os.kill(one, signal.SIGKILL)

    with pytest.raises(IngestError, match=LATER):
        app.ingest(path, progress=kill)
    app.store.close()
    kept = sum(len(one["events"]) for ref, one in desk.contents().items() if ref)
    assert kept
    assert kept % 999 == 0  # of each thousand rows one has no date
    assert desk.ingest("events.csv")["known"] == kept
    assert sum(len(one["events"]) for ref, one in desk.contents().items() if ref) == 10_000 - 10


@linux
@pytest.mark.parametrize("why", [KeyboardInterrupt, RuntimeError])
def test_whoever_is_interrupted_leaves_none_behind(desk: Desk, why: type[BaseException]) -> None:
    path, before, seen = desk.put("events.csv", as_csv(10_000)), children(), set[int]()
    app = open_app(desk.folder)

    def interrupt(_rows: int) -> None:
        seen.update(children() - before)
        raise why

    with pytest.raises(why):
        app.ingest(path, progress=interrupt)
    app.store.close()
    assert seen
    assert children() == before


@linux
def test_nor_does_one_that_is_killed_itself(desk: Desk) -> None:
    path = desk.put("events.csv", as_csv(12_000))
    code = (
        "import sys; from engine.app import open_app; from pathlib import Path\n"
        "def wait(rows): print(rows, flush=True); sys.stdin.read()\n"
        "open_app(Path(sys.argv[1])).ingest(Path(sys.argv[2]), progress=wait)"
    )
    command = [sys.executable, "-c", code, str(desk.folder), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as premura:
        assert premura.stdout
        premura.stdout.readline()  # the first batch is stored, and it waits
        (reader,) = children(premura.pid)
        handle = os.pidfd_open(reader)
        premura.kill()
    assert select.select([handle], [], [], 20)[0]  # it has ended
    os.close(handle)


@linux
def test_nothing_that_lies_in_the_folder_is_taken_for_a_part(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "pickle.py").write_text("raise SystemExit(1)\n")
    monkeypatch.chdir(desk.folder)
    before, seen = children(), set[int]()
    app = open_app(desk.folder)
    path = desk.put("events.csv", as_csv())
    assert app.ingest(path, progress=lambda _rows: seen.update(children() - before)).new == ROWS - 5
    app.store.close()
    assert seen


@linux
def test_without_another_process_it_is_read_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert desk.ingest("events.csv", as_csv())["new"] == ROWS - 5


def test_the_answer_ends_with_nothing(desk: Desk) -> None:
    question, reply = asked(desk, as_csv(10)), io.BytesIO()
    portions.answer(io.BytesIO(pickle.dumps(question)), reply)
    reply.seek(0)
    found = [pickle.load(reply) for _ in range(3)]  # noqa: S301 - written above
    assert [one.rows for one in found[:2]] == [0, 11]
    assert found[2] is None
    assert not reply.read()
