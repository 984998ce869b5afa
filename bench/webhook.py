"""How many HTTP sends a second the dispatcher holds: python -m bench.webhook. See bench/README.md.

Tasks that are due go by `task_webhook` to a server on this machine, in a process of its own, that answers at once; with
keys, so that connections are used again, and without. Everything else is as in bench/outbox_shop.py.
Each run is followed by one of bench/webhook_raw.py: the same posts by httpx alone, without a dispatcher or a store.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from bench import webhook_raw
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
    parser.add_argument("--rounds", type=int, default=3, help="each engine once in each (3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    found = [_median([measured(asked.actions, idempotent=keys) for _ in range(asked.rounds)]) for keys in (True, False)]
    print(json.dumps(found, indent=1) if asked.json else "\n".join(map(_line, found)))
    return 0


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return runs[0] | {name: statistics.median(run[name] for run in runs) for name in ("seconds", "cpu", "raw", "share")}


def _line(one: dict[str, Any]) -> str:
    how = "with keys" if one["keys"] else "without keys"
    rates = [f"{one['actions'] / one[name]:,.0f}" for name in ("seconds", "raw")]
    cpu = one["cpu"] / one["actions"] * 1000
    return f"HTTP {how}: {rates[0]} sends a second ({cpu:.2f} ms CPU each), httpx alone {rates[1]}: {one['share']:.0%}"


def measured(number: int, *, idempotent: bool) -> dict[str, Any]:
    """One run on a new store, and right behind it the same posts by httpx alone. share: of its rate."""
    with _serving() as url:
        seconds, cpu = _dispatched(number, url, idempotent=idempotent)
        raw = webhook_raw.seconds(number, url, CONTENT, idempotent=idempotent)
    return {
        "actions": number,
        "keys": idempotent,
        "seconds": seconds,
        "cpu": cpu,
        "raw": raw,
        "share": raw / seconds,
    }


@contextmanager
def _serving() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-m", "bench.webhook_side"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None  # noqa: S101 - it was asked for
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/"
    finally:
        server.kill()
        server.wait()


def _dispatched(number: int, url: str, *, idempotent: bool) -> tuple[float, float]:
    """Seconds, and seconds of CPU, in which the dispatcher sends so many."""
    with tempfile.TemporaryDirectory() as folder:
        store = create(f"sqlite:///{Path(folder) / 'bench.db'}")
        seed(store, number, max(1, number // 3), scattered=False, channel="task", content=CONTENT)
        hook = TaskWebhook(Http(keep=idempotent), url, secret="bench", idempotent=idempotent)  # noqa: S106 - no secret
        office = Office(
            sender=SENDER,
            templates=Templates({}, locale="it_IT"),
            adapters={"nothing": hook},
            channels={"task": "nothing"},
            cap=Cap(messages=3, within=Duration(days=7)),
        )
        summary, start, worked = Summary(), perf_counter(), process_time()
        asyncio.run(send(store, office, summary, owner=new_id(), clock=lambda: NOW))
        seconds, cpu = perf_counter() - start, process_time() - worked
        store.close()
    if summary.states != {State.DELIVERED: number}:
        raise SystemExit(f"not all went out: {summary.states}")
    return seconds, cpu


if __name__ == "__main__":
    sys.exit(main())
