"""What came of a round, as it is to be written; without the rules, so that another process may say it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from engine.decide.begun import journeys, steps
from engine.decide.round import Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """Rows, column by column; those that begin have no keys yet: a step's `journey_id` is the place of its journey.

    versions: the hashes of the rules that answered; counted: how often each gave which answer; stopped: journeys that
    were under way, by the reason.
    """

    versions: Sequence[str]
    counted: Mapping[tuple[str, str], int]
    stopped: Mapping[str, Sequence[int]]
    decisions: Mapping[str, Sequence[Any]]
    journeys: Mapping[str, Sequence[Any]]
    steps: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, asked: Round) -> Came:
        """All that came of it."""
        new = list(chain.from_iterable(asked.begun.values()))
        return cls(
            versions=[rule.hash for rule in asked.versions],
            counted=asked.counted,
            stopped=asked.stopped,
            decisions=asked.rows,
            journeys=journeys(new, asked.now) if new else {},
            steps=steps(new, range(len(new)), asked.now) if new else {},
        )
