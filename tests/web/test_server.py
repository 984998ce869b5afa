"""The server on real sockets: where it listens, what it says when it cannot, and that it ends."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from engine.app import App, open_app, system_clock
from engine.config import Web
from engine.errors import ConfigError
from engine.status import Status
from engine.web.server import CROWD, serving
from tests.workspaces import make

Open = Callable[..., App]
asked = partial(httpx.get, timeout=60)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens a workspace with such a [web]."""
    made = list[App]()

    def open_(**web: object) -> App:
        app = open_app(make(tmp_path / "shop"), system_clock, io.StringIO())
        app.settings = app.settings.model_copy(update={"web": Web.model_validate(web)})
        made.append(app)
        return app

    yield open_
    for app in made:
        app.close()


@pytest.fixture
def status() -> Status:
    return Status(patience=60)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name == "web"}


def test_it_answers_while_the_block_runs_and_not_after(opened: Open, status: Status) -> None:
    with serving(opened(port=0), status) as address:
        assert asked(f"{address}/healthz").json() == {"alive": True, "why": []}
        assert threads() == {"web"}
    assert threads() == set()
    with pytest.raises(httpx.ConnectError):
        asked(f"{address}/healthz")


def test_a_port_that_was_let_go_can_be_had_at_once(opened: Open, status: Status, free_port: int) -> None:
    app = opened(port=free_port)
    for _ in range(2):
        with serving(app, status) as address:
            assert address == f"http://127.0.0.1:{free_port}"
            assert asked(f"{address}/healthz").is_success


def test_an_error_inside_the_block_ends_it_too(opened: Open, status: Status) -> None:
    with pytest.raises(RuntimeError, match="of the daemon"), serving(opened(port=0), status):
        raise RuntimeError("a fault of the daemon")
    assert threads() == set()


def test_without_a_port_it_listens_nowhere(opened: Open, status: Status) -> None:
    with serving(opened(), status) as address:
        assert address == ""
        assert threads() == set()


def test_who_is_there_only_to_answer_needs_a_port(opened: Open, status: Status) -> None:
    with pytest.raises(
        ConfigError, match=r"premura\.toml: P105 web\.port: none is set.*\(hint: \[web\] port = 8750, or --port 8750\)"
    ):
        serving(opened(), status, needed=True).__enter__()


def test_a_port_that_is_taken_is_told_in_one_line(opened: Open, status: Status) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            serving(opened(port=port), status).__enter__()
    said = f"premura.toml: P105 web: cannot listen on 127.0.0.1 port {port} (address already in use"
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
    assert threads() == set()


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host"])
def test_so_is_a_host_that_is_not_this_machine(opened: Open, status: Status, host: str) -> None:
    with pytest.raises(ConfigError, match=f"P105 web: cannot listen on {host} port 0"):
        serving(opened(host=host, port=0), status).__enter__()


def test_who_asks_for_no_port_does_not_wait_for_what_serves_it() -> None:
    """Half a second of imports."""
    heavy = ["fastapi", "uvicorn", "prometheus_client"]
    code = f"import sys, engine.cli, engine.daemon.serve; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_ipv6(opened: Open, status: Status) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(opened(host="::1", port=0), status) as address:
        assert address.startswith("http://[::1]:")
        assert asked(f"{address}/healthz").is_success


def test_a_crowd_is_turned_away_and_nobody_else_suffers(opened: Open, status: Status) -> None:
    with serving(opened(port=0), status) as address:
        port = int(address.rpartition(":")[2])
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(CROWD)]
        assert asked(f"{address}/healthz").status_code == 503
        for one in idle:
            one.close()
        found = 503
        while found == 503:  # the server sees them go one after the other
            found = asked(f"{address}/healthz").status_code
        assert found == 200


@pytest.mark.parametrize("port", [-1, 65536, "http"])
def test_what_is_no_port_is_a_fault_of_the_configuration(opened: Open, port: object) -> None:
    with pytest.raises(ValueError, match="port"):
        opened(port=port)
