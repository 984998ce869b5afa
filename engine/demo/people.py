"""Who the customers are: names of people and of firms, as one meets them in Romagna, and their e-mail addresses.

Everybody is invented. E-mail domains are those that RFC 2606 keeps for examples, so that nothing can reach anybody.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from engine.demo.chance import Chance, between, happens, pick, weighted

GIVEN = (
    "Maria", "Anna", "Giulia", "Francesca", "Chiara", "Sara", "Laura", "Elena", "Martina", "Silvia", "Paola",
    "Federica", "Alessandra", "Valentina", "Cristina", "Daniela", "Roberta", "Barbara", "Simona", "Elisa", "Ilaria",
    "Alice", "Serena", "Caterina", "Lucia", "Giovanna", "Rosa", "Patrizia", "Monica", "Antonella", "Ornella",
    "Gabriella", "Marisa", "Loredana", "Teresa", "Beatrice", "Camilla", "Sofia", "Nives", "Marco", "Andrea",
    "Francesco", "Alessandro", "Matteo", "Luca", "Davide", "Stefano", "Paolo", "Giovanni", "Roberto", "Simone",
    "Federico", "Giuseppe", "Antonio", "Riccardo", "Nicola", "Fabio", "Massimo", "Enrico", "Maurizio", "Claudio",
    "Gianluca", "Daniele", "Michele", "Alberto", "Giorgio", "Filippo", "Tommaso", "Lorenzo", "Niccolò", "Nicolò",
    "Pietro", "Emanuele", "Sergio", "Franco", "Luigi", "Bruno", "Renzo", "Primo", "Loris", "Gian Carlo", "Gian Maria",
    "Anna Maria", "Maria Grazia", "Maria Luisa", "Piero", "Vittorio", "Aldo", "Mirco", "Ivan", "Cosimo", "Mattia",
)  # fmt: skip
FAMILY = (
    "Rossi", "Bianchi", "Ferrari", "Russo", "Conti", "Ricci", "Gallo", "Greco", "Costa", "Fontana",
    "Casadei", "Zoli", "Fabbri", "Ravaioli", "Bandini", "Montanari", "Mazzotti", "Valentini", "Bassi", "Amadori",
    "Gardini", "Versari", "Zanotti", "Camporesi", "Babini", "Foschi", "Casadio", "Turci", "Tassinari", "Laghi",
    "Morigi", "Bertozzi", "Placucci", "Sansavini", "Zauli", "Savini", "Baldini", "Benini", "Ghetti", "Minardi",
    "Liverani", "Emiliani", "Gurioli", "Melandri", "Drei", "Sangiorgi", "Montevecchi", "Dalmonte", "Cavina",
    "Galassi", "Poggi", "Neri", "Gentilini", "Giunchi", "Guidi", "Lombardi", "Magnani", "Masini", "Milandri",
    "Nanni", "Pasini", "Piraccini", "Riceputi", "Severi", "Vitali", "Zoffoli", "Bendandi", "Spada", "Graziani",
    "Monti", "Silvestrini", "Vespignani", "Zaccaria", "Ceccarelli", "Lucchi", "Orioli", "Bagnoli", "Garavini",
    "D'Amico", "D'Angelo", "De Luca", "Dall'Agata", "Dal Pozzo", "Degli Esposti", "Lo Russo", "Della Valle",
    "Esposito", "Marino", "Caputo", "De Santis", "Serra", "Piras", "Pagnoni", "Santandrea", "Rondoni",
)  # fmt: skip
ROOTS_ABROAD = (  # Italian lives with a name from elsewhere: given names and family names that belong together
    (("Amina", "Youssef", "Salma", "Karim", "Nadia"), ("El Idrissi", "Benali", "Haddad", "Bouzid")),
    (("Ioana", "Andrei", "Mihai", "Elena", "Cristian"), ("Popescu", "Ionescu", "Dumitru", "Munteanu")),
    (("Arben", "Elira", "Besnik", "Drita"), ("Hoxha", "Gashi", "Krasniqi")),
    (("Olena", "Iryna", "Taras"), ("Kovalenko", "Shevchuk", "Bondar")),
    (("Sofia", "Marco", "Xiao Li", "Wei"), ("Chen", "Hu", "Zhang")),
    (("Priya", "Gurpreet", "Arjun"), ("Sharma", "Singh", "Kaur")),
    (("Fatou", "Mamadou", "Awa"), ("Diop", "Ndiaye", "Fall")),
    (("José", "Mónica", "Inês", "Sebastián"), ("Fernández", "Muñoz", "Conceição", "Rojas")),
    (("Aleksandra", "Piotr", "Dušan", "Vesna"), ("Nowak", "Wójcik", "Jovanović", "Petrović")),
)
NEWCOMERS_FROM = {
    "GB": (("Zoë", "Oliver", "Fiona", "Graham", "Imogen"), ("Hartley", "Bennett", "MacLeod", "O'Connell")),
    "DE": (("Jürgen", "Anneliese", "Björn", "Ulrike", "Käthe"), ("Schäfer", "Köhler", "Lindner", "Brückner")),
}
SIGNS = (
    "Miramare", "Aurora", "La Pergola", "Belvedere", "Al Moro", "Tre Stelle", "San Mercuriale", "La Quercia",
    "Il Gelso", "Savoia", "Rubicone", "La Rocca", "Bel Colle", "Al Ponte", "Da Nello", "Il Mulino", "Adriatico",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What a customer is called; a firm may have a person to write to, or none."""

    given: str = ""
    family: str = ""
    company: str = ""
    locale: str = "it_IT"


def person(rng: Chance) -> Name:
    """Somebody who lives here: mostly from here, some with roots elsewhere, a few who moved in and read English."""
    if happens(rng, 0.015):
        return foreigner(rng, "GB", "en_GB")
    given, family = pick(rng, ROOTS_ABROAD) if happens(rng, 0.09) else (GIVEN, FAMILY)
    return Name(given=pick(rng, given), family=pick(rng, family))


def foreigner(rng: Chance, country: str, locale: str) -> Name:
    """Somebody from `country` (GB or DE)."""
    given, family = NEWCOMERS_FROM[country]
    return Name(given=pick(rng, given), family=pick(rng, family), locale=locale)


def company(rng: Chance, street: str) -> Name:
    """A firm or a condominium; a condominium is called after its street."""
    family, sign = pick(rng, FAMILY), pick(rng, SIGNS)
    name = weighted(
        rng,
        (
            (f"Condominio {street}", 4),
            (f"Amministrazioni {family}", 2),
            (f"Hotel {sign}", 2),
            (f"Trattoria {sign}", 1),
            (f"Bar {sign}", 1),
            (f"Agriturismo {sign}", 1),
            (f"Officina {family} Srl", 1),
            (f"Farmacia {family}", 1),
            (f"Panificio {family}", 1),
            (f"Azienda Agricola {family}", 1),
        ),
    )
    who = person(rng) if happens(rng, 0.65) else Name()
    return Name(given=who.given, family=who.family, company=name)


def email(rng: Chance, name: Name, taken: set[str]) -> str:
    """An address that nobody in `taken` has; it is added there."""
    if name.company:
        first, host = "info", f"{_plain(name.company, '-')}.example"
    else:
        first = weighted(
            rng,
            (
                (f"{_plain(name.given)}.{_plain(name.family)}", 6),
                (f"{_plain(name.given)[:1]}.{_plain(name.family)}", 2),
                (f"{_plain(name.family)}{between(rng, 48, 99)}", 2),
            ),
        )
        host = pick(rng, ("example.com", "example.org", "example.net"))
    found, extra = f"{first}@{host}", 2
    while found in taken:
        found, extra = f"{first}{extra}@{host}", extra + 1
    taken.add(found)
    return found


def _plain(text: str, gap: str = "") -> str:
    letters = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", gap, letters.replace("'", "")).strip("-")
