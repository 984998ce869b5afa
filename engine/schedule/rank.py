"""Who goes first when there is not room for all: the highest expected value. Pure.

Nobody knows what one message brings before it was measured, so no figure is made up. What a customer is owed goes
before everything else. Then counts what the shop says that a message of the rule brings (`worth`) less what it costs,
nothing where it says nothing; of equals, what the customer is expected to bring; of equals again, what is due earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An action without a date. worth_micro: what its rule says; clv_minor: of the customer, None without a score."""

    id: int
    channel: str
    purpose: str
    worth_micro: int | None
    clv_minor: int | None
    not_before: datetime


def ranked(candidates: Iterable[Candidate], costs: Mapping[str, int]) -> list[int]:
    """The keys of these actions, the one that goes first first. costs: of one message, by channel, in millionths."""

    def place(one: Candidate) -> tuple[bool, int, int, datetime, int]:
        gain = 0 if one.worth_micro is None else one.worth_micro - costs.get(one.channel, 0)
        return one.purpose != "transactional", -gain, -(one.clv_minor or 0), one.not_before, one.id

    return [one.id for one in sorted(candidates, key=place)]
