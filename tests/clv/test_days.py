"""Dates in columns: the same as one by one."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.clv import days
from engine.ingest import values

NEARLY = st.text("0123456789-/.:,TZ+ ", max_size=25)
MOMENTS = st.builds(datetime.combine, st.dates(date(1890, 1, 1), date(2210, 1, 1)), st.times())
WAYS = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%Y%m%d",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S.%f",
    "%d.%m.%Y, %H.%M",
    "%d-%m-%Y %H:%M",
)
WRITTEN = st.builds(lambda moment, way: moment.strftime(way), MOMENTS, st.sampled_from(WAYS))


def day(text: str) -> int:
    try:
        return values.day(text).toordinal()
    except ValueError:
        return 0


@settings(max_examples=150)
@given(st.lists(WRITTEN | NEARLY | st.none(), max_size=6), st.integers(1, 20))
@example(["2025-01-31T24:00"], 1)
@example(["2025-01-31T10:00+25:00", "2025-01-31T10:00-0100", "2025-01-31T10"], 1)
@example(["1/2-2026 10:00", "1/2/2026  9:05", "31/02/2026 10:00"], 9)
def test_a_column_says_what_its_texts_say(texts: list[str | None], repeat: int) -> None:
    column = [text for text in texts for _ in range(repeat)]
    found = days.parse(pl.Series(column, dtype=pl.String))

    assert np.where(found.good, found.day, 0).tolist() == [day(text) if text else 0 for text in column]


@pytest.mark.parametrize(
    ("texts", "day_first", "month_first"),
    [
        (["31/12/2026", "01/02/2026"], "31/12/2026", ""),
        (["12/31/2026 10:00", "01/02/2026"], "", "12/31/2026"),
        (["12/31/2026", "31/12/2026"], "31/12/2026", "12/31/2026"),
        (["01/02/2026", "2026-12-31", "31.12.2026", None], "", ""),
    ],
)
def test_what_the_dates_tell_of_their_order(texts: list[str | None], day_first: str, month_first: str) -> None:
    found = days.parse(pl.Series(texts))
    assert (found.day_first, found.month_first) == (day_first, month_first)


def test_dates_with_the_month_first() -> None:
    texts = ["12/31/2026 8:26", "1/2/2026", "2026-03-04", "31/12/2026"]
    found = days.parse(pl.Series(texts), month_first=True)
    assert found.good.tolist() == [True, True, True, False]
    assert [date.fromordinal(one) for one in found.day[:3].tolist()] == [
        date(2026, 12, 31), date(2026, 1, 2), date(2026, 3, 4),
    ]  # fmt: skip


def test_no_day_comes_after_the_last_one() -> None:
    last = date(2026, 1, 1).toordinal()
    found = days.parse(pl.Series(["2026-01-01", "2026-01-02"]), last=last)
    assert found.good.tolist() == [True, False]
    assert days.fault("2026-01-02", month_first=False, last=last).endswith("(the last of them is 2026-01-01)")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("soon", "'soon' is not a date such as 2026-12-31 or 31/12/2026"),
        ("9999-12-31", "'9999-12-31' lies in the year 9999"),
        ("0001-01-01", "'0001-01-01' lies in the year 1"),
    ],
)
def test_what_is_wrong_with_a_date(text: str, reason: str) -> None:
    assert days.fault(text, month_first=False, last=days.LAST) == reason
