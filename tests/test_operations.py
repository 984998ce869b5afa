"""docs/operations.md names every number, every event and every answer that there is, and no other."""

from __future__ import annotations

import ast
import io
import re
from itertools import chain
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from engine import config, workspace
from engine.app import open_app, system_clock
from engine.status import Status
from engine.web.families import OUTCOMES
from engine.web.health import NOBODY
from engine.web.metrics import Numbers
from engine.web.server import serving
from tests.shop import Shop
from tests.test_docs import blocks

ROOT = workspace.shipped()
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
STAGES = ("reload", "ingest", "score", "decide", "schedule", "dispatch", "tidy", "lease")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    part = PAGE.split(f"\n## {heading}\n")[1].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_every_number_is_on_the_page_with_its_labels(shop: Shop) -> None:
    status = Status(patience=60)
    status.expect("decide", line="stages", every=1, now=0)
    shop.app.ready()
    shop.app.right.take()
    told = {
        sample.name: sorted(sample.labels)
        for family in parsed(Numbers(shop.app, status, lambda: 1.0).text().decode())
        for sample in family.samples
        if sample.name.startswith("premura_")
    }
    shown = {quoted(name)[0]: sorted(quoted(labels)) for name, labels, *_ in rows("The numbers")}
    assert shown == {"premura_rate_tokens": ["adapter"]} | told  # no adapter of the shop has a rate
    assert {cells[2] for cells in rows("The numbers")} == {"store", "process"}
    (sends,) = (cells for cells in rows("The numbers") if "premura_sends_total" in cells[0])
    assert quoted(sends[3]) == list(OUTCOMES)


def test_that_nobody_leads_is_told_in_the_words_of_the_page() -> None:
    assert f'"leader": "{NOBODY}"' in " ".join(PAGE.split())


def test_what_is_asked_of_the_store_needs_the_store(shop: Shop) -> None:
    of_the_store = {quoted(name)[0] for name, _, whose, _ in rows("The numbers") if whose == "store"}
    numbers = Numbers(shop.app, Status(patience=60), lambda: 1.0)
    shop.app.store.close()
    (shop.folder / "premura.db").unlink()
    (shop.folder / "premura.db").mkdir()
    told = {sample.name for family in parsed(numbers.text().decode()) for sample in family.samples}
    assert "premura_store_up" in told
    assert told & of_the_store == set()


def test_the_alerts_ask_for_numbers_that_there_are() -> None:
    (rules,) = blocks(PAGE, "yaml")
    asked = set(re.findall(r"premura_\w+", rules))
    assert asked <= {quoted(name)[0] for name, *_ in rows("The numbers")}
    assert len(re.findall("alert:", rules)) == len(asked)


def test_every_event_of_the_log_is_on_the_page() -> None:
    shown = {name for cells in rows("The log") for name in quoted(cells[0])}
    missing = {name for name in logged() if name not in shown}
    assert missing == set()
    assert {f"{stage}.failed" for stage in STAGES} <= shown
    assert {f"send.{outcome.replace(' ', '_')}" for outcome in OUTCOMES if outcome != "submitting"} <= shown


def logged() -> set[str]:
    """The events that stand in the code as they are, not put together."""
    found = set[str]()
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                said = node.args[0]
                is_log = ast.unparse(node.func.value).split(".")[-1] in ("log", "logger")
                if is_log and isinstance(said, ast.Constant):
                    found.add(str(said.value))
    return found


def test_the_events_are_found() -> None:
    assert {"daemon.started", "daemon.stopped", "dispatch.refused", "fault", "lead.taken"} <= logged()


def test_the_port_of_the_page_is_one(shop: Shop) -> None:
    block, kept = blocks(PAGE, "toml")
    settings = config.parse(block + kept + '[shop]\nname = "Bellini"\nemail = "ciao@bellini.example"\n')
    assert settings.web.port == 8750
    assert settings.retention == config.Retention(), "what the page shows holds without being written"
    example = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    assert f"# port = {settings.web.port} " in example
    assert '`host = "0.0.0.0"` also answers others' in PAGE
    assert config.Web().host == "127.0.0.1", "this machine only"
    assert config.Web().port is None, "without a port it listens nowhere"
    assert shop.app.settings.web == config.Web()


def test_the_addresses_of_the_page_answer(tmp_path: Path) -> None:
    app = open_app(Shop(tmp_path / "shop").folder, system_clock, io.StringIO())
    with serving(app, Status(patience=60), port=0) as address:
        app.ready()
        paths = list(chain.from_iterable(quoted(cells[0]) for cells in rows("Asking it")))
        assert {path: httpx.get(address + path, timeout=60).status_code for path in paths} == dict.fromkeys(paths, 200)
        assert httpx.get(f"{address}/healthz", timeout=60).json() == {"alive": True, "why": []}
    app.close()
    assert paths == ["/healthz", "/readyz", "/metrics"]


@pytest.mark.parametrize("word", ["READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1"])
def test_what_systemd_hears_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE
    assert word in (ROOT / "engine" / "daemon" / "systemd.py").read_text(encoding="utf-8")
