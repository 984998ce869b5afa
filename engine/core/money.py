"""Money as integers: minor units (cents) and an ISO 4217 code, never a float."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

# ISO 4217, List One, 2026: currencies whose minor unit is not a hundredth.
_EXPONENTS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
_NUMBER = re.compile(r"[+-]?\d[\d.,' \u00a0\u202f]*", re.ASCII)
_SIGNS = re.compile(r"^(?:€|\$|£|EUR|USD|GBP|CHF)\s*|\s*(?:€|\$|£|EUR|USD|GBP|CHF)$")


def exponent(currency: str) -> int:
    """How many decimals the currency has: 2 for EUR, 0 for JPY."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Whole minor units of `amount`, half to even. Raises ValueError when it has more decimals than the currency."""
    scaled = amount.scaleb(exponent(currency))
    whole = scaled.to_integral_value(rounding=ROUND_HALF_EVEN)
    if whole != scaled:
        raise ValueError(f"{amount} has more decimals than {currency} knows ({exponent(currency)})")
    return int(whole)


def to_major(minor: int, currency: str) -> Decimal:
    """The amount in whole units: 1250 EUR-cents become Decimal('12.50')."""
    return Decimal(minor).scaleb(-exponent(currency))


def parse_amount(text: str, decimal: str = "") -> Decimal:
    """Read an amount as people write it: ``1.234,50``, ``1,234.50``, ``-12.5``, ``€ 1 200``.

    decimal: ``,`` or ``.`` when known. Without it the last separator is the decimal one if one or two digits follow it
    or both kinds occur; a single separator with exactly three digits behind it is ambiguous and refused (ValueError).
    """
    plain = _SIGNS.sub("", text.strip()).strip()
    if not _NUMBER.fullmatch(plain):
        raise ValueError(f"'{text}' is not an amount")
    plain = re.sub(r"[' \u00a0\u202f]", "", plain)
    if not decimal:
        decimal = _decimal_mark(plain, text)
    group = "." if decimal == "," else ","
    whole, mark, fraction = plain.partition(decimal)
    if group in fraction or decimal in fraction or not _well_grouped(whole, group):
        raise ValueError(f"'{text}' is not an amount")
    return Decimal(whole.replace(group, "") + ("." + fraction if mark and fraction else ""))


def _decimal_mark(plain: str, text: str) -> str:
    dot, comma = plain.rfind("."), plain.rfind(",")
    if dot < 0 and comma < 0:
        return "."
    if dot >= 0 and comma >= 0:
        return "." if dot > comma else ","
    mark = "." if dot >= 0 else ","
    if plain.count(mark) > 1:
        return "," if mark == "." else "."
    if len(plain) - 1 - max(dot, comma) == 3 and plain.lstrip("+-")[0] != "0":
        raise ValueError(f'\'{text}\' may be thousands or decimals; say decimal = "," or "." in the configuration')
    return mark


def _well_grouped(whole: str, group: str) -> bool:
    first, *rest = whole.lstrip("+-").split(group)
    return first.isdigit() and all(len(part) == 3 and part.isdigit() for part in rest) and (not rest or len(first) <= 3)
