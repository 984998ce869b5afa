"""A text in several languages is read in the reader's, as near as there is one."""

from __future__ import annotations

import pytest

from engine.core.wording import said_in

BOTH = {"it": "Auguri", "en": "Wishes"}


@pytest.mark.parametrize(
    ("text", "locale", "said"),
    [
        ("Wishes", "it_IT", "Wishes"),
        (BOTH, "it_IT", "Auguri"),
        (BOTH, "it", "Auguri"),
        (BOTH, "de_DE", "Wishes"),
        (BOTH, "", "Wishes"),
        ({**BOTH, "it_CH": "Tanti auguri"}, "it_CH", "Tanti auguri"),
        ({"it": "Auguri", "fr": "Vœux"}, "de", "Auguri"),
        ({}, "de", ""),
    ],
)
def test_it_is_that_of_the_reader_or_the_next_best(text: str | dict[str, str], locale: str, said: str) -> None:
    assert said_in(text, locale) == said
