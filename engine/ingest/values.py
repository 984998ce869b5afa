"""Values as files hold them: dates, amounts, codes, yes and no. Every reader raises ValueError with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from math import isfinite
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from engine.core.calendar import at_local, zone
from engine.core.money import exponent, parse_amount, to_minor
from engine.ingest.identity import email

_YES = {"yes", "y", "true", "1", "si", "sì", "s", "vero", "given", "x"}
_NO = {"no", "n", "false", "0", "falso", "withdrawn"}
_DAY_FIRST = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:,?[ T]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?)?", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/\d{4}\b", re.ASCII)
_SLASHED_ANYWHERE = re.compile(r"[0-9]/[0-9]{1,2}/[0-9]{4}")
YEARS = range(1900, 2200)  # no customer bought before, and no rule looks further; what lies outside is a slip
_SIGNS = {"€": "EUR", "£": "GBP", "EUR": "EUR", "GBP": "GBP", "USD": "USD", "CHF": "CHF"}
_LONGEST_DAY = len("2026-12-31")
_PLAIN = re.compile(r"-?[0-9]{1,15}(?:([.,])[0-9]{2})?")  # 12.50: what cash registers write, and quickly read
_NOT_DOLLARS = ("EUR", "GBP", "CHF")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """How a file writes: its decimal mark and date format ("" for the usual ones), and the clock of its bare times."""

    decimal: str = ""
    date_format: str = ""
    time_zone: str = "UTC"


def instant(value: object, tz: str, date_format: str = "") -> datetime:
    """An instant from an ISO 8601 date or date-time, 31/12/2026, or the configured format; a bare date is local noon.

    Local noon keeps the date in every zone of the shop's own continent. Raises ValueError.
    """
    found, has_clock = _moment(value, date_format)
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    return at_local(found.date(), found.time() if has_clock else time(12), tz)


def day(value: object, date_format: str = "") -> date:
    """A date, as it is written, whatever clock and zone stand behind it. Raises ValueError."""
    return _moment(value, date_format)[0].date()


def _moment(value: object, date_format: str) -> tuple[datetime, bool]:
    """Date and time as written, and whether there was a time. Day-first dates only where no format is configured."""
    text = str(value).strip()
    found = _by_format(text, date_format) or _by_iso(text) or (None if date_format else _by_day_first(text))
    if found is None:
        form = f"and not in the format {date_format}" if date_format else "or 31/12/2026 (another: date_format)"
        raise ValueError(f"'{text}' is not a date such as 2026-12-31 {form}")
    if found[0].year not in YEARS:
        raise ValueError(f"'{text}' lies in the year {found[0].year}")
    return found


def _by_format(text: str, form: str) -> tuple[datetime, bool] | None:
    try:
        return (datetime.strptime(text, form), has_clock(form)) if form else None  # noqa: DTZ007 - zoned by the caller
    except ValueError:
        return None


def _by_iso(text: str) -> tuple[datetime, bool] | None:
    try:
        if len(text) <= _LONGEST_DAY:
            return datetime.combine(date.fromisoformat(text), time(0)), False
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text), True
    except ValueError:
        return None


def _by_day_first(text: str) -> tuple[datetime, bool] | None:
    found = _DAY_FIRST.fullmatch(text)
    if found is None:
        return None
    days, _, month, year, hour, minute, second = found.groups()
    try:
        clock = time(int(hour or 0), int(minute or 0), int(second or 0))
        return datetime.combine(date(int(year), int(month), int(days)), clock), hour is not None
    except ValueError:
        return None


def has_clock(form: str) -> bool:
    """Whether a date format also holds a time."""
    return any(sign in form for sign in ("%H", "%I", "%X", "%c"))


def tells_dates(form: str) -> bool:
    """Whether a date format names day, month and year: what it writes it can read again."""
    sample = datetime(2026, 12, 31, 23, 0)  # noqa: DTZ001 - a date on paper
    try:
        return datetime.strptime(sample.strftime(form), form).date() == sample.date()  # noqa: DTZ007 - the same
    except (ValueError, re.error):
        return False


def has_slashed(text: str) -> bool:
    """Whether a text may hold dates such as 12/31/2026 at all."""
    return "/" in text and _SLASHED_ANYWHERE.search(text) is not None


def month_first(texts: Iterable[object]) -> str:
    """The first date that only a month-first reading allows (12/31/2026), if no other one rules that out; else ""."""
    sign = ""
    for text in texts:
        found = _SLASHED.match(text.strip()) if isinstance(text, str) else None
        if found and int(found[1]) > 12:
            return ""
        if found and int(found[2]) > 12:
            sign = sign or found[0]
    return sign


def money(value: object, currency: str, decimal: str = "") -> int:
    """An amount in minor units of `currency`; a number of JSON means what it says. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        # a sum of cents in binary may be 0.30000000000000004
        return to_minor(Decimal(repr(round(value, 6))), currency)
    text = _single(value)
    plain = _PLAIN.fullmatch(text)
    if plain and plain[1] and decimal in ("", plain[1]) and exponent(currency) == len("50"):
        return int(text.replace(plain[1], ""))
    for sign, own in _SIGNS.items():
        if sign in text and own != currency:
            raise ValueError(f"'{text}' is in {own}, and this row is in {currency}")
    if "$" in text and currency in _NOT_DOLLARS:
        raise ValueError(f"'{text}' is in dollars, and this row is in {currency}")
    return to_minor(parse_amount(text, decimal), currency)


def currency(value: object) -> str:
    """An ISO 4217 code, in use or of the past; the signs for euro and pound are understood."""
    text = _single(value).upper()
    code = {"€": "EUR", "EURO": "EUR", "£": "GBP"}.get(text, text)
    if code not in get_global("all_currencies"):
        raise ValueError(f"'{value}' is not a currency code such as EUR")
    return code


def known_kind(kind: str, kinds: Mapping[str, Mapping[str, str]]) -> str:
    """One of the event kinds there are; else ValueError with the nearest one, or how to declare it."""
    if kind in kinds:
        return kind
    near = get_close_matches(kind, kinds, n=1)
    hint = f"did you mean {near[0]}?" if near else f'declare it in premura.toml: [events."{kind}"]'
    raise ValueError(f"'{kind}' is not a kind of event that is known; {hint}")


def one_of(value: object, allowed: tuple[str, ...]) -> str:
    """One of the allowed words, in lower case."""
    plain = _single(value).lower()
    if plain not in allowed:
        raise ValueError(f"'{value}' is none of {', '.join(allowed)}")
    return plain


def yes_or_no(value: object) -> bool:
    """A yes or a no, in English or Italian."""
    plain = _single(value).lower()
    if plain not in _YES | _NO:
        raise ValueError(f"'{value}' is neither yes nor no")
    return plain in _YES


def country(value: object) -> str:
    """An ISO 3166-1 alpha-2 code, from the code or from the country's name in Italian or English."""
    text = _single(value)
    code = _countries().get(text.casefold(), text.upper())
    code = "GB" if code == "UK" else code
    if code not in get_global("territory_currencies"):
        raise ValueError(f"'{value}' is not a country such as IT or Italia")
    return code


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    names: dict[str, str] = {}
    for language in ("en", "it"):
        territories = Locale.parse(language).territories.items()
        names |= {name.casefold(): code for code, name in territories if len(code) == 2}
    return names


def locale(value: object) -> str:
    """A locale as CLDR spells it: ``it-it`` becomes ``it_IT``."""
    return _locale(_single(value))


@lru_cache(maxsize=256)
def _locale(name: str) -> str:
    try:
        return str(Locale.parse(name.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"'{name}' is not a locale such as it_IT") from None


def time_zone(value: object) -> str:
    """An IANA time zone name."""
    return zone(_single(value)).key


def text(value: object) -> str:
    """A text; a number or a truth as JSON writes it. Raises ValueError for a list or an object."""
    return _single(value)


def _single(value: object) -> str:
    if isinstance(value, list | dict):
        raise ValueError(f"{value} is not a single value")  # noqa: TRY004 - a wrong value of a file, not of a caller
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def number(value: object, how: Notation) -> float:
    """A number as people write it, or as JSON does."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    plain = _PLAIN.fullmatch(value) if isinstance(value, str) else None
    if plain and how.decimal in ("", plain[1] or ""):
        return float(plain[0].replace(",", "."))
    try:
        found = float(str(value)) if is_number else float(parse_amount(_single(value), how.decimal))
    except OverflowError:
        found = float("inf")
    if not isfinite(found):
        raise ValueError(f"'{str(value)[:40]}' is beyond all measure")
    return found


def whole(value: object, how: Notation) -> int:
    """A whole number that 64 bits hold."""
    found = number(value, how)
    if found != int(found) or abs(found) >= 2**63:
        raise ValueError(f"'{value}' is not a whole number")
    return int(found)


def timestamp(value: object, how: Notation) -> str:
    """A day or an instant, as ISO 8601 text."""
    found, timed = _moment(value, how.date_format)
    if not timed:
        return found.date().isoformat()
    return instant(value, how.time_zone, how.date_format).isoformat()


def typed(type_name: str, how: Notation) -> Callable[[Any], Any]:
    """The reader of an event's field or a customer's attribute by its declared type; without one, it stays as it is."""
    parse = _TYPED.get(type_name)
    return (lambda value: parse(value, how)) if parse else (lambda value: value)


_TYPED: dict[str, Callable[[Any, Notation], Any]] = {
    "string": lambda value, _: text(value),
    "double": number,
    "int": whole,
    "bool": lambda value, _: yes_or_no(value),
    "timestamp": timestamp,
}
CUSTOMER_TEXT: dict[str, Callable[[Any], str]] = {
    "email": lambda value: email(text(value)),
    "country": country,
    "time_zone": time_zone,
    "locale": locale,
}
