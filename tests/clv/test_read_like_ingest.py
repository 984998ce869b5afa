"""A random file, read by `premura clv` and by ingest: the same rows, the same dates, the same amounts."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.clv import blocks
from engine.clv.read import read
from engine.errors import IngestError
from engine.ingest import formats, values
from engine.ingest.identity import reference

ANY_DAY = st.dates(date(1890, 1, 1), date(2210, 1, 1))
USUAL_DAY = st.dates(date(2024, 1, 1), date(2025, 12, 31))
CLOCKS = ("", "", "T10:22", " 10:22:00", "T23:59:59Z", " 00:00:00.125+02:00", "T24:30", " 9:05", ", 10.22", "T10")
WAYS = ("%Y-%m-%d", "%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d", "%m/%d/%Y", "%Y/%m/%d", "%d/%m-%Y")
JUNK = st.text("0123456789-/.:,;\tTZ+€ \"'|eEà\u00a0n\n\r", max_size=12)
IDS = st.integers(-5, 30).map(str) | st.sampled_from(["C1", "c1", "007", "+7", "7.0", " 7", "è", "", "9" * 30, 'a"b'])


@st.composite
def dates(draw: st.DrawFn, ways: tuple[str, ...]) -> str:
    day = draw(USUAL_DAY | ANY_DAY) if draw(st.integers(0, 9)) == 0 else draw(USUAL_DAY)
    return day.strftime(draw(st.sampled_from(ways))) + draw(st.sampled_from(CLOCKS))


@st.composite
def amounts(draw: st.DrawFn) -> str:
    minor = draw(st.integers(-200_000, 9_000_000) | st.integers(-(10**19), 10**19))
    english = f"{minor / 100:,.2f}" if abs(minor) < 10**12 else f"{minor}"
    way = draw(st.integers(0, 5))
    if way == 0:
        return english
    if way == 1:
        return english.replace(",", "")
    if way == 2:
        return english.translate(str.maketrans(",.", ".,"))
    if way == 3:
        return f"€ {english}".translate(str.maketrans(",.", ".,"))
    return draw(
        st.sampled_from([f"{minor}", f"{minor / 1000}", "1.234", "0.5", "5.", ".5", "1e3", "nan", "inf", "1,5"])
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, int]:
    """A CSV of our three columns and perhaps a fourth, tidy or not, and the size of the blocks to read it in."""
    size = draw(st.sampled_from([48, 200, 1 << 22]))
    ways = tuple(draw(st.lists(st.sampled_from(WAYS), min_size=1, max_size=2)))
    delimiter = draw(st.sampled_from(",;\t|"))
    header = draw(st.permutations(["customer", "date", "amount", *draw(st.sampled_from([[], ["what"], ["", "n"]]))]))
    mixed = draw(st.booleans())
    notation = draw(st.integers(0, 3))
    text = io.StringIO(newline="")
    end = draw(st.sampled_from(["\n", "\r\n"]))
    stray = '"' if size > 200 else ""  # a quote that is never closed is closed by the end of a block
    every = draw(st.booleans())
    writer = csv.writer(
        text, delimiter=delimiter, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL, lineterminator=end
    )
    writer.writerow(header)
    for _ in range(draw(st.integers(0, 12))):
        minor = draw(st.integers(-99, 2_000_000))
        plain = [f"{minor / 100:.2f}", f"{minor / 100:.2f}".replace(".", ","), str(minor), f"€ {minor}"][notation]
        said = {
            "customer": draw(IDS | JUNK if mixed else IDS),
            "date": draw(dates(ways) | JUNK if mixed else dates(ways)),
            "amount": draw(amounts() | JUNK) if mixed else plain,
        }
        cells = [said.get(name, draw(st.sampled_from(["", "x", '5" pipe', "two\nlines"]))) for name in header]
        odd = draw(st.integers(0, 15)) if mixed else 9
        writer.writerow(
            cells[:-1] if odd == 0 else [*cells, "", ""] if odd == 1 else [*cells, "z"] if odd == 2 else cells
        )
        text.write({3: end, 4: delimiter * (len(header) - 1) + end, 5: stray, 6: " " + end, 7: "\r"}.get(odd, ""))
    said_by_excel = f"sep={delimiter}{end}" if draw(st.integers(0, 5)) == 0 else ""
    whole = said_by_excel + text.getvalue()
    if draw(st.booleans()):
        whole = whole.removesuffix(end)
    if draw(st.booleans()):
        return whole.encode("utf-8-sig"), size
    return whole.encode(draw(st.sampled_from(["utf-8", "cp1252"]))), size


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What ingest makes of a row: None, or customer, day and amount; `free` where we may read more than it does."""

    row: int
    fact: tuple[str, int, int] | None
    free: bool


def as_ingest_reads(data: bytes) -> list[Told]:
    rows = list(formats.read(formats.decode(data, "f.csv"), "f.csv").rows)
    american = values.month_first(row.values.get("date", "").replace("T", " ") for row in rows)
    told = []
    for row in rows:
        reasons, fact = [], []
        for name in ("customer", "date", "amount"):
            try:
                fact.append(_value(name, row.values.get(name, ""), american))
            except ValueError as error:
                reasons.append((name, str(error)))
        if row.fault:
            reasons.append(("", row.fault))
        free = all(name == "amount" and _may_be_read(text, row.values.get("amount", "")) for name, text in reasons)
        good = (str(fact[0]), int(fact[1]), int(fact[2])) if not reasons else None
        told.append(Told(row=row.number, fact=good, free=bool(reasons) and free))
    return told


def _value(name: str, said: str, american: str) -> str | int:
    if name == "customer":
        return reference(said)
    if name == "amount":
        if not said:
            raise ValueError("is empty")
        return values.money(said, "EUR")
    month_and_day = r"^\s*(\d{1,2})/(\d{1,2})(?=/\d{4}(?!\d))"
    return values.day(re.sub(month_and_day, r"\2/\1", said, flags=re.ASCII) if american else said).toordinal()


def _may_be_read(reason: str, said: str) -> bool:
    """More decimals are rounded, the file tells what a single amount does not, and machines write exponents."""
    machine = said.lstrip("+-").startswith(".") or "e" in said.lower()
    return "more decimals" in reason or "may be thousands" in reason or (machine and "is not an amount" in reason)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(files())
@example((b"customer,date,amount\n1,2026-01-31,12,50\n", 99))
@example((b"customer,date,amount,what\n1,2026-01-31,12,50\n1,2026-01-31,5\n", 1 << 20))
@example((b"customer,date,amount\n\n1,2026-01-31,12\n\n\n", 99))
@example((b'customer,date,amount,what\n1,2026-01-31,12,5" pipe\n2,2026-01-31,13,6" pipe\n', 1 << 20))
@example((b"customer;date;amount\n1;31/12/2026;1.234\n1;31/12/2026;1.234,5\n", 99))
@example((b"customer;date;amount\n1;31/12/2026;0.123\n1;31/12/2026;1234,567\n", 99))
@example((b"customer,date,amount\r1,2026-01-31,12\r", 99))
def test_what_ingest_reads_is_read_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[bytes, int]
) -> None:  # fmt: skip
    data, size = case
    monkeypatch.setattr(blocks, "SIZE", size)
    path = tmp_path / "f.csv"
    path.write_bytes(data)
    told = as_ingest_reads(data)
    if not any(row.fact or row.free for row in told):
        with pytest.raises(IngestError):
            read(path)
        return
    if not any(row.fact for row in told):
        return  # nothing that must be read

    table = read(path)

    assert table.rows == len(told)
    wrong = {reject.row for reject in table.rejects}
    good = [row for row in told if row.row not in wrong]
    assert len(good) == len(table.customer) == table.rows - table.rejected
    assert [row for row in told if row.fact and row.row in wrong] == []
    for row, code, day, minor in zip(good, table.customer, table.day, table.amount_minor, strict=True):
        assert row.free or row.fact == (str(table.names[code]), day, minor), row


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300), st.sampled_from([100, 1000, 1 << 22]), st.booleans())
def test_a_tidy_file_says_what_was_written_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, rows: int, size: int, italian: bool
) -> None:  # fmt: skip
    monkeypatch.setattr(blocks, "SIZE", size)
    facts = [
        (1 + seed * number % 50, date(2025, 1, 1) + timedelta(days=number // 3), (seed >> number % 20) % 10**6 - 10**4)
        for number in range(1, rows + 1)
    ]
    way, mark, delimiter = ("%d/%m/%Y", ",", ";") if italian else ("%Y-%m-%d", ".", ",")
    lines = [f"{who}{delimiter}{day.strftime(way)}{delimiter}{minor / 100:.2f}" for who, day, minor in facts]
    path = tmp_path / "f.csv"
    path.write_text("\n".join([f"customer{delimiter}date{delimiter}amount", *(_mark(line, mark) for line in lines)]))

    table = read(path)

    names = [int(table.names[code]) for code in table.customer]
    days = [date.fromordinal(day) for day in table.day.tolist()]
    assert list(zip(names, days, table.amount_minor.tolist(), strict=True)) == facts
    assert (table.rows, table.rejected, table.rejects) == (rows, 0, ())


def _mark(line: str, mark: str) -> str:
    return line.replace(".", mark)
