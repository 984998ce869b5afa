"""Money, dates and numbers as the reader's language writes them: the filters that templates have.

Babel knows the rules (CLDR); its answers are kept, since one run writes the same few amounts and days many times.
Non-breaking spaces stay in what comes out here: HTML wants them, plain text replaces them at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal
from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from engine.core.money import to_major

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_LENGTHS = ("long", "short")
DATE_STYLES = (*_LENGTHS, "the", "weekday", "month")


@lru_cache(maxsize=1024)
def known_locale(name: str) -> str:
    """The locale as CLDR spells it (``it-it`` becomes ``it_IT``); empty when CLDR does not know it."""
    try:
        return str(Locale.parse(name.replace("-", "_")))
    except (UnknownLocaleError, ValueError, TypeError):
        return ""


@lru_cache(maxsize=65536)
def money_text(amount: int | Decimal, currency: str, locale: str) -> str:
    """``123450, "EUR", "it"`` gives ``1.234,50 €``: an int counts minor units, a Decimal whole ones."""
    major = amount if isinstance(amount, Decimal) else to_major(amount, currency)
    return format_currency(major, currency, locale=locale)


@lru_cache(maxsize=16384)
def date_text(day: date, style: str, locale: str) -> str:
    """long: ``9 marzo 2026`` · short: ``09/03/26`` · weekday: ``lunedì 9 marzo`` · month: ``marzo 2026`` · the: long,
    with the article that a date has in Italian, ``il 9 marzo 2026`` but ``l'8 marzo 2026``."""
    if style == "month":
        return format_skeleton("yMMMM", day, locale=locale)
    if style == "the":
        long = format_date(day, "long", locale=locale)
        article = "l'" if day.day in (8, 11) else "il "
        return article + long if locale.partition("_")[0] == "it" else long
    return format_date(day, _weekday_pattern(locale) if style == "weekday" else style, locale=locale)


@lru_cache(maxsize=256)
def _weekday_pattern(locale: str) -> str:
    """The language's pattern for weekday, day and month, with both names written out (UTS 35, expanding a skeleton)."""
    skeletons = Locale.parse(locale).datetime_skeletons
    pattern = str(skeletons["MMMMEd" if "MMMMEd" in skeletons else "MMMEd"])
    return re.sub("E+", "EEEE", re.sub("[ML]{3,}", "MMMM", pattern))


@pass_context
def _money(context: Context, amount: object, currency: object) -> str:
    amount, currency = _given(amount), _given(currency)
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise TypeError(f"money takes whole minor units (cents) or a Decimal, not {amount!r}")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise ValueError(f"money takes a currency such as EUR, not {currency!r}")
    return money_text(amount, currency, _locale(context))


@pass_context
def _date(context: Context, day: object, style: object = "long") -> str:
    day = _given(day)
    if isinstance(day, str) and len(day) == 10:
        day = date.fromisoformat(day)
    if isinstance(day, datetime) or not isinstance(day, date):
        raise TypeError(f"date takes a calendar date or 2026-03-09, not {day!r}")
    if style not in DATE_STYLES:
        raise ValueError(f"date knows the styles {', '.join(DATE_STYLES)}, not {style!r}")
    return date_text(day, str(style), _locale(context))


@pass_context
def _number(context: Context, value: object) -> str:
    value = _given(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"number takes a number, not {value!r}")
    return format_decimal(value, locale=_locale(context))


def _locale(context: Context) -> str:
    if "locale" not in context:
        raise TypeError("money, date and number need the reader's language: write 'import ... with context'")
    return str(context["locale"])


def _given(value: object) -> object:
    """The value; one that is missing says so in its own words."""
    if isinstance(value, Undefined):
        str(value)
    return value


FILTERS: Mapping[str, Callable[..., str]] = {"money": _money, "date": _date, "number": _number}
