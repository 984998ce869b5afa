"""What the pictures have to say, whatever the language; numbers and dates as CLDR writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale
from babel.numbers import format_decimal, format_percent

from engine.score.units import TimeUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language's words; those with braces are filled by the picture."""

    language: str
    actual: str
    predicted: str
    purchases_each: str
    units: Mapping[TimeUnit, tuple[str, str]]  # one, several

    tracking: str
    tracking_more: str
    tracking_whole: str
    tracking_unseen: str
    tracking_below: str
    tracking_above: str
    tracking_even: str
    tracking_y: str
    calibration: str
    window: str

    frequency: str
    frequency_more: str
    frequency_x: str
    and_more: str

    deciles: str
    deciles_more: str
    deciles_x: str

    alive: str
    alive_more: str
    alive_x: Mapping[TimeUnit, str]
    alive_y: str
    alive_legend: str
    once: str

    concentration: str
    concentration_more: str
    concentration_x: str
    concentration_y: str
    best: str
    equal: str

    def number(self, value: float) -> str:
        """``1,234`` or ``1.234``; one decimal below ten when there is one."""
        return str(format_decimal(round(value, 1 if abs(value) < 10 else 0), locale=self.language))

    def percent(self, share: float, decimals: int = 0) -> str:
        """``47%``; with a decimal ``4.7%`` or ``4,7%``."""
        pattern = "#,##0." + "0" * decimals + "%" if decimals else "#,##0%"
        return str(format_percent(share, pattern, locale=self.language))

    def span(self, length: float, unit: TimeUnit) -> str:
        """``39 weeks``, ``1 settimana``."""
        shown = self.number(length)
        one, many = self.units[unit]
        return f"{shown} {one if shown == '1' else many}"

    def marks(self) -> dict[str, Any]:
        """Separators and names of months and days, as Vega's configuration wants them."""
        locale = Locale.parse(self.language)
        months, days = locale.months["format"], locale.days["format"]
        week = (6, 0, 1, 2, 3, 4, 5)  # Vega's begins on Sunday, CLDR's 0 is Monday
        symbols = locale.number_symbols["latn"]
        return {
            "number": {
                "decimal": symbols["decimal"],
                "thousands": symbols["group"],
                "grouping": [3],
                "currency": ["", ""],
            },
            "time": {
                "dateTime": "%c",
                "date": "%x",
                "time": "%X",
                "periods": ["AM", "PM"],
                "days": [days["wide"][day] for day in week],
                "shortDays": [days["abbreviated"][day] for day in week],
                "months": [months["wide"][month] for month in range(1, 13)],
                "shortMonths": [months["abbreviated"][month] for month in range(1, 13)],
            },
        }
