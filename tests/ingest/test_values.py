from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.calendar import local_date
from engine.core.money import to_major
from engine.ingest import values
from engine.ingest.values import Notation

ROME = "Europe/Rome"
USUAL = Notation(time_zone=ROME)
DAYS = st.dates(date(1900, 1, 2), date(2199, 12, 30))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NEARLY = st.text("0123456789-/.:,TZ+€$ '\u00a0e", max_size=30)  # what dates and amounts are made of
READERS: dict[str, Any] = {
    "instant": lambda value: values.instant(value, ROME),
    "instant by format": lambda value: values.instant(value, ROME, "%m/%d/%Y %H:%M"),
    "day": values.day,
    "money": lambda value: values.money(value, "EUR"),
    "money with comma": lambda value: values.money(value, "JPY", ","),
    "currency": values.currency,
    "country": values.country,
    "locale": values.locale,
    "time zone": values.time_zone,
    "yes or no": values.yes_or_no,
    "one of": lambda value: values.one_of(value, ("any", "email")),
    "kind": lambda value: values.known_kind(str(value), {"quote.sent": {}}),
    "text": values.text,
    **{name: values.typed(name, USUAL) for name in ("string", "double", "int", "bool", "timestamp")},
}


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40)
@given(value=JSON | NEARLY)
@example(value="9" * 400)
@example(value=10**400)
@example(value="0001-01-01T00:00:00+23:59")
@example(value="1e999999999")
@example(value="\ud800")
@example(value="../../../etc/localtime")
@example(value="a\0b")
def test_a_reader_says_what_is_wrong_and_never_breaks(name: str, value: Any) -> None:
    with suppress(ValueError):
        READERS[name](value)


@given(DAYS)
def test_every_usual_way_to_write_a_day(day: date) -> None:
    ways = [
        day.isoformat(),
        f"{day:%Y%m%d}",
        f"{day.day}/{day.month}/{day.year}",
        f"{day:%d/%m/}{day.year}",
        f"{day:%d.%m.}{day.year}",
        f"{day:%d-%m-}{day.year} ",
        f"{day.isoformat()} 12:00",
        f"{day.isoformat()}T12:00:00",
        f"{day:%d/%m/}{day.year}, 12.00",
    ]
    for text in ways:
        assert values.day(text) == day, text
        assert values.instant(text, ROME) == values.instant(day.isoformat(), ROME), text
    assert local_date(values.instant(day.isoformat(), ROME), ROME) == day


@given(st.builds(datetime.combine, DAYS, st.times()), st.integers(-14 * 60, 14 * 60))
def test_an_offset_is_kept_and_a_bare_time_is_the_shops(moment: datetime, minutes: int) -> None:
    text = moment.isoformat()
    ahead = "-" if minutes < 0 else "+"
    offset = f"{ahead}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

    assert values.instant(text + offset, ROME) == moment.replace(tzinfo=UTC) - timedelta(minutes=minutes)
    assert values.day(text + offset) == moment.date()
    assert values.instant(text + "Z", ROME) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-07-01T10:30", 8.5), ("01/07/2026 10:30", 8.5), ("2026-07-01 10:30:00", 8.5), ("2026-07-01", 10)],
)
def test_local_times_are_on_the_clocks_of_the_shop(text: str, hour: float) -> None:
    assert values.instant(text, ROME) == datetime(2026, 7, 1, tzinfo=UTC) + timedelta(hours=hour)


def test_a_time_that_the_clocks_skip_is_the_first_after_it() -> None:
    assert values.instant("2026-03-29 02:30", ROME) == datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%m/%d/%Y", "02/03/2026", datetime(2026, 2, 3, 11, tzinfo=UTC)),
        ("%m/%d/%Y %I:%M %p", "02/03/2026 06:15 PM", datetime(2026, 2, 3, 17, 15, tzinfo=UTC)),
        ("%d %b %Y %z", "03 Feb 2026 +0500", datetime(2026, 2, 2, 19, tzinfo=UTC)),
        ("%m/%d/%Y", "2026-02-03", datetime(2026, 2, 3, 11, tzinfo=UTC)),
    ],
)
def test_a_configured_format(form: str, text: str, expected: datetime) -> None:
    assert values.tells_dates(form.replace(" %z", ""))
    assert values.instant(text, ROME, form) == expected


@pytest.mark.parametrize("text", ["2026-02-29", "29/02/2026", "1/1/26", "32/01/2026", "1/2-2026", "2026-1-1", "45000"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date such as 2026-12-31 or 31/12/2026"):
        values.instant(text, ROME)


@pytest.mark.parametrize(
    ("texts", "sign"),
    [
        (["01/02/2026", "12/31/2026", "1/20/2026"], "12/31/2026"),
        (["01/13/2026 10:00"], "01/13/2026"),
        (["01/02/2026", "31/12/2026", "12/31/2026"], ""),
        (["01/02/2026", "02/03/2026"], ""),
        (["2026-12-31", None, 7, "", "12/31/26", "99/99/2026"], ""),
        ([], ""),
    ],
)
def test_dates_that_begin_with_the_month_are_noticed(texts: list[object], sign: str) -> None:
    assert values.month_first(texts) == sign


@given(st.integers(-(10**15), 10**15), st.sampled_from(("EUR", "JPY", "KWD")))
def test_amounts_are_read_in_every_notation(minor: int, currency: str) -> None:
    major = to_major(minor, currency)
    english = f"{major:,}"
    italian = english.translate(str.maketrans(",.", ".,"))

    assert values.money(english, currency, ".") == minor
    assert values.money(italian, currency, ",") == minor
    assert values.money(italian.replace(".", " "), currency, ",") == minor
    assert values.money(str(major), currency, ".") == minor


@given(st.integers(-(10**9), 10**9))
def test_a_number_of_json_is_the_amount_that_it_says(minor: int) -> None:
    assert values.money(minor / 100, "EUR") == minor
    assert values.money(minor / 100, "EUR", ",") == minor
    assert values.money(minor, "JPY") == minor
    assert values.money(json.loads(json.dumps(minor / 1000)), "KWD") == minor


@given(st.text() | NEARLY)
def test_an_amount_that_is_read_without_a_mark_is_the_only_one_it_can_be(text: str) -> None:
    """Where neither mark is configured, no other configuration may read another amount from the same text."""
    try:
        free = values.money(text, "EUR")
    except ValueError:
        return
    for mark in (",", "."):
        try:
            assert values.money(text, "EUR", mark) == free
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("text", "currency"),
    [("€ 5", "EUR"), ("5 EUR", "EUR"), ("£5", "GBP"), ("$5", "USD"), ("$5", "CAD"), ("5 CHF", "CHF"), ("5", "SEK")],
)
def test_a_sign_of_the_rows_own_currency(text: str, currency: str) -> None:
    assert values.money(text, currency) == 500


@pytest.mark.parametrize(
    ("text", "currency"), [("€ 5", "USD"), ("5 EUR", "CHF"), ("£5", "EUR"), ("$5", "GBP"), ("5 USD", "CAD")]
)
def test_a_sign_of_another_currency(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"and this row is in {currency}"):
        values.money(text, currency)


@pytest.mark.parametrize(
    ("said", "code"), [("eur", "EUR"), (" usd ", "USD"), ("€", "EUR"), ("Euro", "EUR"), ("£", "GBP"), ("ITL", "ITL")]
)
def test_currencies(said: str, code: str) -> None:
    assert values.currency(said) == code


@pytest.mark.parametrize("said", ["", "EU", "EURO€", "ÉUR", "XYZ", 978, ["EUR"]])
def test_no_currencies(said: object) -> None:
    with pytest.raises(ValueError, match=r"currency code|single value"):
        values.currency(said)


@pytest.mark.parametrize(
    ("said", "code"),
    [("it", "IT"), ("Italia", "IT"), ("ITALY", "IT"), ("San Marino", "SM"), ("Stati Uniti", "US"), ("uk", "GB")],
)
def test_countries(said: str, code: str) -> None:
    assert values.country(said) == code


@pytest.mark.parametrize("said", ["", "XX", "ITA", "ÉÉ", "mondo", "001"])
def test_no_countries(said: str) -> None:
    with pytest.raises(ValueError, match="is not a country such as IT or Italia"):
        values.country(said)


@pytest.mark.parametrize("yes", ["yes", "Sì", "si", "S", "x", "1", "TRUE", "vero", True, 1])
def test_yes(yes: object) -> None:
    assert values.yes_or_no(yes) is True


@pytest.mark.parametrize("no", ["no", "N", "0", "false", "falso", "withdrawn", False, 0])
def test_no(no: object) -> None:
    assert values.yes_or_no(no) is False


@pytest.mark.parametrize("neither", ["", "maybe", 2, 1.5, [True]])
def test_neither_yes_nor_no(neither: object) -> None:
    with pytest.raises(ValueError, match=r"neither yes nor no|single value"):
        values.yes_or_no(neither)


@pytest.mark.parametrize(
    ("type_name", "said", "kept"),
    [
        ("string", 12, "12"),
        ("string", True, "true"),
        ("double", "1.234,5", 1234.5),
        ("double", -3, -3.0),
        ("int", "1.200.000", 1200000),
        ("int", 4.0, 4),
        ("bool", "sì", True),
        ("timestamp", "31/12/2026", "2026-12-31"),
        ("timestamp", "2026-12-31 10:00", "2026-12-31T09:00:00+00:00"),
        ("", {"any": ["thing"]}, {"any": ["thing"]}),
    ],
)
def test_fields_by_their_declared_type(type_name: str, said: Any, kept: Any) -> None:
    found = values.typed(type_name, USUAL)(said)

    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("type_name", "said"),
    [
        ("double", "9" * 400),
        ("double", 10**400),
        ("double", True),
        ("double", [1]),
        ("int", 4.5),
        ("int", 2**63),
        ("int", "1,5"),
        ("bool", "perhaps"),
        ("string", {"a": 1}),
        ("timestamp", "tomorrow"),
    ],
)
def test_fields_that_are_not_of_their_type(type_name: str, said: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        values.typed(type_name, USUAL)(said)


def test_a_number_in_the_notation_of_the_file() -> None:
    assert values.number("1.234", Notation(decimal=",")) == 1234
    assert values.number("1.234", Notation(decimal=".")) == 1.234
    assert values.number(1.234, Notation(decimal=",")) == 1.234
    assert Decimal(str(values.number("0.1", USUAL))) == Decimal("0.1")
