"""The posts of bench/webhook.py by httpx alone: same bytes, same lines, same number at once, and no dispatcher."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from time import perf_counter
from typing import cast

import httpx

from engine.adapters.task_webhook import TaskWebhook
from engine.adapters.wire.http import Http
from engine.adapters.wire.line import line
from engine.dispatch.port import Message


class _Listening:
    """Stands where the adapter expects Http, and keeps what it would post."""

    def __init__(self) -> None:
        self.posts: list[tuple[bytes, Mapping[str, str]]] = []

    async def post(self, _url: str, content: bytes, headers: Mapping[str, str]) -> str:
        self.posts.append((content, headers))
        return ""


def seconds(number: int, url: str, body: str, *, idempotent: bool) -> float:
    """How long httpx takes for so many posts."""
    return asyncio.run(_posted(number, url, body, idempotent=idempotent))


async def _posted(number: int, url: str, body: str, *, idempotent: bool) -> float:
    kept = _Listening()
    hook = TaskWebhook(cast("Http", kept), url, secret="bench", idempotent=idempotent)  # noqa: S106 - no secret
    for row in range(number):
        await hook.send(Message(action=f"0199-{row}", key=f"r:C-{row}:1:s", customer="C-1", body=json.loads(body)))
    at_once, waiting = hook.capability.concurrency, iter(kept.posts)
    transport = line(httpx.URL(url), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), at_once=at_once, keep=idempotent)
    async with httpx.AsyncClient(transport=transport) as client:

        async def posting() -> None:
            for content, headers in waiting:
                (await client.post(url, content=content, headers=dict(headers))).raise_for_status()

        start = perf_counter()
        await asyncio.gather(*(posting() for _ in range(at_once)))
        return perf_counter() - start
