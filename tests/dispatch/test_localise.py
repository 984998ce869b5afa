"""Amounts, dates and numbers as readers of a language write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.money import parse_amount
from engine.dispatch.localise import date_text, known_locale, money_text
from engine.dispatch.render import Templates
from engine.errors import RuleError

DAY = date(2026, 3, 9)


def shown(expression: str, locale: str = "it", **context: object) -> str:
    return Templates(
        {"note/n.it.txt.j2": "{{ " + expression + " }}", "note/n.en.txt.j2": "{{ " + expression + " }}"}
    ).text("note/n", locale, context)


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "expected"),
    [
        (123450, "EUR", "it", "1.234,50\xa0€"),
        (123450, "EUR", "en", "€1,234.50"),
        (-5, "EUR", "it", "-0,05\xa0€"),
        (1234, "JPY", "en", "¥1,234"),
        (1234567, "TND", "it", "1.234,567\xa0TND"),
        (Decimal("812.5"), "EUR", "it", "812,50\xa0€"),
    ],
)
def test_money(amount: int | Decimal, currency: str, locale: str, expected: str) -> None:
    assert money_text(amount, currency, locale) == expected


@given(minor=st.integers(0, 10**12))
def test_money_reads_back(minor: int) -> None:
    digits = money_text(minor, "EUR", "it").removesuffix("\xa0€")
    assert parse_amount(digits, ",") * 100 == minor


@pytest.mark.parametrize(
    ("style", "locale", "expected"),
    [
        ("long", "it", "9 marzo 2026"),
        ("short", "it", "09/03/26"),
        ("weekday", "it", "lunedì 9 marzo"),
        ("month", "it", "marzo 2026"),
        ("the", "it", "il 9 marzo 2026"),
        ("the", "en_GB", "9 March 2026"),
        ("long", "en", "March 9, 2026"),
        ("weekday", "en", "Monday, March 9"),
        ("weekday", "de", "Montag, 9. März"),
        ("weekday", "es", "lunes, 9 de marzo"),
    ],
)
def test_dates(style: str, locale: str, expected: str) -> None:
    assert date_text(DAY, style, locale) == expected


def test_in_italian_the_eighth_and_the_eleventh_lose_a_vowel() -> None:
    said = [date_text(date(2026, 3, day), "the", "it_IT").split()[0] for day in range(1, 32)]

    assert [day for day, article in enumerate(said, 1) if article != "il"] == [8, 11]
    assert (said[7], said[10]) == ("l'8", "l'11")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("it-it", "it_IT"), ("it", "it"), ("xx_YY", ""), ("", ""), ("à la carte", ""), ("it_IT_x", "")],
)
def test_known_locales(name: str, expected: str) -> None:
    assert known_locale(name) == expected


def test_filters_follow_the_reader() -> None:
    assert shown('123450 | money("EUR")', "it_IT") == "1.234,50 €"
    assert shown('123450 | money("EUR")', "en_GB") == "€1,234.50"
    assert shown("day | date", "en_GB", day=DAY) == "9 March 2026"
    assert shown('"2026-03-09" | date("short")', "it") == "09/03/26"
    assert shown("1234.5 | number", "it") == "1.234,5"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ('12.5 | money("EUR")', "whole minor units"),
        ('true | money("EUR")', "whole minor units"),
        ('"12" | money("EUR")', "whole minor units"),
        ('12 | money("Euro")', "a currency such as EUR"),
        ("12 | money", "currency"),
        ('12 | date("long")', "a calendar date"),
        ("when | date", "a calendar date"),
        ('day | date("tiny")', "knows the styles long, short, the, weekday, month"),
        ('"2026-02-30" | date', "day"),
        ('"x" | number', "takes a number"),
        ("event.amount | money(event.currency)", "'event' has no field 'amount'"),
    ],
)
def test_what_filters_refuse(expression: str, said: str) -> None:
    with pytest.raises(RuleError, match=said) as error:
        shown(expression, day=DAY, when=datetime(2026, 3, 9), event={})  # noqa: DTZ001 - whatever its zone, it is refused
    assert str(error.value).startswith("templates/note/n.it.txt.j2:1: T00")


def test_a_macro_that_cannot_know_the_reader_says_so() -> None:
    sources = {
        "note/_m.j2": '{% macro price() %}{{ 100 | money("EUR") }}{% endmacro %}',
        "note/n.en.txt.j2": '{% from "note/_m.j2" import price %}\n{{ price() }}',
        "note/w.en.txt.j2": '{% from "note/_m.j2" import price with context %}\n{{ price() }}',
    }
    with pytest.raises(RuleError, match="with context"):
        Templates(sources).text("note/n", "en", {})
    assert Templates(sources).text("note/w", "en", {}) == "€1.00"
