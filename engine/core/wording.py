"""A text that may be said in several languages: one for all, or one for each, by its locale. Pure."""

from __future__ import annotations

from collections.abc import Mapping

Worded = str | Mapping[str, str]
"""One text, or locale (``it``, ``it_CH``) -> text; never empty."""
COMMON = "en"
"""What is taken where a reader's language is not there."""


def said_in(text: Worded, locale: str) -> str:
    """The text for a reader: of their locale, else their language, else English, else the first that there is."""
    if isinstance(text, str):
        return text
    found = (text[one] for one in (locale, locale.partition("_")[0], COMMON) if one in text)
    return next(found, next(iter(text.values()), ""))
