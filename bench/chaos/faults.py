"""What a sink does with a request: one word each, from a script, from the run's seed, or told for the next ones."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from collections.abc import Iterable
from itertools import accumulate

from engine.core.keys import fraction

WORDS = {
    "answer": "takes it and says so",
    "slow": "takes it and says so late",
    "lose": "takes it, and the line is cut before the answer",
    "cut_early": "the line is cut before the last byte was read; not taken",
    "cut_late": "the line is cut after the last byte was read; not taken",
    "silent": "reads it and says nothing until the other side goes away; not taken",
    "silent_taken": "takes it and says nothing until the other side goes away",
    "busy": "429 with Retry-After, or 421; not taken",
    "down": "503, or 451; not taken",
    "broken": "500, which does not say whether it was taken, or 451; not taken",
}
TAKES = frozenset(("answer", "slow", "lose", "silent_taken"))
STORM = 20
"""How many requests in a row a storm answers with `down`."""
_AT_RANDOM = ("slow", "lose", "cut_early", "cut_late", "busy", "down", "broken", "silent", "silent_taken", "storm")
_UP_TO = tuple(accumulate((8, 10, 10, 10, 6, 4, 4, 1, 1, 0.4)))


class Faults:
    """Says the word for each request: what was told first, then the script, whose last word stays, then the seed's.

    patient: the other side waits for minutes, so that no silence is drawn.
    """

    def __init__(self, *, script: Iterable[str] = (), seed: int = 0, rate: float = 0.0, patient: bool = False) -> None:
        self._patient = patient
        self._script, self._seed, self._rate = deque(script), seed, rate
        self._told: deque[str] = deque()
        self._number = self._storm = 0

    def tell(self, words: Iterable[str]) -> None:
        """What to do with the next requests, not what was told before. Raises KeyError for a word that there is not."""
        self._told = deque(word for word in words if WORDS[word])

    def next(self) -> str:
        """The word for one more request."""
        self._number += 1
        if self._told:
            return self._told.popleft()
        if self._script:
            return self._script.popleft() if len(self._script) > 1 else self._script[0]
        if self._storm:
            self._storm -= 1
            return "down"
        return self._drawn()

    def _drawn(self) -> str:
        lot = fraction("fault", str(self._seed), str(self._number))
        if lot >= self._rate:
            return "answer"
        word = _AT_RANDOM[bisect(_UP_TO, lot / self._rate * _UP_TO[-1])]
        if word == "storm":
            self._storm, word = STORM, "down"
        if self._patient and word.startswith("silent"):
            return "lose" if word in TAKES else "cut_late"
        return word
