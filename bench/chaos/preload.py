"""What every life needs, imported once, by one round of `premura` in a shop with one customer and nobody to send to."""

from __future__ import annotations

import gc
import tempfile
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from bench.chaos.shop import make
from engine import check, cli
from engine.adapters import fake
from engine.app import upgrade
from engine.daemon import serve

NOWHERE = {"http": 1, "mail": 1}


def round_in_vain() -> None:
    """Import, compile and ask whatever a life will."""
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        where = Path(folder) / "shop"
        make(where, customers=1, door="key", ports=NOWHERE, now=datetime.now(UTC))  # noqa: TID251 - a process lives now
        upgrade(where)
        check.check(where)
        cli.run(["run", "--once", "-w", str(where)])


_LIVED_WITH = (serve, fake)  # imported only to be there
round_in_vain()
gc.freeze()  # what all lives share is never looked through again
