"""What a service tells systemd: that it is ready, lives, reads its rules anew, ends (sd_notify(3), by hand).

Where systemd did not ask (no NOTIFY_SOCKET), nothing is told and nothing is different.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from time import CLOCK_MONOTONIC, clock_gettime_ns


def tell(*words: str) -> None:
    """Send assignments such as READY=1 to systemd. It may be gone; that is not for us to fail over."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"  # Linux's abstract namespace
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
        door.settimeout(1)
        door.sendto("\n".join(words).encode(), address)


def ready(status: str) -> None:
    """It does its work from now on, or again. status: one line for `systemctl status`."""
    tell("READY=1", f"STATUS={status}")


def reloading(*_signal: object) -> None:
    """It reads its rules anew; `ready` follows."""
    tell("RELOADING=1", f"MONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1000}", "STATUS=Reading the rules anew")


def stopping() -> None:
    """It is about to end, and finishes what it has in hand."""
    tell("STOPPING=1", "STATUS=Finishing what is in hand")


@dataclass(slots=True)
class Watchdog:
    """Tells systemd that the process lives, often enough that it is not started anew."""

    every: float  # seconds between two signs of life; 0 when nobody waits for them
    next: float = 0.0

    def pat(self, now: float) -> None:
        """Tell it, if it is time. now: seconds of a clock that only goes forward."""
        if self.every and now >= self.next:
            self.next = now + self.every
            tell("WATCHDOG=1")


def watchdog() -> Watchdog:
    """As often as systemd asks of this process: half of WATCHDOG_USEC, as sd_watchdog_enabled(3) advises."""
    for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return Watchdog(int(microseconds) / 2e6 if for_us and microseconds.isdigit() else 0.0)
