"""The two languages say the same things, and write numbers as their readers do."""

from __future__ import annotations

from dataclasses import fields
from string import Formatter

import pytest

from engine.charts.words import ENGLISH, ITALIAN, Words, words


def texts(language: Words) -> dict[str, str]:
    found = {field.name: getattr(language, field.name) for field in fields(language)}
    axes, units = found.pop("alive_x"), found.pop("units")
    return (
        found
        | {f"alive_x {unit}": text for unit, text in axes.items()}
        | {f"{unit} {number}": text for unit, both in units.items() for number, text in enumerate(both, start=1)}
    )


def test_every_sentence_is_there_in_both_with_the_same_blanks() -> None:
    english, italian = texts(ENGLISH), texts(ITALIAN)

    assert english.keys() == italian.keys()
    for name, text in english.items():
        blanks, others = (
            {blank for _, blank, _, _ in Formatter().parse(said) if blank} for said in (text, italian[name])
        )
        assert blanks == others, name
        assert text, name
        assert italian[name], name
        assert text != italian[name], name


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("it", "it"),
        ("it_IT", "it"),
        ("it-CH", "it"),
        ("IT", "it"),
        ("en_GB", "en"),
        ("de", "en"),
        ("", "en"),
        ("ita", "en"),
    ],
)
def test_a_locale_without_words_is_english(locale: str, language: str) -> None:
    assert words(locale).language == language


def test_numbers_are_written_as_the_language_does() -> None:
    assert (ENGLISH.number(12345.6), ITALIAN.number(12345.6)) == ("12,346", "12.346")
    assert (ENGLISH.number(7.25), ITALIAN.number(7.26)) == ("7.2", "7,3")
    assert (ENGLISH.percent(0.468), ITALIAN.percent(0.468, decimals=1)) == ("47%", "46,8%")
    assert (ENGLISH.span(39.0, "week"), ITALIAN.span(39.0, "week")) == ("39 weeks", "39 settimane")
    assert (ENGLISH.span(1.0, "month"), ITALIAN.span(1.0, "day")) == ("1 month", "1 giorno")
    assert ITALIAN.span(6.5, "month") == "6,5 mesi"


def test_weeks_begin_on_sunday_for_the_axis() -> None:
    time = ITALIAN.marks()["time"]

    assert (time["days"][0], time["days"][1], time["shortMonths"][0]) == ("domenica", "lunedì", "gen")
    assert ENGLISH.marks()["number"]["thousands"] == ","
