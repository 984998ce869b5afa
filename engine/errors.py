"""What can go wrong, as a tree.

EngineError                     one line for the user; `exit_code` 1
├── ConfigError(faults)         the workspace is wrong: every fault at once; exit code 2
│   └── RuleError(faults)       the same for a rule file or one of its templates
├── UsageError                  the command was called wrongly; exit code 2
├── IngestError                 a file cannot be read at all (single wrong rows become rejects instead)
├── ScoreError                  there is nothing to score, or no honest way to
├── HandwritingError            a text cannot be drawn, or does not fit the paper
├── StoreError                  the database is missing, older, newer, locked or not writable
├── LeaseError                  somebody else holds what was asked for
└── DeliveryError               an adapter did not deliver; says whether to try again
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """One thing that is wrong in a file, with its place and what to do about it.

    `code` is stable (``P101``), so that it can be searched for; `line` and `column` count from 1, 0 means unknown.
    """

    file: str
    line: int = 0
    column: int = 0
    code: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        return f"{place}: {self.code} {self.text}" + (f" (hint: {self.hint})" if self.hint else "")


class EngineError(Exception):
    """Base of all errors that a user may see; the message is the one line that is printed."""

    exit_code = 1


class ConfigError(EngineError):
    """The configuration is wrong; all faults are reported together."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault], *, shown: str = "") -> None:
        """shown: the faults as they are told, unless each is a line."""
        self.faults = tuple(sorted(faults))
        super().__init__(shown or "\n".join(str(fault) for fault in self.faults))


class RuleError(ConfigError):
    """A rule file or a template is wrong; all faults are reported together."""


class UsageError(EngineError):
    """A command was called with something that it cannot take."""

    exit_code = 2


class IngestError(EngineError):
    """A file cannot be read at all; names file, and row and column where they are known."""

    def __init__(self, text: str, *, file: str, row: int = 0, column: str = "") -> None:
        self.file, self.row, self.column = file, row, column
        place = file + (f":{row}" if row else "") + (f" column '{column}'" if column else "")
        super().__init__(f"{place}: {text}")


class ScoreError(EngineError):
    """The history does not allow a score."""


class HandwritingError(EngineError):
    """A text cannot be written by hand: signs that the hand does not know, or more than the paper holds."""


class StoreError(EngineError):
    """The store cannot be opened or is not in the state that this version needs."""


class LeaseError(EngineError):
    """Another process holds the lease."""


class DeliveryError(EngineError):
    """An adapter did not deliver.

    permanent: trying again cannot help. retry_after: seconds that the provider asked us to wait, or None.
    ambiguous: it may have been delivered all the same; only a resolver or a person may decide.
    """

    def __init__(
        self, text: str, *, permanent: bool = False, retry_after: float | None = None, ambiguous: bool = False
    ) -> None:
        self.permanent, self.retry_after, self.ambiguous = permanent, retry_after, ambiguous
        super().__init__(text)
