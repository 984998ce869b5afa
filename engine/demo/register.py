"""The customer register: one row per customer as the shop's export has it, and the log of what each agreed to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from engine.core.facts import Address
from engine.demo import people, places
from engine.demo.chance import Chance, between, happens, pick, weighted
from engine.demo.lives import COMPANY, Kind

Row = dict[str, str]
REFERRAL = "referral"
_SOURCES = (("word_of_mouth", 40), ("google", 28), ("flyer", 14), ("trade_fair", 8), (REFERRAL, 10))
_COST = {"word_of_mouth": (0, 0), "google": (28, 75), "flyer": (12, 30), "trade_fair": (45, 110), REFERRAL: (0, 0)}
_BOILERS = (
    "Tepora 24 kW", "Tepora 28 kW Plus", "Quieta 24 kW", "Quieta Condens 32 kW", "Brezza Sole 35 kW", "Fiammetta 20 kW",
)  # fmt: skip
_NEW_WORDING = date(2025, 5, 1)


def register(rng: Chance, code: str, kind: Kind, came_on: date, taken: set[str], *, reachable: bool = False) -> Row:
    """The row of a new customer; `taken` are the e-mail addresses so far. `reachable`: lives here and has e-mail."""
    name, home, phone, zone = _identity(rng, kind, abroad=not reachable and happens(rng, 0.02))
    source = weighted(rng, _SOURCES)
    email = people.email(rng, name, taken) if reachable or happens(rng, 0.93) else ""
    return {
        "customer": code,
        "given_name": name.given,
        "family_name": name.family,
        "company": name.company,
        "email": email,
        "phone": phone if happens(rng, 0.95) else "",
        "street": home.street,
        "postcode": home.postcode,
        "city": home.city,
        "region": home.region,
        "country": home.country,
        "locale": name.locale,
        "time_zone": zone,
        "birthday": "" if name.company or happens(rng, 0.5) else _birthday(rng, came_on),
        "first_contact_on": came_on.isoformat(),
        "source": source,
        "acquisition_cost": f"{between(rng, *_COST[source])}.00",
        "boiler": pick(rng, _BOILERS) if happens(rng, 0.8) else "",
    }


def _identity(rng: Chance, kind: Kind, *, abroad: bool) -> tuple[people.Name, Address, str, str]:
    if abroad and kind is not COMPANY:
        land = places.ABROAD[0] if happens(rng, 0.6) else places.ABROAD[1]
        name = people.foreigner(rng, land.country, land.locale)
        return name, places.address_abroad(rng, land), places.phone_abroad(rng, land), land.time_zone
    town = weighted(rng, places.TOWNS)
    home = places.address(rng, town)
    name = people.company(rng, home.street) if kind is COMPANY else people.person(rng)
    return name, home, places.phone(rng, town), "Europe/Rome"


def consents(rng: Chance, customer: str, came_on: date, today: date, *, willing: bool = False) -> Iterator[Row]:
    """What the customer agreed to: at the first contact, and for some a withdrawal later. `willing`: to everything."""
    if willing:
        yield _consent(customer, "any", "any", came_on, "form", given=True)
        return
    mood = float(rng.random())
    if mood < 0.08:
        return  # was never asked, or never answered
    source = weighted(rng, (("form", 6), ("web", 3), ("phone", 1)))
    if mood < 0.20:
        yield _consent(customer, "any", "any", came_on, source, given=False)
        return
    if mood < 0.26:
        yield _consent(customer, "any", "any", came_on, source, given=True)
    else:
        channel = weighted(rng, (("any", 7), ("email", 2), ("note", 1)))
        yield _consent(customer, "relationship", channel, came_on, source, given=True)
        yield _consent(customer, "marketing", channel, came_on, source, given=happens(rng, 0.55))
    left = (today - came_on).days
    if left > 30 and happens(rng, 0.08):
        purpose, channel = weighted(
            rng, ((("marketing", "any"), 5), (("any", "any"), 3), (("relationship", "email"), 2))
        )
        day = came_on + timedelta(days=between(rng, 20, left))
        yield _consent(customer, purpose, channel, day, pick(rng, ("web", "phone")), given=False)


def _consent(customer: str, purpose: str, channel: str, day: date, source: str, *, given: bool) -> Row:
    return {
        "customer": customer,
        "purpose": purpose,
        "channel": channel,
        "given": "yes" if given else "no",
        "date": day.isoformat(),
        "source": source,
        "wording": "privacy-2025-05" if day >= _NEW_WORDING else "privacy-2023-09",
    }


def _birthday(rng: Chance, came_on: date) -> str:
    born = date(came_on.year - between(rng, 24, 88), 1, 1) + timedelta(days=between(rng, 0, 364))
    return born.isoformat()
