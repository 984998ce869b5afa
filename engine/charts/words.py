"""Which language a picture speaks."""

from __future__ import annotations

from engine.charts.english import ENGLISH
from engine.charts.italian import ITALIAN
from engine.charts.phrases import Words

__all__ = ["ENGLISH", "ITALIAN", "Words", "words"]


def words(locale: str) -> Words:
    """The words for a locale such as ``it_IT``; English for every language that has none here."""
    return ITALIAN if locale.lower().replace("-", "_").partition("_")[0] == "it" else ENGLISH
