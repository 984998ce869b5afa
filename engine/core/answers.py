"""What the rules answered that one occasion asked, in one record: an event may start a hundred rules, most say no.

A record is plain JSON: `values` are what the conditions read, once for all rules; `no` has the signs of the clauses by
the version of each rule whose condition was false; `said` has the rest as [version, outcome, arm, signs, besides], see
`engine.core.reasons.Kept`. With the versions' clauses it tells every reason again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.arms import Arm
from engine.core.reasons import Kept

Record = Mapping[str, Any]
_LETTERS = 12  # of a version's hash, 48 bits: enough to tell a shop's versions apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one version of a rule answered; version: as `short` has it, arm: as `engine.core.arms` explains."""

    version: str
    outcome: str
    arm: str
    kept: Kept


def short(digest: str) -> str:
    """The hash of a rule's version as records have it."""
    return digest[:_LETTERS]


def record(values: str, no: str, said: Iterable[str]) -> str:
    """A record of these parts, each of which is JSON already, as is the record: most of them come again and again."""
    return f'{{"values":{values},"no":{no},"said":[{",".join(said)}]}}'


def answers(kept: Record) -> Iterator[Answer]:
    """All that a record holds."""
    values = kept["values"]
    for version, held in kept["no"].items():
        yield Answer(version=version, outcome="no", arm=Arm.NONE.value, kept={"held": held, "values": values})
    for version, outcome, arm, held, besides in kept["said"]:
        yield Answer(version=version, outcome=outcome, arm=arm, kept={"held": held, "values": values, **besides})
