"""What the pictures say, in English and Italian; numbers and dates as CLDR writes them.

Italian sentences put percentages where they need no article, which would change with the number (il 7%, l'8%).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from babel import Locale
from babel.numbers import format_decimal, format_percent

from engine.score.history import TimeUnit


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


ENGLISH = Words(
    language="en",
    actual="what happened",
    predicted="predicted by the model",
    purchases_each="Purchases per customer",
    units=MappingProxyType({"day": ("day", "days"), "week": ("week", "weeks"), "month": ("month", "months")}),
    tracking="Repeat purchases: what happened and what the model predicted",
    tracking_more="{customers} customers; running total.",
    tracking_whole="Over the whole time",
    tracking_unseen="After the dotted line",
    tracking_below="{when} the model is {gap} below what happened.",
    tracking_above="{when} the model is {gap} above what happened.",
    tracking_even="{when} the model is right to a thousandth.",
    tracking_y="Repeat purchases so far",
    calibration="the model has seen this",
    window="and has not seen this",
    frequency="Who bought often before, and what they bought afterwards",
    frequency_more="Mean per customer over the {length} after the calibration, which the model has not seen",
    frequency_x="Repeat purchases during the calibration (below: how many customers)",
    and_more="{count} or more",
    deciles="Predicted and actual purchases, tenth by tenth",
    deciles_more="Customers in ten equal groups; mean per customer in a time that the model has not seen",
    deciles_x="Tenth of the customers (1: the highest prediction)",
    alive="Who is probably still a customer",
    alive_more="First purchase {age} ago. The more often somebody bought, the sooner silence means goodbye.",
    alive_x=MappingProxyType(
        {
            "day": "Days from the first purchase to the last",
            "week": "Weeks from the first purchase to the last",
            "month": "Months from the first purchase to the last",
        }
    ),
    alive_y="Repeat purchases",
    alive_legend="Probability",
    once="bought once: {chance}",
    concentration="The best tenth of the customers hold {share} of the expected value",
    concentration_more="{customers} customers, the most valuable first",
    concentration_x="Share of the customers",
    concentration_y="Share of the expected value",
    best="best {tenth} of the customers:|{share} of the value",
    equal="if all were worth the same",
)

ITALIAN = Words(
    language="it",
    actual="effettivi",
    predicted="previsti dal modello",
    purchases_each="Acquisti per cliente",
    units=MappingProxyType(
        {"day": ("giorno", "giorni"), "week": ("settimana", "settimane"), "month": ("mese", "mesi")}
    ),
    tracking="Riacquisti: quelli effettivi e quelli previsti dal modello",
    tracking_more="{customers} clienti; totale progressivo.",
    tracking_whole="Su tutto il periodo",
    tracking_unseen="Dopo la linea tratteggiata",
    tracking_below="{when} il modello sbaglia per difetto: −{gap}.",
    tracking_above="{when} il modello sbaglia per eccesso: +{gap}.",
    tracking_even="{when} il modello sbaglia di meno di un millesimo.",
    tracking_y="Riacquisti cumulati",
    calibration="periodo visto dal modello",
    window="periodo non visto",
    frequency="Chi comprava spesso, e quanto ha comprato dopo",
    frequency_more="Media per cliente in {length} che il modello non ha visto",
    frequency_x="Riacquisti durante la calibrazione (sotto: numero di clienti)",
    and_more="{count} o più",
    deciles="Acquisti previsti ed effettivi, decile per decile",
    deciles_more="Clienti in dieci gruppi uguali; media per cliente nel periodo che il modello non ha visto",
    deciles_x="Decile dei clienti (1: le previsioni più alte)",
    alive="Chi è probabilmente ancora cliente",
    alive_more="Primo acquisto {age} fa. Più spesso uno comprava, prima il silenzio vuol dire addio.",
    alive_x=MappingProxyType(
        {
            "day": "Giorni dal primo all’ultimo acquisto",
            "week": "Settimane dal primo all’ultimo acquisto",
            "month": "Mesi dal primo all’ultimo acquisto",
        }
    ),
    alive_y="Riacquisti",
    alive_legend="Probabilità",
    once="un solo acquisto: {chance}",
    concentration="Valore atteso del 10% migliore dei clienti: {share} del totale",
    concentration_more="{customers} clienti, dal più prezioso al meno prezioso",
    concentration_x="Quota dei clienti",
    concentration_y="Quota del valore atteso",
    best="{tenth} migliore dei clienti:|{share} del valore",
    equal="se tutti valessero lo stesso",
)


def words(locale: str) -> Words:
    """The words for a locale such as ``it_IT``; English for every language that has none here."""
    return ITALIAN if locale.lower().replace("-", "_").partition("_")[0] == "it" else ENGLISH
