"""How many messages may go out in how much time: a token bucket that many workers share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SKEW = timedelta(minutes=1)
"""Two clocks may differ by so much; a clock that is behind by more was set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `number` messages in any stretch of `seconds`, as the provider counts."""

    number: int
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.number < 1 or not 0 < self.seconds < float("inf"):
            raise ValueError(f"a rate of {self.number} in {self.seconds:g} seconds is none")

    @property
    def burst(self) -> int:
        """How many may go at once after a rest: a tenth, at least one."""
        return max(1, self.number // 10)

    @property
    def per_second(self) -> float:
        """How fast tokens come: so fast that a burst and what follows it within `seconds` stay within `number`."""
        return (self.number - self.burst + 1) / self.seconds

    @property
    def rest(self) -> timedelta:
        """After how long an empty bucket is full: when it is worth asking again."""
        return timedelta(seconds=self.burst / self.per_second, microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many tokens there were, and when."""

    tokens: float
    at: datetime


def full(rate: Rate, now: datetime) -> Bucket:
    """The bucket of an adapter that has not sent yet."""
    return Bucket(tokens=float(rate.burst), at=now)


def take(bucket: Bucket, rate: Rate, wanted: int, now: datetime) -> tuple[int, Bucket]:
    """How many of the wanted tokens are granted, and what is left.

    A clock that is a little behind gains nothing until it has caught up; one that was set back starts to count anew.
    """
    gained = max(0.0, (now - bucket.at).total_seconds()) * rate.per_second
    tokens = min(float(rate.burst), bucket.tokens + gained)
    # A token is there when it is whole but for the rounding of instants to microseconds.
    granted = max(0, min(wanted, int(tokens + 1e-9)))
    at = now if now > bucket.at or bucket.at - now > SKEW else bucket.at
    return granted, Bucket(tokens=max(0.0, tokens - granted), at=at)
