"""The three addresses, asked over HTTP, of a workspace in good and in bad states."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families as parsed

from engine.status import Status
from engine.web import site as pages
from engine.web.health import NOBODY
from engine.web.server import serving
from tests.shop import Shop


@pytest.fixture
def status() -> Status:
    return Status(patience=60)


@contextmanager
def asking(shop: Shop, status: Status) -> Iterator[httpx.Client]:
    """A client of a served workspace."""
    shop.configure("# port = 8750", "port = 0     ")
    with serving(shop.app, status) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture
def client(shop: Shop, status: Status) -> Iterator[httpx.Client]:
    with asking(shop, status) as made:
        shop.app.ready()
        yield made


def asked(client: httpx.Client, path: str) -> tuple[int, dict[str, object]]:
    answer = client.get(path)
    return answer.status_code, answer.json()


def test_all_is_well(client: httpx.Client) -> None:
    assert asked(client, "/healthz") == (200, {"alive": True, "why": []})
    assert asked(client, "/readyz") == (200, {"ready": True, "why": [], "leader": NOBODY})
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert list(parsed(answer.text))


@pytest.mark.any_store
def test_who_leads_and_since_when(client: httpx.Client, shop: Shop) -> None:
    shop.app.right.take()
    who = f"{socket.gethostname()}, process {os.getpid()}"
    said = {"ready": True, "why": [], "leader": f"{who}, since 2026-03-02T11:00:00+00:00"}
    assert asked(client, "/readyz") == (200, said)
    shop.app.right.give_back()
    assert asked(client, "/readyz")[1]["leader"] == NOBODY


def test_a_stage_that_hangs_is_no_life(client: httpx.Client, status: Status) -> None:
    status.expect("dispatch", line="stages", every=5.0, now=monotonic() - 70)
    status.begin("dispatch", monotonic() - 66)
    code, said = asked(client, "/healthz")
    assert (code, said["alive"]) == (503, False)
    assert str(said["why"]).startswith("['no sign of life from dispatch for ")
    assert asked(client, "/readyz")[0] == 200, "whether it is to be relied on is another question"
    status.end("dispatch", monotonic())
    assert asked(client, "/healthz")[0] == 200


def test_before_its_rules_are_read_it_is_not_ready(shop: Shop, status: Status) -> None:
    with asking(shop, status) as client:
        assert asked(client, "/readyz") == (503, {"ready": False, "why": ["no rules were read yet"], "leader": NOBODY})
        shop.app.ready()
        assert asked(client, "/readyz")[0] == 200


def test_who_is_about_to_end_is_not_ready_but_lives(client: httpx.Client, status: Status) -> None:
    status.stopping = True
    assert asked(client, "/readyz") == (503, {"ready": False, "why": ["it is about to end"], "leader": NOBODY})
    assert asked(client, "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("harm", "cure", "why"),
    [
        (
            "UPDATE alembic_version SET version_num = '0000'",
            "UPDATE alembic_version SET version_num = (SELECT was FROM before)",
            "the database has another shape than this version needs",
        ),
        (
            "ALTER TABLE alembic_version RENAME TO lost",
            "ALTER TABLE lost RENAME TO alembic_version",
            "the database has another shape than this version needs",
        ),
    ],
)
def test_a_store_of_another_shape_is_told_and_so_is_its_return(
    client: httpx.Client, shop: Shop, harm: str, cure: str, why: str
) -> None:
    file = sqlite3.connect(shop.folder / "premura.db", isolation_level=None)
    file.execute("CREATE TABLE before AS SELECT version_num AS was FROM alembic_version")
    file.execute(harm)
    assert asked(client, "/readyz") == (503, {"ready": False, "why": [why], "leader": NOBODY})
    file.execute(cure)
    file.close()
    assert asked(client, "/readyz")[0] == 200


def test_a_store_that_has_gone_is_told_without_its_place(client: httpx.Client, shop: Shop) -> None:
    shop.app.store.close()
    file = shop.folder / "premura.db"
    file.rename(file.with_suffix(".away"))
    file.mkdir()
    code, said = asked(client, "/readyz")
    assert (code, said["ready"]) == (503, False)
    assert said == {
        "ready": False,
        "why": ["the database file cannot be opened; look at its folder and its rights"],
    }, "nobody knows who leads"
    up = {family.name: family.samples[0].value for family in parsed(client.get("/metrics").text) if family.samples}
    assert up["premura_store_up"] == 0.0
    assert "premura_queue_actions" not in up
    assert asked(client, "/healthz")[0] == 200, "starting it anew would not help"


def test_a_store_that_hangs_holds_up_nobody(shop: Shop, status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PATIENCE", 0.05)
    answered = Event()
    with ThreadPoolExecutor(1) as worker:
        worker.submit(answered.wait, 20)  # a question that does not come back
        site = pages.site(shop.app, status, worker)
        assert ask(site, "/readyz").json()["why"] == ["the database does not answer in time"]
        assert ask(site, "/metrics").status_code == 503
        assert ask(site, "/healthz").status_code == 200
        answered.set()
        shop.app.ready()
        monkeypatch.setattr(pages, "PATIENCE", 60)
        assert ask(site, "/readyz").status_code == 200


def ask(site: FastAPI, path: str) -> httpx.Response:
    """Without a socket: the worker is of the test."""

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://premura") as client:
            return await client.get(path)

    return asyncio.run(answer())


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/healthz/", "/customers", "/../premura.toml"])
def test_nothing_else_is_there(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code in (404, 307)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_nothing_can_be_changed(client: httpx.Client, path: str) -> None:
    assert {client.request(verb, path).status_code for verb in ("POST", "PUT", "DELETE", "PATCH")} == {405}
