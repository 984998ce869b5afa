"""What a fake provider has taken, in files of its folder that tests can count: one line a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.adapters.wire.journal import Journal
from engine.core.keys import canonical_json, sha256
from engine.dispatch.port import Message
from engine.errors import DeliveryError


class Taken:
    """The files: ``calls.jsonl``, ``deliveries.jsonl`` and ``cancelled.jsonl``. What a customer reads is in none.

    keyed: the provider takes each key once. All functions raise DeliveryError when the disk does not take a line.
    """

    def __init__(self, folder: Path, *, keyed: bool) -> None:
        self._keyed = keyed
        self._calls = Journal(folder / "calls.jsonl", "call")
        self._deliveries = Journal(folder / "deliveries.jsonl", "call", "action", lasting=True)
        self._cancelled = Journal(folder / "cancelled.jsonl", "action", lasting=True)

    def count(self, calls: Sequence[str]) -> list[int]:
        """One more call of each of these names; how many it makes."""
        try:
            with self._calls.held() as add:
                add([{"call": call} for call in calls])
        except OSError as error:
            raise _unwritten(error) from error
        return [len(self._calls.of("call", call)) for call in calls]

    def take(self, key: str, messages: Sequence[Message], wanted: Sequence[Message], *, again: bool) -> set[str]:
        """Write down what of these messages is delivered by this call; the actions that its key has, old or new.

        again: the provider has forgotten the key. A key that comes with other messages than the first time is refused.
        """
        digest = sha256("".join(canonical_json({"action": one.action, "body": dict(one.body)}) for one in messages))
        told = {"call": key, "digest": digest}
        try:
            with self._deliveries.held() as add:
                known = self._deliveries.of("call", key) if self._keyed and not again else []
                if not known:
                    add([{"action": one.action, "key": one.key, "customer": one.customer, **told} for one in wanted])
        except OSError as error:
            raise _unwritten(error) from error
        if known and known[0]["digest"] != digest:
            raise DeliveryError("this key was used for something else", permanent=True)
        return {row["action"] for row in known} or {one.action for one in wanted}

    def has(self, action: str) -> bool:
        """Whether it was ever delivered."""
        try:
            with self._deliveries.held():
                return bool(self._deliveries.of("action", action))
        except OSError as error:
            raise _unwritten(error) from error

    def take_back(self, action: str) -> None:
        """Write down, once, that it is cancelled."""
        try:
            with self._cancelled.held() as add:
                if not self._cancelled.of("action", action):
                    add([{"action": action}])
        except OSError as error:
            raise _unwritten(error) from error


def _unwritten(error: OSError) -> DeliveryError:
    return DeliveryError(f"the folder of the fake provider cannot be written: {error.strerror}")
