"""`premura run` as those see it who watch it: over HTTP, and as systemd does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from signal import SIGHUP
from threading import Thread

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from engine.core.actions import State
from tests.adapters.distribution import install
from tests.process.daemons import BY_SMTP, DAEMON, DEADLINE, Command, Start, is_discreet, states, until
from tests.process.sinks import Sink
from tests.workspaces import FILES, drop_all, make

WEB = "\n[web]\nport = 0\n"
STONE = '''
"""An adapter that never comes back, and lets nobody else work meanwhile."""

from threading import Event

from engine.dispatch.port import Capability, Idempotency


class Stone:
    capability = Capability(channel="email", idempotency=Idempotency.NONE)

    def check(self, message):
        pass

    async def send(self, message):
        Event().wait()

    async def close(self):
        pass


def build(options, around):
    return Stone()
'''
BY_STONE = '\n[channels]\nemail = "stone"\n\n[adapters.stone]\nkind = "stone"\n'
asked = partial(httpx.get, timeout=DEADLINE)


def address(daemon: Command) -> str:
    """Where it answers, as its log says."""
    daemon.wait_for("daemon.started")
    return str(daemon.log[0]["web"])


def numbers(where: str) -> dict[tuple[str, ...], float]:
    text = asked(f"{where}/metrics").raise_for_status().text
    return {(one.name, *one.labels.values()): one.value for family in parsed(text) for one in family.samples}


def test_a_daemon_at_work_and_at_its_end(tmp_path: Path, start: Start, post: Sink) -> None:
    folder = make(tmp_path / "shop", BY_SMTP.format(port=post.port, more="") + DAEMON + WEB)
    drop_all(folder, 3)
    post.hold("after", 3)
    daemon = start(folder)
    where = address(daemon)
    assert asked(f"{where}/healthz").json() == {"alive": True, "why": []}
    said = asked(f"{where}/readyz").json()
    assert (said["ready"], said["why"]) == (True, [])
    assert f", process {daemon.process.pid}, since " in said["leader"]

    assert post.holding.wait(DEADLINE), daemon.err
    found = numbers(where)
    assert sum(value for key, value in found.items() if key[0] == "premura_sends_total") == 3.0
    assert found["premura_sends_total", "mail", "submitting"] == found["premura_queue_actions", "submitting"] >= 1.0
    assert found["premura_tick_runs_total", "decide"] >= 1.0
    ticks = {key[1] for key in found if key[0] == "premura_tick_lag_seconds"}
    assert ticks == {"reload", "ingest", "score", "decide", "schedule", "dispatch", "tidy", "lease"}

    ending_answers_until_the_last_mail(daemon, where, post)
    assert is_discreet(daemon)


def ending_answers_until_the_last_mail(daemon: Command, where: str, post: Sink) -> None:
    end = Thread(target=daemon.end)
    end.start()
    daemon.wait_for("daemon.stopping")
    answer = asked(f"{where}/readyz")
    assert (answer.status_code, answer.json()["why"]) == (503, ["it is about to end"])
    assert asked(f"{where}/healthz").status_code == 200
    post.let_go()
    end.join(DEADLINE)
    assert daemon.process.returncode == 0
    with pytest.raises(httpx.ConnectError):
        asked(f"{where}/healthz")


class Systemd:
    """The socket on which a service manager listens."""

    def __init__(self, folder: Path) -> None:
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.door.bind(str(folder / "notify"))
        self.door.setblocking(False)
        self.environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "400000"}
        self.words = list[str]()

    def heard(self) -> list[str]:
        """Everything since the beginning."""
        try:
            while True:
                self.words += [line for line in self.door.recv(4096).decode().splitlines() if line.endswith("=1")]
        except BlockingIOError:
            return self.words

    def hears(self, word: str, times: int = 1) -> None:
        until(lambda: self.heard().count(word) >= times, self.heard)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(tmp_path)
    yield made
    made.door.close()


def test_systemd_hears_of_a_whole_life(tmp_path: Path, start: Start, systemd: Systemd) -> None:
    daemon = start(make(tmp_path / "shop", FILES + DAEMON), environment=systemd.environment)
    systemd.hears("WATCHDOG=1", 3)
    daemon.send(SIGHUP)
    systemd.hears("READY=1", 2)
    assert daemon.end() == 0
    told = [word for word in systemd.heard() if word != "WATCHDOG=1"]
    assert told == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


def test_a_port_that_is_taken_is_one_line_and_the_right_to_dispatch_is_let_go(
    tmp_path: Path, start: Start, systemd: Systemd, free_port: int
) -> None:
    folder = make(tmp_path / "shop", FILES + DAEMON + WEB.replace("port = 0", f"port = {free_port}"))
    with socket.create_server(("127.0.0.1", free_port)):
        refused = start(folder, environment=systemd.environment)
        assert refused.wait() == 2
    assert systemd.heard() == [], "it was never ready"
    first, second = refused.err.splitlines()
    assert first.startswith(f"premura.toml: P105 web: cannot listen on 127.0.0.1 port {free_port} (")
    assert second == "1 fault; nothing was changed"
    assert address(start(folder)) == f"http://127.0.0.1:{free_port}"


def test_a_stage_that_hangs_is_told_and_the_watchdog_hears_no_more(
    tmp_path: Path, start: Start, systemd: Systemd
) -> None:
    site = tmp_path / "site"
    install(site, {"stone": STONE}, {"stone": "my_package.stone:build"})
    folder = make(tmp_path / "shop", BY_STONE + DAEMON + "patience = 1.0\n" + WEB)
    daemon = start(folder, site=site, environment=systemd.environment)
    where = address(daemon)
    until(lambda: asked(f"{where}/healthz").status_code == 200)
    drop_all(folder, 1)
    until(lambda: states(folder)[State.SUBMITTING] == 1, lambda: daemon.err)

    until(lambda: asked(f"{where}/healthz").status_code == 503)
    (why,) = asked(f"{where}/healthz").json()["why"]
    assert why.startswith("no sign of life from dispatch for ")
    assert asked(f"{where}/readyz").status_code == 200
    before = systemd.heard().count("WATCHDOG=1")
    until(lambda: numbers(where)["premura_tick_lag_seconds", "dispatch"] > 3.0)
    assert systemd.heard().count("WATCHDOG=1") <= before + 1, "one may have been under way"
