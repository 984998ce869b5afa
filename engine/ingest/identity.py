"""What makes two rows the same: normal forms of references and addresses, and keys for rows that bring none."""

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
    """A shop's own key as text; 12 and "12" are the same. Raises ValueError when it is empty."""
    text = "" if value is None else str(value).strip()
    if not text:
        raise ValueError("is empty")
    return text


class RowKeys:
    """Keys for rows without an id: the hash of what the row says, and how many such rows came before it in the file.

    The same file read again gives the same keys, so that nothing is added twice; two equal sales in one file stay two.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def key(self, values: Mapping[str, Any]) -> str:
        """The key of the next row with these values."""
        digest = sha256(canonical_json(dict(values)))[:24]
        self._seen[digest] += 1
        return f"row:{digest}:{self._seen[digest]}"
