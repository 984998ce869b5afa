"""A provider that does as it is told, for any channel: to see what becomes of messages when things go wrong.

It writes each delivery to a file (``deliveries.jsonl``), so that it can be counted afterwards what the world got.
Nothing leaves the machine, and a reward or a code that it "delivers" is booked nowhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.adapters.wire.fate import Script, read
from engine.adapters.wire.taken import Taken
from engine.core.messages import Email, Invite, Note, Plain, Reward, Task
from engine.dispatch.port import Capability, Idempotency, Message, Receipt
from engine.errors import DeliveryError

_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "email": Email.from_json,
    "note": Note.from_json,
    "reward": Reward.from_json,
    "referral": Invite.from_json,
    "task": Task.from_json,
    "console": Plain.from_json,
}
_NOT_TAKEN = ("refuse", "later", "lost_before")


class Fake:
    """A provider in `folder` that is what `capability` says, and does what `script` says, or its file if there is one.

    file: JSON of the same shape, read again for every call.
    """

    def __init__(
        self, folder: Path, capability: Capability, *, script: Script, file: Path | None = None, final: bool = True
    ) -> None:
        self._capability, self._script, self._file, self._final = capability, script, file, final
        self._taken = Taken(folder, keyed=capability.idempotency is Idempotency.KEY)

    @property
    def capability(self) -> Capability:
        """Whatever it was told to be."""
        return self._capability

    def check(self, message: Message) -> None:
        """Refuse what does not have the shape of the channel's messages."""
        try:
            _SHAPES[self._capability.channel](message.body)
        except (TypeError, KeyError, ValueError):
            raise DeliveryError(f"this is no {self._capability.channel}", permanent=True) from None

    async def send(self, message: Message) -> Receipt:
        """Take it, or what it was told to do instead."""
        (answer,) = await self._call(message.key, [message])
        if isinstance(answer, DeliveryError):
            raise answer
        return answer

    async def send_many(self, key: str, messages: Sequence[Message]) -> Sequence[Receipt | DeliveryError]:
        """Take them under one key, all at once; what the provider knows of them is under that key alone."""
        return await self._call(key, messages, *await self._fates("call", [(key,)]))

    async def find(self, message: Message) -> Receipt | None:
        """Look whether it was taken."""
        (fate,) = await self._fates("find", [_names(message)])
        if await self._befall(fate, "away") == "nothing":
            return None
        has = await asyncio.to_thread(self._taken.has, message.action)
        return self._receipt(message) if has else None

    async def cancel(self, message: Message, provider_ref: str) -> bool:
        """Take it back, if it was taken."""
        (fate,) = await self._fates("cancel", [_names(message)])
        if await self._befall(fate, "away") == "late" or provider_ref != self._receipt(message).provider_ref:
            return False
        await asyncio.to_thread(self._taken.take_back, message.action)
        return True

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _call(
        self, key: str, messages: Sequence[Message], whole: str = "ok"
    ) -> Sequence[Receipt | DeliveryError]:
        fates = await self._fates("send", [_names(message) for message in messages])
        for fate in (whole, *fates):
            await self._befall(fate)
        if whole in _NOT_TAKEN:
            raise self._error(whole)
        wanted = [one for one, fate in zip(messages, fates, strict=True) if fate not in _NOT_TAKEN]
        taken = await asyncio.to_thread(self._taken.take, key, messages, wanted, again="again" in (whole, *fates))
        for fate in (whole, *fates):
            await self._befall_after(fate)
        if whole == "lost_after":
            raise self._error(whole)
        return [self._answer(one, fate, taken) for one, fate in zip(messages, fates, strict=True)]

    def _answer(self, message: Message, fate: str, taken: set[str]) -> Receipt | DeliveryError:
        if fate in (*_NOT_TAKEN, "lost_after") or message.action not in taken:
            return self._error(fate)
        return self._receipt(message)

    def _receipt(self, message: Message) -> Receipt:
        return Receipt(provider_ref=f"fake-{message.action}", delivered=self._final)

    def _error(self, fate: str) -> DeliveryError:
        if fate == "refuse":
            return DeliveryError("the provider refuses it", permanent=True)
        if fate in ("lost_before", "lost_after"):
            return DeliveryError("the provider did not say whether it took it", ambiguous=True)
        return DeliveryError("the provider does not take it now", retry_after=self._told().wait or None)

    async def _fates(self, verb: str, all_names: Sequence[Sequence[str]]) -> list[str]:
        """What is to become of a call for each of these; it is noted that it was made."""
        numbers = await asyncio.to_thread(self._taken.count, [f"{verb} {names[-1]}" for names in all_names])
        told = self._told()
        return [told.fate(verb, names, number) for names, number in zip(all_names, numbers, strict=True)]

    def _told(self) -> Script:
        if self._file is None or not self._file.exists():
            return self._script
        try:
            return read(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, AttributeError) as error:
            raise DeliveryError(f"the script {self._file.name} cannot be read: {error}") from error

    async def _befall(self, fate: str, *away: str) -> str:
        """What happens before anything is taken or answered."""
        if fate == "slow":
            await asyncio.sleep(self._told().wait)
        elif fate == "hang_before":
            await asyncio.Event().wait()
        elif fate == "crash_before":
            os.kill(os.getpid(), signal.SIGKILL)
        elif fate == "broken_before":
            raise RuntimeError("the adapter broke before it was taken")
        elif fate in away:
            raise DeliveryError("the provider cannot be asked now")
        return fate

    async def _befall_after(self, fate: str) -> None:
        if fate == "hang_after":
            await asyncio.Event().wait()
        elif fate == "crash_after":
            os.kill(os.getpid(), signal.SIGKILL)
        elif fate == "broken_after":
            raise RuntimeError("the adapter broke after it was taken")


def _names(message: Message) -> tuple[str, ...]:
    return message.customer, message.action, message.key
