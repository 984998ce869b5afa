"""What decide works by, and what came of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from engine.decide.rule import Rule
from engine.decide.vocabulary import Vocabulary

BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the shop says: its rules and their words, its zone and currency, and when it started with Premura."""

    rules: tuple[Rule, ...]
    words: Vocabulary
    time_zone: str
    currency: str
    key: str
    start: date | None
    lead_days: Mapping[str, int]  # channel -> days that paper travels
    workspace_holdout: float = 0.0  # the share of customers whom no rule reaches


@dataclass(slots=True, kw_only=True)
class Summary:
    """What was decided."""

    events: int = 0
    history: int = 0
    scores: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    actions: int = 0
    stopped: int = 0
    awaited: int = 0  # steps whose awaited event came
    removed: int = 0  # journeys that ended because their rule was removed
    given_up: int = 0  # steps whose awaited event did not come in time

    def count(self, outcome: str, number: int = 1) -> None:
        """So many more answers of that kind."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + number
