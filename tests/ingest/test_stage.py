"""The stage on a store: the same rows give the same store, however they are cut, interrupted or repeated."""

from __future__ import annotations

import csv
import io
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from engine.ingest.columns import Reading
from engine.ingest.rows import Shop
from engine.ingest.stage import Intake, Summary, ingest
from engine.store.session import Store, open_store
from tests.ingest.desk import Contents, contents, hand_out

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
INTAKE = Intake(
    shop=Shop(currency="EUR", time_zone="Europe/Rome"), readings={}, event_kinds={"quote.sent": {"amount": "double"}}
)
Rows = list[dict[str, str]]


class Stopped(Exception):  # noqa: N818 - it is no error of the program
    """Somebody pulled the plug."""


Fresh = Callable[[], Path]
"""Makes a new folder with a store, as often as one asks."""


def copies_of(database: Path, folder: Path) -> Fresh:
    numbers = count()

    def made() -> Path:
        target = folder / str(next(numbers))
        target.mkdir()
        copyfile(database, target / "premura.db")
        return target

    return made


@pytest.fixture(scope="session")
def fresh(blank_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Empty stores."""
    return copies_of(blank_workspace / "premura.db", tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="session")
def inviting(fresh: Fresh, tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Stores in which C1 was given the code AAAA to share, and C9 the code BBBB."""
    first = fresh()
    with opened(first) as store, store.write() as connection:
        hand_out(connection, "AAAA", "C1")
        hand_out(connection, "BBBB", "C9")
    return copies_of(first / "premura.db", tmp_path_factory.mktemp("inviting"))


@contextmanager
def opened(folder: Path, database: str = "") -> Iterator[Store]:
    store = open_store(database or f"sqlite:///{folder}/premura.db")
    try:
        yield store
    finally:
        store.close()


def take(store: Store, folder: Path, text: str, name: str = "sales.csv", **more: Any) -> Summary:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return ingest(store, path, INTAKE, kind=None, rejects=folder / "rejects", now=NOW, **more)


def as_csv(rows: Rows) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ("id", "customer", "date", "amount", "reverses", "referral_code"), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def stop_after(batches: int) -> Callable[[int], None]:
    """Progress that stops everything after so many batches."""
    left = iter([*range(batches - 1), None])

    def told(_rows: int) -> None:
        if next(left) is None:
            raise Stopped

    return told


@st.composite
def logs(draw: st.DrawFn, *, codes: bool = True, ids: bool = False) -> Rows:
    """Sales with or without an id, refunds that name one of them, before or behind it; some carry a code."""
    rows: Rows = []
    for number in range(draw(st.integers(1, 9))):
        row = {
            "customer": draw(st.sampled_from(("C1", "C2", "C3"))),
            "date": (date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 3)))).isoformat(),
            "amount": f"{draw(st.integers(1, 3))}.00",
        }
        if ids or draw(st.booleans()):
            row["id"] = f"S{number}"
        if codes and draw(st.booleans()):
            row["referral_code"] = draw(st.sampled_from(("AAAA", "bb bb", "NOBODYS")))
        rows.append(row)
    for number, sale in enumerate([row for row in rows if "id" in row]):
        if draw(st.booleans()):
            back = {"id": f"R{number}", "reverses": sale["id"], "amount": f"-{draw(st.integers(1, 3))}.00"}
            rows.insert(draw(st.integers(0, len(rows))), {**sale, **back, "referral_code": ""})
    return rows


def kept(folder: Path, text: str, *, batch: int = 1000, stop: int = 0, times: int = 1) -> Contents:
    """What a store holds after it read a file, perhaps stopped after some batches, so many times."""
    with opened(folder) as store:
        if stop:
            with suppress(Stopped):
                take(store, folder, text, batch=batch, progress=stop_after(stop))
        for _ in range(times):
            done = take(store, folder, text, batch=batch)
        assert done.rejected == 0
        assert done.rows == done.new + done.known
        if times > 1:
            assert (done.new, done.changed) == (0, 0)
        return contents(store)


@settings(max_examples=12, deadline=None)
@given(rows=logs(), batch=st.integers(1, 4), stop=st.integers(1, 5))
def test_however_a_file_is_cut_interrupted_and_repeated_the_store_is_the_same(
    inviting: Fresh, rows: Rows, batch: int, stop: int
) -> None:
    text = as_csv(rows)
    whole = kept(inviting(), text)

    assert kept(inviting(), text, batch=batch, times=2) == whole
    assert kept(inviting(), text, batch=batch, stop=stop) == whole


@settings(max_examples=12, deadline=None)
@given(rows=logs(codes=False, ids=True), cut=st.integers(0, 9))
def test_a_log_in_two_files_is_complete_when_both_were_read(fresh: Fresh, rows: Rows, cut: int) -> None:
    whole = kept(fresh(), as_csv(rows))
    folder = fresh()
    with opened(folder) as store:
        for name, part in (("new.csv", rows[cut:]), ("old.csv", rows[:cut]), ("new.csv", rows[cut:])):
            done = take(store, folder, as_csv(part), f"sales-{name}")
        assert done.rejected == 0
        assert contents(store) == whole


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(("C1", "C2")), st.sampled_from(("", "10", "20")), st.booleans()), max_size=8),
    st.integers(1, 3),
)
def test_events_are_the_same_in_any_cut_and_twice(fresh: Fresh, rows: list[tuple[str, str, bool]], batch: int) -> None:
    lines = [
        f"{number if has_id else ''},{who},2026-01-05,quote.sent,{amount}"
        for number, (who, amount, has_id) in enumerate(rows)
    ]
    text = "\n".join(("id,customer,date,kind,amount", *lines))
    found = []
    for size in (1000, batch):
        folder = fresh()
        with opened(folder) as store:
            first = take(store, folder, text, "events.csv", batch=size)
            again = take(store, folder, text, "events.csv", batch=size)
            assert (first.new, again.new, again.known) == (len(rows), 0, len(rows))
            found.append(contents(store))
    assert found[0] == found[1]


def sales(number: int) -> str:
    return "id,customer,date,amount\n" + "".join(f"{i},C{i},2026-01-05,{i}.00\n" for i in range(1, number + 1))


def test_an_exception_between_two_batches_leaves_whole_ones(fresh: Fresh) -> None:
    folder = fresh()
    with opened(folder) as store:
        with pytest.raises(Stopped):
            take(store, folder, sales(25), batch=10, progress=stop_after(2))

        assert sorted(contents(store)) == sorted(["", *(f"C{i}" for i in range(1, 21))])
        assert not (folder / "rejects").exists()
        again = take(store, folder, sales(25), batch=10)
        assert (again.new, again.known) == (5, 20)


def test_an_exception_within_a_batch_leaves_nothing_of_it(fresh: Fresh) -> None:
    folder = fresh()
    with sqlite3.connect(folder / "premura.db") as raw:
        raw.execute(
            "CREATE TRIGGER stop BEFORE INSERT ON txn WHEN NEW.ext_key = '17' BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
    raw.close()
    with opened(folder) as store:
        with pytest.raises(DBAPIError, match="no more"):
            take(store, folder, sales(25), batch=10)
        assert sorted(contents(store)) == sorted(["", *(f"C{i}" for i in range(1, 11))])
    with sqlite3.connect(folder / "premura.db") as raw:
        raw.execute("DROP TRIGGER stop")
    raw.close()
    with opened(folder) as store:
        assert take(store, folder, sales(25), batch=10).new == 15


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.ingest.test_stage import opened, sales, take
folder, batches = Path(sys.argv[1]), [0]
def told(rows):
    batches[0] += 1
    if batches[0] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
with opened(folder, sys.argv[2]) as store:
    take(store, folder, sales(40), batch=10, progress=told)
"""


@pytest.mark.any_store
def test_a_process_that_is_killed_leaves_whole_batches_and_reading_again_completes_them(
    fresh: Fresh, database: str
) -> None:
    folder = fresh()
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", KILLED, str(folder), database]
    ended = subprocess.run(command, cwd=root, env={**os.environ}, check=False)

    assert ended.returncode == -signal.SIGKILL
    with opened(folder, database) as store:
        assert sorted(contents(store)) == sorted(["", *(f"C{i}" for i in range(1, 31))])
        done = take(store, folder, sales(40), batch=10)
        assert (done.new, done.known) == (10, 30)


def test_referrals_of_a_reading_that_was_cut_off_are_ruled_on_in_the_next(inviting: Fresh) -> None:
    text = as_csv(
        [
            {"id": "1", "customer": "N1", "date": "2026-01-05", "amount": "10.00", "referral_code": "AAAA"},
            {"id": "2", "customer": "C2", "date": "2026-01-05", "amount": "10.00"},
        ]
    )
    whole = kept(inviting(), text, batch=1)

    assert [states[2:] for states in whole[""]["referrals"]] == [
        ("N1", "converted"),
        (None, "invited"),
        (None, "invited"),
    ]
    assert kept(inviting(), text, batch=1, stop=1) == whole
    assert kept(inviting(), text, batch=1, stop=2) == whole


def test_a_refund_may_stand_before_its_sale(fresh: Fresh) -> None:
    rows = [
        {"id": "2", "customer": "C1", "date": "2026-01-06", "amount": "-10.00", "reverses": "1"},
        *({"id": f"x{i}", "customer": "C2", "date": "2026-01-05", "amount": "5.00"} for i in range(9)),
        {"id": "1", "customer": "C1", "date": "2026-01-05", "amount": "10.00"},
    ]
    for batch in (1, 3, 1000):
        folder = fresh()
        with opened(folder) as store:
            done = take(store, folder, as_csv(rows), batch=batch)
            assert (done.new, done.rejected) == (11, 0)
            assert [amount for _, _, amount, *_ in contents(store)["C1"]["transactions"]] == [1000, -1000]


def test_a_refund_finds_its_sale_in_an_earlier_file_and_goes_in_when_the_sale_has_come(
    fresh: Fresh,
) -> None:
    folder = fresh()
    refund = as_csv([{"id": "2", "customer": "C1", "date": "2026-01-06", "amount": "-10.00", "reverses": "1"}])
    with opened(folder) as store:
        assert take(store, folder, refund, "refund-orders.csv").rejected == 1
        take(store, folder, as_csv([{"id": "1", "customer": "C1", "date": "2026-01-05", "amount": "10.00"}]))
        done = take(store, folder, refund, "refund-orders.csv")
        assert (done.new, done.rejected, done.rejects_file) == (1, 0, "")


def test_a_stored_sale_is_not_changed_by_a_later_file(fresh: Fresh) -> None:
    folder = fresh()
    with opened(folder) as store:
        take(store, folder, sales(2))
        before = contents(store)

        done = take(store, folder, sales(3).replace("2,C2,2026-01-05,2.00", "2,C2,2026-01-05,2.50"), "orders.csv")

        assert (done.new, done.known, done.rejected) == (1, 1, 1)
        assert {who: what for who, what in contents(store).items() if who not in ("C3", "")} | {
            "": before[""]
        } == before
    reason = (folder / "rejects" / "orders.csv.rejects.csv").read_text(encoding="utf-8")
    assert "this id is stored already, as 2.00 EUR on 2026-01-05; what is stored never changes" in reason


@pytest.mark.parametrize("stranger", ["C1", "C9"])
def test_a_stored_event_is_not_changed_by_a_later_file(fresh: Fresh, stranger: str) -> None:
    folder, head = fresh(), "id,customer,date,kind,amount\n"
    first = [f"{number},C1,2026-01-05,quote.sent,{number}.50" for number in range(9)]
    other = [f"1,{stranger},2026-01-06,quote.sent,1.50", "2,C1,2026-01-05,quote.sent,9.50"]
    with opened(folder) as store:
        take(store, folder, head + "\n".join(first), "events.csv")
        before = contents(store)

        done = take(store, folder, head + "\n".join([*other, *first[3:], "9,C1,2026-01-07,quote.sent,1"]), "events.csv")

        assert (done.new, done.known, done.rejected, done.contradicted) == (1, 6, 2, 2)
        assert contents(store).keys() == before.keys()  # a contradiction makes nobody a customer
        after = contents(store)["C1"]["events"]
        assert len(after) == len(first) + 1
        assert all(event in after for event in before["C1"]["events"])
    reasons = (folder / "rejects" / "events.csv.rejects.csv").read_text(encoding="utf-8")
    assert ("with another date and customer" in reasons) == (stranger != "C1")
    assert "with another amount; what is stored never changes" in reasons


def test_a_later_export_may_add_the_time_of_day(fresh: Fresh) -> None:
    folder = fresh()
    with opened(folder) as store:
        take(store, folder, sales(2))

        done = take(store, folder, sales(2).replace("2026-01-05", "2026-01-05T18:30:00"), "orders.csv")

        assert (done.known, done.rejected) == (2, 0)


def test_progress_is_told_of_every_row(fresh: Fresh) -> None:
    folder, told = fresh(), list[int]()
    with opened(folder) as store:
        take(store, folder, sales(25), batch=10, progress=told.append)

    assert told == [10, 10, 5]


def test_the_source_of_the_configuration_is_the_one_of_the_keys(fresh: Fresh) -> None:
    folder = fresh()
    path = folder / "sales.csv"
    path.write_text(sales(1), encoding="utf-8")
    with opened(folder) as store:
        for source, new in (("till", 1), ("till", 0), ("web", 1), ("", 1)):
            intake = Intake(shop=INTAKE.shop, readings={"transactions": Reading(source=source)}, event_kinds={})
            done = ingest(store, path, intake, kind=None, rejects=folder / "rejects", now=NOW)
            assert done.new == new
