"""How many HTTP sends a second the dispatcher holds: python -m bench.webhook. See bench/README.md.

Tasks that are due go by `task_webhook` to a server on this machine, in a process of its own, that answers at once; with
keys, so that connections are used again, and without. Everything else is as in bench/outbox_shop.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.outbox_shop import HASH, NOW, SENDER, seed
from engine.adapters.task_webhook import TaskWebhook
from engine.adapters.wire.http import Http
from engine.core.actions import State
from engine.core.calendar import Duration
from engine.core.keys import canonical_json
from engine.core.messages import Task
from engine.dispatch.office import Office, Summary
from engine.dispatch.render import Templates
from engine.dispatch.stage import send
from engine.dispatch.waiting import Cap
from engine.store.session import create, new_id

CONTENT = canonical_json(
    Task(
        title="Chiamare",
        text="Chiamare per sapere come va. " * 10,
        customer="Giulia Rossi",
        reference="C-1",
        why="Grazie",
        until="2026-03-09T12:00:00+00:00",
        sender_name="Bench",
        sender_address="ciao@bench.example",
        message_id=f"<{HASH[:8]}@bench.example>",
        date="Mon, 02 Mar 2026 12:00:00 +0000",
    ).to_json()
)


def main() -> int:
    """Start the server, send, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.webhook", description=__doc__)
    parser.add_argument("--actions", type=int, default=10_000, help="that are due (10000)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    found = [measured(asked.actions, idempotent=keys) for keys in (True, False)]
    print(json.dumps(found, indent=1) if asked.json else "\n".join(map(_line, found)))
    return 0


def _line(one: dict[str, Any]) -> str:
    how = "with keys" if one["keys"] else "without keys"
    return f"HTTP {how}: {one['actions'] / one['seconds']:,.0f} sends a second"


def measured(number: int, *, idempotent: bool) -> dict[str, Any]:
    """One run on a new store, beside a new server."""
    server = subprocess.Popen([sys.executable, "-m", "bench.webhook_side"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None  # noqa: S101 - it was asked for
    port = int(server.stdout.readline())
    try:
        with tempfile.TemporaryDirectory() as folder:
            store = create(f"sqlite:///{Path(folder) / 'bench.db'}")
            seed(store, number, max(1, number // 3), scattered=False, channel="task", content=CONTENT)
            http = Http(keep=idempotent)
            hook = TaskWebhook(http, f"http://127.0.0.1:{port}/", secret="bench", idempotent=idempotent)  # noqa: S106 - no secret
            office = Office(
                sender=SENDER,
                templates=Templates({}, locale="it_IT"),
                adapters={"nothing": hook},
                channels={"task": "nothing"},
                cap=Cap(messages=3, within=Duration(days=7)),
            )
            summary, start = Summary(), perf_counter()
            asyncio.run(send(store, office, summary, owner=new_id(), clock=lambda: NOW))
            seconds = perf_counter() - start
            store.close()
    finally:
        server.kill()
        server.wait()
    if summary.states != {State.DELIVERED: number}:
        raise SystemExit(f"not all went out: {summary.states}")
    return {"actions": number, "keys": idempotent, "seconds": seconds}


if __name__ == "__main__":
    sys.exit(main())
