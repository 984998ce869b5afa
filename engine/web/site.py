"""What answers to which address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from time import monotonic
from typing import TypeVar

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from engine import __version__
from engine.app import App
from engine.status import Status
from engine.web import health, metrics

PATIENCE = 5.0
"""Seconds after which a question to the store is given up; whoever watches should not hang with what is watched."""

T = TypeVar("T")


def site(app: App, status: Status, worker: Executor) -> FastAPI:
    """The pages of a workspace.

    worker: one thread on which the store is asked, so that no crowd of questions takes its connections from the stages.
    """
    made = FastAPI(title="Premura", version=__version__, docs_url=None, redoc_url=None)  # those load from elsewhere
    numbers = metrics.Numbers(app, status, monotonic)

    async def asked(question: Callable[[], T]) -> T:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().run_in_executor(worker, question)

    @made.get("/healthz")
    async def healthz() -> JSONResponse:
        """Whether the process lives and its ticks run."""
        return _verdict("alive", health.not_alive(status, monotonic()))

    @made.get("/readyz")
    async def readyz() -> JSONResponse:
        """Whether it can do its work now, and who leads."""
        try:
            why, leader = await asked(lambda: (health.not_ready(app, status), health.leader(app)))
        except TimeoutError:
            why, leader = (health.SLOW,), ""
        return _verdict("ready", why, **({"leader": leader} if leader else {}))

    @made.get("/metrics")
    async def collect() -> Response:
        """The numbers, for Prometheus."""
        try:
            return Response(await asked(numbers.text), media_type=metrics.CONTENT_TYPE)
        except TimeoutError:
            return Response(f"{health.SLOW}\n", 503, media_type="text/plain")

    return made


def _verdict(name: str, why: tuple[str, ...], **besides: str) -> JSONResponse:
    return JSONResponse({name: not why, "why": list(why), **besides}, 503 if why else 200)
