"""What systemd hears, on a socket like its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.daemon import systemd

Heard = Callable[[], list[str]]


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """What came since the last question; the socket stands where NOTIFY_SOCKET says."""
    name = str(tmp_path / "notify") if request.param == "path" else f"\0premura-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))

        def came() -> list[str]:
            lines = list[str]()
            try:
                while True:
                    lines += manager.recv(4096).decode().splitlines()
            except BlockingIOError:
                return lines

        yield came


def test_a_whole_life(heard: Heard) -> None:
    systemd.ready("24 rules in force")
    assert heard() == ["READY=1", "STATUS=24 rules in force"]
    systemd.reloading()
    word, since, _ = heard()
    assert word == "RELOADING=1"
    assert since.removeprefix("MONOTONIC_USEC=").isdigit()
    systemd.stopping()
    assert heard()[0] == "STOPPING=1"


def test_the_watchdog_hears_twice_as_often_as_it_asks(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    watchdog = systemd.watchdog()
    for now in range(100, 130):
        watchdog.pat(now)
    assert heard() == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize("asked", [{}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
def test_nobody_is_told_who_did_not_ask(heard: Heard, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    systemd.watchdog().pat(1.0)
    assert heard() == []


@pytest.mark.parametrize("address", [None, "", "elsewhere", "/nowhere/at/all", "@nobody-listens-here"])
def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    systemd.ready("")
