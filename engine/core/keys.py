"""Keys that are the same every time: for deduplication, for hashing what must not be stored, for shared codes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

_BLOCK = 64  # bytes, of SHA-256
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # the two bits that say what kind of UUID it is
_CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that looks like something else when read aloud


def dedupe_key(rule: str, customer: str, occurrence: str, step: str) -> str:
    """The one name of an action: the same rule, customer, occurrence and step can never be decided twice.

    Only the occurrence keeps its colons, so that no two actions share a name.
    """
    named = rule + customer + step
    if "%" in named or ":" in named:
        rule, customer, step = _escaped(rule), _escaped(customer), _escaped(step)
    return f"{rule}:{customer}:{occurrence}:{step}"


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace(":", "%3A")


def action_id(key: str, at: datetime) -> str:
    """The public id of an action: a UUIDv7 (RFC 9562, 5.7) of when it is due at the earliest, random only by its key.

    Decided again from the same facts, as after a restore, it has the same name: in a Message-ID, on a card, at a desk.
    """
    lot = hashlib.sha256(key.encode()).hexdigest()  # 74 bits of it
    return f"{_stamped(at)}-7{lot[:3]}-{_VARIANT[lot[3]]}{lot[4:7]}-{lot[7:19]}"


@lru_cache(maxsize=1024)
def _stamped(at: datetime) -> str:
    stamp = max(0, int(at.timestamp() * 1000)) & 0xFFFFFFFFFFFF
    return f"{stamp >> 16:08x}-{stamp & 0xFFFF:04x}"


def canonical_json(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces, so that equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text: str) -> str:
    """Hex digest of the UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def keyed_hash(secret: str, *parts: str) -> str:
    """HMAC-SHA256 (RFC 2104) in hex, over the parts with their lengths, so that they cannot run together."""
    return _digest(secret, parts).hex()


def _digest(secret: str, parts: tuple[str, ...]) -> bytes:
    inner, outer = _begun(secret, parts[:-1])
    if parts:
        last = parts[-1].encode()
        inner += len(last).to_bytes(4, "big") + last
    return hashlib.sha256(outer + hashlib.sha256(inner).digest()).digest()


@lru_cache(maxsize=4096)
def _begun(secret: str, parts: tuple[str, ...]) -> tuple[bytes, bytes]:
    """What both hashes of an HMAC begin with, up to the last part, which is the customer: the same for all of them.

    To go through it again costs less than to copy a hash that has.
    """
    key = secret.encode()
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner, outer = (bytes(sign ^ pad for sign in block) for pad in (0x36, 0x5C))
    return inner + _framed(parts), outer


def _framed(parts: tuple[str, ...]) -> bytes:
    return b"".join([len(data := part.encode()).to_bytes(4, "big") + data for part in parts])


def fraction(secret: str, *parts: str) -> float:
    """A number in [0, 1) that only depends on the secret and the parts: the lot that a holdout draws."""
    return _share(_digest(secret, parts))


@lru_cache(maxsize=4096)
def lots(secret: str, *parts: str) -> Callable[[str], float]:
    """The same of these parts and one more, which is the customer: a rule draws many lots."""
    (inner, outer), sha = _begun(secret, parts), hashlib.sha256

    def lot(last: str) -> float:
        data = last.encode()
        return _share(sha(outer + sha(inner + len(data).to_bytes(4, "big") + data).digest()).digest())

    return lot


def _share(digest: bytes) -> float:
    return (int.from_bytes(digest[:7]) >> 4) / 2**52


def short_code(secret: str, *parts: str, length: int = 8) -> str:
    """A code that people can read aloud, from an alphabet of 31 signs: 8 of them are 39 bits."""
    number = int(keyed_hash(secret, *parts), 16)
    signs = []
    for _ in range(length):
        number, index = divmod(number, len(_CODE_LETTERS))
        signs.append(_CODE_LETTERS[index])
    return "".join(signs)
