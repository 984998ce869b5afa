"""Keys that are the same every time: for deduplication, for hashing what must not be stored, for shared codes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

_CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that looks like something else when read aloud


def dedupe_key(rule: str, customer: str, occurrence: str, step: str) -> str:
    """The one name of an action: the same rule, customer, occurrence and step can never be decided twice.

    Only the occurrence keeps its colons, so that no two actions share a name.
    """
    rule, customer, step = (part.replace("%", "%25").replace(":", "%3A") for part in (rule, customer, step))
    return f"{rule}:{customer}:{occurrence}:{step}"


def canonical_json(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces, so that equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text: str) -> str:
    """Hex digest of the UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def keyed_hash(secret: str, *parts: str) -> str:
    """HMAC-SHA256 (RFC 2104) in hex, over the parts with their lengths, so that they cannot run together."""
    message = b"".join(len(data := part.encode()).to_bytes(4, "big") + data for part in parts)
    return hmac.digest(secret.encode(), message, "sha256").hex()


def fraction(secret: str, *parts: str) -> float:
    """A number in [0, 1) that only depends on the secret and the parts: the lot that a holdout draws."""
    return int(keyed_hash(secret, *parts)[:13], 16) / 16**13


def short_code(secret: str, *parts: str, length: int = 8) -> str:
    """A code that people can read aloud, from an alphabet of 31 signs: 8 of them are 39 bits."""
    number = int(keyed_hash(secret, *parts), 16)
    signs = []
    for _ in range(length):
        number, index = divmod(number, len(_CODE_LETTERS))
        signs.append(_CODE_LETTERS[index])
    return "".join(signs)
