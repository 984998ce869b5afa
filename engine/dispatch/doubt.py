"""What comes of an action of which nobody knows whether it went out: a pure policy over what its adapter can do.

KEY      within the window less a margin: the same bytes again under the same key, later and later
SEARCH   the provider is asked, once what was sent can surely be found; later and later while it cannot be asked
NONE     a person, or once more without a key if the rule's step says so (`if_unknown = "resend"`)

A key that may be forgotten is asked for where the adapter can ask too, else it is as if there were none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.core.actions import ASK, RESEND, State
from engine.dispatch.port import Adapter, Capability, Idempotency, Searching
from engine.dispatch.retry import MAX_ATTEMPTS, wait
from engine.errors import DeliveryError

MARGIN = timedelta(minutes=20)
"""So long before its end a window counts as over: an attempt may take a while, and clocks differ."""
SHORT_MARGIN = 0.2
"""Of a window that is itself short: this share of it."""
FIRST_ASK = timedelta(minutes=1)
ASKED_FOR = timedelta(days=3)
"""If the provider could not be asked for so long, a person must say."""
LOOK_AGAIN = timedelta(days=1)
"""What waits for a person is looked at again after that, since its adapter may have learnt something."""


class Way(StrEnum):
    """How a doubt is cleared."""

    REPLAY = "replay"  # the same bytes under the same key: delivers once
    ASK = "ask"  # ask the provider
    RESEND = "resend"  # send it again, and it may come twice: the rule accepts that, once
    PERSON = "person"  # only a person can say


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An action in `unknown`.

    since: when the first attempt began of which nobody knows what became. ended: when the last one was given up.
    resent: how often it was sent again although it might come twice. keyed: whether the key is known under which the
    provider got it. if_unknown: what its step says.
    """

    action: str
    attempts: int
    since: datetime
    ended: datetime
    resent: int = 0
    keyed: bool = True
    if_unknown: str = ASK
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What is to be done about a doubt, not before `at`; and why, in words for a person."""

    way: Way
    at: datetime
    why: str


def settle(doubt: Doubt, adapter: Adapter, *, now: datetime) -> Next:
    """The next step.

    Past its time an action is not sent again, since it must not come late: but it is still asked for.
    """
    can = adapter.capability
    kept = can.idempotency is Idempotency.KEY and doubt.keyed and is_known(can, doubt.since, now)
    if not kept and can.idempotency is not Idempotency.NONE and isinstance(adapter, Searching):
        at = max(doubt.ended + can.lag, now)
        return Next(way=Way.ASK, at=at, why="the provider is asked whether it has it")
    late = doubt.valid_until is not None and doubt.valid_until < now
    if late or doubt.attempts >= MAX_ATTEMPTS:
        why = "its time has passed" if late else f"it was tried {doubt.attempts} times"
        return _person(f"{why}, and nobody knows whether it went out", now)
    if kept:
        return Next(way=Way.REPLAY, at=_again(doubt), why="sent again under the same key")
    if doubt.if_unknown == RESEND and not doubt.resent:
        return Next(way=Way.RESEND, at=_again(doubt), why="sent once more, as its step says: it may come twice")
    return _person(_nobody_knows(doubt, can), now)


def is_known(can: Capability, since: datetime, now: datetime) -> bool:
    """Whether the provider surely still knows a key under which something was first sent then."""
    return can.window is None or now < since + can.window - min(MARGIN, can.window * SHORT_MARGIN)


def _again(doubt: Doubt) -> datetime:
    """The first time at once: most often a process ended. Then later and later, like any retry."""
    return doubt.ended if doubt.attempts <= 1 else doubt.ended + wait(doubt.action, doubt.attempts - 1)


def ask_again(doubt: Doubt, can: Capability, error: DeliveryError, *, now: datetime) -> Next:
    """What is next when the provider could not be asked: again after as long as it has been tried, up to three days."""
    tried = now - (doubt.ended + can.lag)
    if tried >= ASKED_FOR or error.permanent:
        return _person(f"the provider cannot be asked whether it has it: {error}", now)
    asked = timedelta(seconds=min(max(0.0, error.retry_after or 0.0), LOOK_AGAIN.total_seconds()))
    return Next(way=Way.ASK, at=now + max(FIRST_ASK, tried, asked), why=f"the provider could not be asked yet: {error}")


def after_absence(doubt: Doubt) -> State:
    """What becomes of an action that the provider surely does not have: another attempt, unless there were enough."""
    return State.READY if doubt.attempts < MAX_ATTEMPTS else State.REJECTED


def _person(why: str, now: datetime) -> Next:
    return Next(way=Way.PERSON, at=now + LOOK_AGAIN, why=why)


def _nobody_knows(doubt: Doubt, can: Capability) -> str:
    if can.idempotency is Idempotency.KEY:
        return "the provider may have forgotten its key, and cannot be asked"
    if doubt.resent:
        return "it was sent once more, and nobody knows whether it went out"
    return "nobody knows whether it went out"
