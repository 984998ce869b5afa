"""Values as files hold them: dates, amounts, codes, yes and no. Every reader raises ValueError with what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from typing import Any

from engine.core.calendar import at_local, zone
from engine.core.money import parse_amount
from engine.ingest.identity import email

_YES = {"yes", "y", "true", "1", "si", "sì", "s", "given", "x"}
_NO = {"no", "n", "false", "0", "withdrawn", ""}
_DATE_FORMATS = ("%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y", "%d.%m.%Y")


def instant(value: object, tz: str, date_format: str = "") -> datetime:
    """An instant from an ISO 8601 date or date-time, 31/12/2026, or the configured format; a bare date is local noon.

    Local noon keeps the date in every zone of the shop's own continent. Raises ValueError.
    """
    text = str(value).strip()
    for form in (date_format, "", *_DATE_FORMATS):
        try:
            found = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - zoned below
        except ValueError:
            continue
        if found.tzinfo is not None:
            return found.astimezone(UTC)
        has_clock = len(text) > 10 and ":" in text
        return at_local(found.date(), found.time() if has_clock else time(12), tz)
    raise ValueError(f"'{text}' is not a date such as 2026-12-31 or 31/12/2026")


def day(value: object, date_format: str = "") -> date:
    """A date. Raises ValueError."""
    return instant(value, "UTC", date_format).date()


def currency(value: object) -> str:
    """An ISO 4217 code."""
    text = str(value).strip().upper()
    if len(text) != 3 or not text.isalpha():
        raise ValueError(f"'{value}' is not a currency code such as EUR")
    return text


def known_kind(kind: str, kinds: Mapping[str, Mapping[str, str]]) -> str:
    """One of the event kinds there are; else ValueError with the nearest one, or how to declare it."""
    if kind in kinds:
        return kind
    near = get_close_matches(kind, kinds, n=1)
    hint = f"did you mean {near[0]}?" if near else f'declare it in premura.toml: [events."{kind}"]'
    raise ValueError(f"'{kind}' is not a kind of event that is known; {hint}")


def one_of(text: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words, in lower case."""
    plain = text.lower()
    if plain not in allowed:
        raise ValueError(f"'{text}' is none of {', '.join(allowed)}")
    return plain


def yes_or_no(value: object) -> bool:
    """A yes or a no, in English or Italian."""
    plain = str(value).strip().lower()
    if plain not in _YES | _NO:
        raise ValueError(f"'{value}' is neither yes nor no")
    return plain in _YES


def country(value: object) -> str:
    """An ISO 3166-1 alpha-2 code."""
    text = str(value).strip().upper()
    if len(text) != 2 or not text.isalpha():
        raise ValueError(f"'{value}' is not a country code such as IT")
    return text


def time_zone(value: object) -> str:
    """An IANA time zone name."""
    return zone(str(value)).key


def number(value: object) -> float:
    """A number as people write it."""
    return float(value) if isinstance(value, int | float) else float(parse_amount(str(value)))


def whole(value: object) -> int:
    """A whole number."""
    found = number(value)
    if found != int(found):
        raise ValueError(f"'{value}' is not a whole number")
    return int(found)


def plain(value: Any) -> Any:
    """The value as JSON knows it."""
    return value if isinstance(value, str | int | float | bool) else str(value)


TYPED: dict[str, Callable[[Any], Any]] = {
    "string": str,
    "double": number,
    "int": whole,
    "bool": yes_or_no,
    "timestamp": lambda value: instant(value, "UTC").isoformat(),
}
CUSTOMER_TEXT: dict[str, Callable[[Any], Any]] = {"email": email, "country": country, "time_zone": time_zone}
