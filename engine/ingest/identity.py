"""What makes two rows the same: normal forms of references, addresses and codes, and keys for rows that bring none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from engine.core.keys import canonical_json, sha256

_EMAIL = re.compile(r"[^@\s,;<>\"()]+@[^@\s,;<>\"()]+\.[^@\s,;<>\"().]+")


def email(text: str) -> str:
    """The normal form of an e-mail address: lower case, no spaces around. Raises ValueError for none."""
    plain = text.strip().lower()
    if plain and not _EMAIL.fullmatch(plain):
        raise ValueError(f"'{text}' is not an e-mail address")
    return plain


def reference(value: object) -> str:
    """A shop's own key as text; 12, 12.0 and "12" are the same. Raises ValueError when it is empty or not one value."""
    if isinstance(value, bool | list | dict):
        raise ValueError(f"{value} is not a reference such as C1")  # noqa: TRY004 - a wrong value of a file
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    if not text:
        raise ValueError("is empty")
    return text


def referral_code(value: object) -> str:
    """A code as it was handed out, however it was typed: without spaces and hyphens, in capitals."""
    return re.sub(r"[\s\-‐-―]", "", reference(value)).upper()


class RowKeys:
    """Keys for rows without an id: the hash of what the row says, and how many such rows came before it in the file.

    The same file read again gives the same keys, so that nothing is added twice; two equal sales in one file stay two.
    """

    PREFIX = "row:"

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def key(self, said: Mapping[str, Any]) -> str:
        """The key of the next row that says this."""
        digest = sha256(canonical_json(dict(said)))[:24]
        self._seen[digest] += 1
        return f"{self.PREFIX}{digest}:{self._seen[digest]}"
