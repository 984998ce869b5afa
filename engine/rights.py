"""What only one process may do at a time on a store: a lease that is renewed, and a locked file that proves a death.

The lease says who has the right, on whatever machine, and ends by itself. Beside an embedded store lies a file that its
holder keeps locked: the kernel frees it when the process is gone, however it went, so that whoever comes next on the
same machine need not wait for the lease to end.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import TextIOWrapper
from pathlib import Path

from engine.store import leases
from engine.store.session import Store

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(slots=True, kw_only=True)
class Right:
    """One process's right by that name.

    owner: a random id of this process. lasts: how long it is ours without being renewed. proof: a file beside the
    store, where processes that share the store share a kernel.
    """

    store: Store
    name: str
    owner: str
    lasts: timedelta
    clock: Callable[[], datetime]
    proof: Proof | None = None
    until: datetime | None = None  # what we know of it ourselves, also when the store does not answer

    def take(self) -> str | None:
        """Take or renew it; None when it is ours, else who has it, for people."""
        gone = ""
        if self.proof is not None:
            if not self.proof.hold():
                return self._holder()
            gone = self.proof.left_by
        now = self.clock()
        holder = f"{socket.gethostname()}, process {os.getpid()}"
        with self.store.write() as connection:
            other = leases.take(connection, self.name, self.owner, holder, now, now + self.lasts, gone=gone)
        if other is not None:
            self.let_go()
            return other
        self.until = now + self.lasts
        if self.proof is not None:
            self.proof.sign(self.owner)
        return None

    def is_ours(self) -> bool:
        """Whether it still is, as far as we know; asks nobody."""
        return self.until is not None and self.clock() < self.until

    def give_back(self) -> None:
        """Let others have it."""
        with self.store.write() as connection:
            leases.release(connection, self.name, self.owner)
        self.let_go()

    def let_go(self) -> None:
        """Know of it no more, as when the process ends; the lease ends by itself."""
        self.until = None
        if self.proof is not None:
            self.proof.let_go()

    def _holder(self) -> str:
        with self.store.read() as connection:
            return leases.holder(connection, self.name) or "another process on this machine"


@dataclass(slots=True, kw_only=True)
class Proof:
    """A file that is locked for as long as its holder lives, and says who held it last."""

    path: Path
    left_by: str = ""  # the owner that signed last and is gone for sure
    _file: TextIOWrapper | None = field(default=None, init=False)

    def hold(self) -> bool:
        """Lock it; False when another process on this machine holds it, which therefore lives.

        Where files cannot be locked nothing is known of anybody, and the lease alone decides.
        """
        if self._file is not None:
            return True
        self.left_by = ""
        try:
            file = self.path.open("a+", encoding="ascii")
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError:
            file.close()
            return True
        file.seek(0)
        boot, _, owner = file.read().partition(" ")
        self.left_by = owner if boot and boot == _boot() else ""  # the lock of another machine may not be seen here
        self._file = file
        return True

    def sign(self, owner: str) -> None:
        """Write down who holds it."""
        if self._file is not None and self.left_by != owner:
            self._file.truncate(0)
            self._file.write(f"{_boot()} {owner}")
            self._file.flush()
            self.left_by = owner

    def let_go(self) -> None:
        """Unlock it."""
        if self._file is not None:
            self._file.close()
        self._file = None


def _boot() -> str:
    """What names this start of this machine's kernel, or "" where that is not told."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
