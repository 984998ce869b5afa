"""The web server of a process: a thread beside whatever else it does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Thread

from engine.app import App
from engine.config import FILE
from engine.errors import ConfigError, Fault
from engine.status import Status

GRACE = 5
"""Seconds that answers under way may take when it is to end."""

CROWD = 64
"""More connections than these at once are turned away: nobody who only watches needs as many."""


@contextmanager
def serving(app: App, status: Status, *, port: int | None = None, needed: bool = False) -> Iterator[str]:
    """Answer under `[web]` of the settings while the block runs; gives the address, "" when no port is set.

    port: another than that of the settings. needed: this process is there for nothing else. Raises ConfigError when it
    cannot listen there, or has no port.
    """
    port = app.settings.web.port if port is None else port
    if port is None:
        if needed:
            raise _fault(
                "web.port: none is set, so that there is nothing to answer on", "[web] port = 8750, or --port 8750"
            )
        yield ""
        return
    import uvicorn  # half a second, and only who asks for a port pays for it

    from engine.web.site import site

    with closing(_door(app.settings.web.host, port)) as door:
        worker = ThreadPoolExecutor(1, "web-store")
        settings = uvicorn.Config(
            site(app, status, worker),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            limit_concurrency=CROWD,
            timeout_graceful_shutdown=GRACE,
        )
        server = uvicorn.Server(settings)
        thread = Thread(target=server.run, kwargs={"sockets": [door]}, name="web", daemon=True)
        thread.start()
        try:
            yield _address(door)
        finally:
            server.should_exit = True
            thread.join(2 * GRACE)
            worker.shutdown(wait=False, cancel_futures=True)


def _door(host: str, port: int) -> socket.socket:
    """A socket that listens; who comes before the server runs waits a moment."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=CROWD)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise _fault(f"web: cannot listen on {host} port {port} ({why})", "another [web] host or port") from error


def _address(door: socket.socket) -> str:
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _fault(text: str, hint: str) -> ConfigError:
    return ConfigError([Fault(file=FILE, code="P105", text=text, hint=hint)])
