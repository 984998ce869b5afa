"""What a fake provider is told to do: for the first call, the second, and so on, always or by lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.core.keys import fraction

SEND = {
    "ok": "it is taken, and the receipt comes back",
    "refuse": "refused for good",
    "later": "not taken now; try again after `wait` seconds",
    "slow": "taken, after `wait` seconds",
    "lost_before": "the line breaks before it is taken: nobody knows",
    "lost_after": "it is taken, and the reply is lost: nobody knows",
    "broken_before": "the adapter itself breaks off before it is taken",
    "broken_after": "the adapter itself breaks off after it is taken",
    "hang_before": "no answer ever comes, and it is not taken",
    "hang_after": "it is taken, and no answer ever comes",
    "crash_before": "the process is killed before it is taken",
    "crash_after": "the process is killed after it is taken",
    "again": "it is taken once more, whatever key it has: the provider has forgotten it",
}
_ASKED = {
    "away": "the provider cannot be asked now",
    "slow": "the truth, after `wait` seconds",
    "hang_before": "no answer ever comes",
    "crash_before": "the process is killed",
}
FIND = {"ok": "the truth", "nothing": "it has nothing, whatever it has", **_ASKED}
CANCEL = {"ok": "taken back", "late": "too late", **_ASKED}
WORDS = {"send": SEND, "call": SEND, "find": FIND, "cancel": CANCEL}
"""The words for each verb; `call` is a whole batch."""
_KEYS = (*WORDS, "only", "wait")

Entry = str | Mapping[str, float]
"""What is always done, or what by which share of the calls; the rest is done well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is told, by verb; `only`: something else for one customer, action or key. wait: seconds."""

    told: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    only: Mapping[str, Script] = field(default_factory=dict)
    wait: float = 0.0

    def fate(self, verb: str, names: Sequence[str], attempt: int) -> str:
        """What becomes of the n-th call for something that has these names, the last of them its key."""
        for name in names:
            if name in self.only and verb in self.only[name].told:
                return self.only[name].fate(verb, names[-1:], attempt)
        entries = self.told.get(verb) or ["ok"]
        entry = entries[min(attempt, len(entries)) - 1]
        if isinstance(entry, str):
            return entry
        lot = fraction("fake", verb, names[-1], str(attempt))
        for word, share in entry.items():
            if lot < share:
                return word
            lot -= share
        return "ok"


def read(data: Mapping[str, Any]) -> Script:
    """The script that these plain types hold: see docs/adding-an-adapter.md. Raises ValueError."""
    if unknown := [key for key in data if key not in _KEYS]:
        raise ValueError(f"'{unknown[0]}' is none of {', '.join(_KEYS)}")
    wait, only = data.get("wait", 0.0), data.get("only", {})
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait < 10**6:
        raise ValueError("wait is a number of seconds")
    if not isinstance(only, Mapping) or not all(isinstance(one, Mapping) for one in only.values()):
        raise ValueError('only holds a table for each name: { "C-7" = { send = ["refuse"] } }')
    return Script(
        told={verb: _entries(verb, data[verb]) for verb in WORDS if verb in data},
        only={name: read(one) for name, one in only.items()},
        wait=float(wait),
    )


def _entries(verb: str, said: Any) -> tuple[Entry, ...]:
    if not isinstance(said, Sequence) or isinstance(said, str) or not said:
        raise ValueError(f'{verb} is a list, such as ["lost_after", "ok"]')
    for entry in said:
        shares = dict.fromkeys([entry], 1.0) if isinstance(entry, str) else entry
        if not isinstance(shares, Mapping):
            raise ValueError(f"{verb}: each entry is a word or a table of shares")  # noqa: TRY004 - a file's, not ours
        for word, share in shares.items():
            if word not in WORDS[verb]:
                raise ValueError(f"{verb}: '{word}' is none of {', '.join(WORDS[verb])}")
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise ValueError(f"{verb}: the share of {word} is a number from 0 to 1")
    return tuple(said)
