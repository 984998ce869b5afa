"""What the documents say is what the program does."""

from __future__ import annotations

import asyncio
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from engine import __version__, config, workspace
from engine.adapters.registry import OURS, Around
from engine.check import check
from engine.cli import run
from engine.core.actions import State
from engine.core.messages import Plain
from engine.dispatch.port import Message
from engine.errors import DeliveryError
from tests.shop import Shop

ROOT = workspace.shipped()
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADAPTER = (ROOT / "docs" / "adding-an-adapter.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")


def blocks(text: str, language: str = "") -> list[str]:
    """The fenced blocks of a language, without their indentation."""
    found: list[str] = []
    fence, indent, lines = "", "", []
    for line in text.splitlines(keepends=True):
        plain = line.strip()
        if not plain.startswith("```"):
            lines.append(line.removeprefix(indent))
        elif fence:
            if fence == "```" + language:
                found.append("".join(lines))
            fence = ""
        else:
            fence, indent, lines = plain, line[: len(line) - len(line.lstrip())], []
    return found


def test_every_link_leads_somewhere() -> None:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
            assert target.startswith("http") or (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_command_in_the_documents_is_one() -> None:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for words in re.findall(r"`premura ([a-z]+)", path.read_text(encoding="utf-8")):
            assert run([words, "--help"]) == 0, f"{path.name}: premura {words}"


def test_the_readmes_rule_works_word_for_word(tmp_path: Path) -> None:
    (rule,) = (block for block in blocks(README, "toml") if block.startswith("id ="))
    (words,) = (block for block in blocks(README) if "{{ customer.name }}" in block)
    shop = Shop(tmp_path / "shop", rules={"sorry_it_took_so_long": rule})
    target = shop.folder / "templates" / "task" / "call_them.en.txt.j2"
    target.parent.mkdir()
    target.write_text(words, encoding="utf-8")
    assert check(shop.folder) == ()

    for number in range(1, 12):
        shop.customer(f"C{number}")
        shop.sale("2025-06-01", f"{number}0.00", f"C{number}")
        shop.sale("2025-12-01", f"{number}5.00", f"C{number}")
    shop.app.score()
    shop.event("complaint.opened", "2026-03-01T09:00:00+01:00", "C11", what="a leak")
    shop.event("complaint.resolved", "2026-03-02T09:00:00+01:00", "C11")
    shop.round()
    shop.at("2026-03-03T11:00").round()

    assert shop.states() == {"sorry_it_took_so_long.call": "delivered"}


def test_the_adapter_of_the_document_is_one(tmp_path: Path) -> None:
    (source,) = blocks(ADAPTER, "python")
    module = ModuleType("task_file")
    sys.modules["task_file"] = module
    exec(compile(source, "adding-an-adapter.md", "exec"), module.__dict__)  # noqa: S102 - our own document, on purpose
    around = Around(folder=tmp_path, currency="EUR", screen=sys.stdout, secret=lambda _place: "")
    with pytest.raises(ValueError, match="it takes one option"):
        module.build({}, around)
    adapter = module.build({"folder": "out/tasks"}, around)

    def message(title: str) -> Message:
        return Message(action="a1", key="k", customer="C1", body=Plain(title=title, text="Call her.").to_json())

    with pytest.raises(DeliveryError, match="no title"):
        adapter.check(message(""))
    adapter.check(message("Call"))
    for _ in range(2):
        receipt = asyncio.run(adapter.send(message("Call")))
    assert receipt.provider_ref == "a1.txt"
    assert [path.name for path in (tmp_path / "out" / "tasks").iterdir()] == ["a1.txt"]


def test_the_adapter_documents_configuration_is_toml() -> None:
    for block in blocks(ADAPTER, "toml"):
        assert tomllib.loads(block)


def test_every_shipped_adapter_is_in_the_example_or_the_changelog() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for kind in OURS:
        assert f'kind = "{kind}"' in EXAMPLE
        assert f"`{kind}`" in changes


def test_every_setting_is_in_the_example() -> None:
    def names(model: type[BaseModel]) -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            found.append(name)
            inner: Any = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not config.Secret:
                found += names(inner)
        return found

    missing = [name for name in names(config.Settings) if not re.search(rf"\b{name}\b", EXAMPLE)]
    assert missing == []


def test_every_state_is_in_the_architecture() -> None:
    shown = ARCHITECTURE + (ROOT / "engine" / "core" / "actions.py").read_text(encoding="utf-8")
    for state in (State.PLANNED, State.READY, State.HELD, State.CLAIMED, State.SUBMITTING, State.UNKNOWN):
        assert state.value in ARCHITECTURE
    assert all(state.value in shown for state in State)


def test_the_version_is_told_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == __version__
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readmes_two_commands_are_there_and_ci_runs_the_second() -> None:
    lines = README.splitlines()

    assert "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/premura demo" in lines
    tests = [line for line in lines if re.fullmatch(r"python3 -m venv \.venv && \.venv/bin/pip install .*pytest", line)]
    assert tests == ["python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"]
    assert "pip install .*pytest' README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
