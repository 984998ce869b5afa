"""What dispatch works with, and what it says when it is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from engine.core.actions import State
from engine.core.facts import Address
from engine.core.gaps import Gap
from engine.core.quiet import Quiet, QuietPolicy
from engine.dispatch.freeze import Sender
from engine.dispatch.port import Adapter
from engine.dispatch.render import Templates
from engine.dispatch.waiting import Cap
from engine.errors import EngineError


class Resident(Protocol):
    """Of a customer: where they live."""

    @property
    def address(self) -> Address:
        """Country and region, at least."""


class Word(Protocol):
    """Of an action: how and what for it speaks to a customer."""

    @property
    def channel(self) -> str:
        """How."""

    @property
    def purpose(self) -> str:
        """What for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What dispatch works with: the shop's words, its cap and its quiet, and an adapter by name for each channel."""

    sender: Sender
    templates: Templates
    adapters: Mapping[str, Adapter]
    channels: Mapping[str, str]  # channel -> adapter's name
    cap: Cap
    quiet: QuietPolicy = field(default_factory=QuietPolicy)
    gaps: tuple[Gap, ...] = ()  # of which the store knows nothing, because it was restored

    def without(self, names: Collection[str]) -> Office:
        """The same without some of the adapters."""
        rest = {name: adapter for name, adapter in self.adapters.items() if name not in names}
        return replace(self, adapters=rest)

    def quiet_around(self, word: Word, customer: Resident) -> Quiet:
        """When this customer is left in peace by words of that kind."""
        return self.quiet.around(channel=word.channel, purpose=word.purpose, address=customer.address)


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of the due actions, by the state they are in now."""

    frozen: int = 0
    held: int = 0
    states: dict[str, int] = field(default_factory=dict)
    refused: str = ""  # by which adapters nothing goes out, and what to do

    def count(self, state: State, number: int = 1) -> None:
        """So many more actions have come to that state."""
        if number:
            self.states[state] = self.states.get(state, 0) + number


def plainly(error: Exception) -> str:
    """What went wrong, in words that can be kept with an action."""
    return str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}".rstrip(": ")
