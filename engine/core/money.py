"""Money as integers: minor units (cents) and an ISO 4217 code, never a float."""

from __future__ import annotations

import re
from decimal import Decimal

# ISO 4217, List One, 2026: currencies whose minor unit is not a hundredth.
_EXPONENTS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
_CURRENCY = r"(?:€|\$|£|EUR|USD|GBP|CHF)?"
_AMOUNT = re.compile(
    rf"(?P<sign>[+\-−]?)\s*{_CURRENCY}\s*(?P<sign2>[+\-−]?)(?P<number>[0-9](?:.*[0-9.,])?)\s*{_CURRENCY}"
)
_SPACED = re.compile(r"[0-9]{1,3}(?:([' \u00a0\u202f’])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]*)?")
_PLAIN = re.compile(r"[0-9][0-9.,]*")
_MICRO = 6  # the decimals of a millionth
_LARGEST = 2**63 - 1  # what a BIGINT holds


def exponent(currency: str) -> int:
    """How many decimals the currency has: 2 for EUR, 0 for JPY."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """`amount` in minor units. Raises ValueError when it has more decimals than the currency, or is beyond 64 bits."""
    if not amount.is_finite() or amount.adjusted() > 18:
        raise ValueError(f"{amount:.6g} is larger than any amount of money")
    numerator, denominator = amount.as_integer_ratio()
    hundred: int = 10 ** exponent(currency)
    minor, rest = divmod(numerator * hundred, denominator)
    if rest:
        raise ValueError(f"{amount} has more decimals than {currency} knows ({exponent(currency)})")
    if abs(minor) > _LARGEST:
        raise ValueError(f"{amount:.6g} is larger than any amount of money")
    return minor


def to_major(minor: int, currency: str) -> Decimal:
    """The amount in whole units: 1250 EUR-cents become Decimal('12.50')."""
    return Decimal(minor).scaleb(-exponent(currency))


def to_micro(amount: Decimal) -> int:
    """`amount` in millionths of a whole unit, for what costs less than a cent. Raises ValueError for a finer one."""
    micro = amount.scaleb(_MICRO)
    if micro != micro.to_integral_value() or abs(micro) > _LARGEST:
        raise ValueError(f"{amount} cannot be counted in millionths")
    return int(micro)


def micro_text(micro: int, currency: str) -> str:
    """Such an amount in plain words, with as many decimals as it needs: '200.00 EUR', '0.001 EUR'."""
    exact = Decimal(micro).scaleb(-_MICRO).normalize()
    decimals = max(exponent(currency), -int(exact.as_tuple().exponent))
    return f"{exact:.{decimals}f} {currency}"


def parse_amount(text: str, decimal: str = "") -> Decimal:
    """Read an amount as people write it: ``1.234,50``, ``1,234.50``, ``-12.5``, ``€ 1 200``, ``-£3``.

    decimal: ``,`` or ``.`` when known. Without it the last separator is the decimal one if one or two digits follow it
    or both kinds occur; a single separator that may as well stand between thousands is refused (ValueError).
    """
    found = _AMOUNT.fullmatch(text.strip())
    if not found or (found["sign"] and found["sign2"]):
        raise ValueError(f"'{text}' is not an amount")
    sign, plain = found["sign"] or found["sign2"], found["number"]
    spaced = _SPACED.fullmatch(plain)
    if spaced:  # thousands are set apart by spaces or apostrophes: what else there is marks the decimals
        plain = plain.replace(spaced[1], "")
        decimal = decimal or ("," if "," in plain else ".")
    elif not _PLAIN.fullmatch(plain):
        raise ValueError(f"'{text}' is not an amount")
    decimal = decimal or _decimal_mark(plain, text)
    group = "." if decimal == "," else ","
    whole, mark, fraction = plain.partition(decimal)
    if group in fraction or decimal in fraction or not _well_grouped(whole, group):
        raise ValueError(f"'{text}' is not an amount")
    number = Decimal(whole.replace(group, "") + ("." + fraction if mark and fraction else ""))
    return number.copy_negate() if sign in ("-", "−") else number


def _decimal_mark(plain: str, text: str) -> str:
    dot, comma = plain.rfind("."), plain.rfind(",")
    if dot < 0 and comma < 0:
        return "."
    if dot >= 0 and comma >= 0:
        return "." if dot > comma else ","
    mark = "." if dot >= 0 else ","
    if plain.count(mark) > 1:
        return "," if mark == "." else "."
    before, after = plain.split(mark)
    if len(after) == 3 and len(before) <= 3 and before[0] != "0":
        raise ValueError(f'\'{text}\' may be thousands or decimals; say decimal = "," or "." in the configuration')
    return mark


def _well_grouped(whole: str, group: str) -> bool:
    first, *rest = whole.split(group)
    return first.isdigit() and all(len(part) == 3 and part.isdigit() for part in rest) and (not rest or len(first) <= 3)
