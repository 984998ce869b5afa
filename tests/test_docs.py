"""What the documents say is what the program does."""

from __future__ import annotations

import ast
import asyncio
import csv
import re
import sys
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from bench.chaos import page
from engine import __version__, config, highwater, workspace
from engine.adapters.registry import OURS, Around
from engine.check import check
from engine.cli import run
from engine.clv import request as of_a_file
from engine.clv.write import COLUMNS
from engine.core.actions import State
from engine.core.gaps import MAYBE, Gap
from engine.dispatch.port import Adapter, Message
from engine.dispatch.restored import REPEATS, sentence
from engine.errors import DeliveryError
from engine.score import closed_forms
from engine.score.clv import CUSTOMER_FLAGS, values
from engine.score.fitting import AUTO
from engine.score.flags import FLAGS
from engine.score.models import BUYING, bg_nbd, gamma_gamma
from engine.score.models.bg_nbd import BgNbd
from engine.score.models.fit import fit
from engine.score.terms import Terms
from engine.score.validate import Figures
from engine.store import session
from tests.adapters.tasks import TASK
from tests.dispatch.shop import Told
from tests.golden.test_cdnow import clv_of_lifetimes
from tests.golden.test_validation import TABLE, verdict
from tests.score.shops import CALIBRATION_END, WINDOW_END
from tests.score.test_interval import SHOPS, foretold, inside, shop
from tests.shop import Shop

ROOT = workspace.shipped()
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADAPTER = (ROOT / "docs" / "adding-an-adapter.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
RELIABILITY = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
BACKUP = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
CLV = (ROOT / "docs" / "clv.md").read_text(encoding="utf-8")
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
    target.parent.mkdir(exist_ok=True)
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
    module = ModuleType("task_text")
    sys.modules["task_text"] = module
    exec(compile(source, "adding-an-adapter.md", "exec"), module.__dict__)  # noqa: S102 - our own document, on purpose
    around = Around(folder=tmp_path, currency="EUR", screen=sys.stdout, secret=lambda _place: "")
    with pytest.raises(ValueError, match="it takes one option"):
        module.build({}, around)
    adapter = module.build({"folder": "out/tasks"}, around)

    def message(title: str) -> Message:
        return Message(action="a1", key="k", customer="C1", body=replace(TASK, title=title).to_json())

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
    for state in (State.PLANNED, State.READY, State.HELD, State.SUBMITTING, State.UNKNOWN):
        assert state.value in ARCHITECTURE
    assert all(state.value in shown for state in State)


def test_every_file_of_the_score_room_is_in_the_architecture() -> None:
    files = {path.name for path in (ROOT / "engine" / "score").glob("*.py")} - {"__init__.py"}

    assert [name for name in sorted(files) if f"`{name}`" not in ARCHITECTURE] == []


def test_the_version_is_told_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == __version__
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readmes_two_commands_are_there_and_ci_runs_the_second() -> None:
    lines = README.splitlines()

    assert "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/premura demo" in lines
    tests = [line for line in lines if re.fullmatch(r"python3 -m venv \.venv && .* install .*pytest -n auto", line)]
    assert tests == ["python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest -n auto"]
    assert "pip install .*pytest -n auto' README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


ON_CDNOW = "premura clv tests/data/cdnow/cdnow_sample_transactions.csv --currency USD "


def rows_of(*first: str) -> list[list[str]]:
    """The cells of the tables' rows in docs/clv.md whose first cell is one of these, in backticks or bare."""
    rows = [re.split(r"(?<!\\)\|", line.lstrip("> ").strip().strip("|")) for line in CLV.splitlines() if "|" in line]
    cells = [[cell.strip() for cell in row] for row in rows]
    return [row for row in cells if row[0].strip("`") in first]


def numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"-?\d[\d,]*(?:\.\d+)?", text.replace("−", "-"))]


def words(text: str) -> str:
    """The text without its numbers; how wide its tables are does not matter."""
    return " ".join(re.sub(r"[+\-−]?\d[\d,]*(?:\.\d+)?", "0", text).split())


def test_the_clv_document_names_whatever_there_is() -> None:
    names = {*COLUMNS, *FLAGS, *of_a_file.FLAGS, *BUYING, AUTO, "gamma_gamma", *config.Scoring.model_fields}
    names |= {flag for flags in CUSTOMER_FLAGS for flag in flags.split("|") if flag}
    names |= set(Figures.__dataclass_fields__)

    assert [name for name in sorted(names) if f"`{name}`" not in CLV] == []


def test_the_clv_document_has_every_option_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["clv", "--help"]) == 0

    options = set(re.findall(r"^ +(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert set(re.findall(r"`(--[a-z-]+)`", "".join(re.findall(r"^\| `--.*$", CLV, re.MULTILINE)))) == options
    assert set(re.findall(r"`(--[a-z-]+)[ `]", CLV)) <= options


def test_the_run_in_the_clv_document_is_what_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = next(block for block in blocks(CLV) if block.startswith(f"{ON_CDNOW}--out"))
    (shown,), (table,) = blocks(CLV, "text"), blocks(CLV, "csv")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").symlink_to(ROOT / "tests")

    assert run(command.split()[1:]) == 0

    printed = capsys.readouterr().out
    assert words(printed) == words(shown)
    assert numbers(printed) == pytest.approx(numbers(shown), rel=2e-3)
    with (tmp_path / "scores.csv").open(newline="") as file:
        written = {row["customer_id"]: row for row in csv.DictReader(file)}
    assert {row["clv_high"] for row in written.values() if row["flags"] == "one_purchase"} == {"0.0"}  # as it says
    for row in csv.DictReader(table.splitlines()):
        found = written[row["customer_id"]]
        assert (found.keys(), found["tier"], found["flags"]) == (row.keys(), row["tier"], row["flags"])
        assert numbers(",".join(found.values())) == pytest.approx(numbers(",".join(row.values())), rel=2e-3)


def test_the_pictures_of_the_clv_document_are_there_and_small() -> None:
    shown = re.findall(r"\(pictures/(clv-[a-z-]+\.png)\)", CLV)

    assert sorted(shown) == sorted(path.name for path in (ROOT / "docs" / "pictures").glob("clv-*.png"))
    assert len(shown) == 5
    assert all((ROOT / "docs" / "pictures" / name).stat().st_size < 150_000 for name in shown)
    assert f"{ON_CDNOW}--calibration-end 1997-09-30 --plots pictures\n" in blocks(CLV)


def test_the_worked_examples_are_what_the_closed_forms_give() -> None:
    shown = re.findall(r"^\| `([a-z_]+)(\([^`]*\))` \| ([\d,.]+) \|", CLV, re.MULTILINE)

    assert {name for name, _, _ in shown} == {name for name in vars(closed_forms) if re.search("clv|revenue_per", name)}
    for name, arguments, result in shown:
        found = getattr(closed_forms, name)(*ast.literal_eval(arguments))
        assert f"{float(found):,.2f}" == result


def test_the_cdnow_table_is_what_the_models_do() -> None:
    found = verdict()
    for name, figures in {**found.candidates, **found.validation.baselines}.items():
        (row,) = (row for row in rows_of(name) if len(row) == 11)
        own = (figures.mae, figures.rmse, figures.bias_pct, figures.norm_gini, figures.top_decile_share)
        for cell, value in zip(row[1::2], own, strict=True):
            assert float(cell) == pytest.approx(value, abs=0.6 / 10 ** len(cell.partition(".")[2]))
        if name in TABLE:
            assert [float(cell) for cell in row[2::2]] == list(TABLE[name])
    assert f"`auto` takes `{found.model}` here" in " ".join(CLV.split())


@pytest.mark.parametrize("name", ["bg_nbd", "mbg_nbd", "pareto_nbd", "gamma_gamma"])
def test_the_fits_in_the_clv_document_are_ours(name: str) -> None:
    history = verdict().history
    found = gamma_gamma.fit(history) if name == "gamma_gamma" else fit(BUYING[name], history)
    params = {key: value for key, value in asdict(found.params).items() if key != "time_unit"}
    (row,) = (row for row in rows_of(name) if len(row) == 4 and row[2].startswith("−"))

    assert re.findall("[a-z]+", row[1]) == list(params)
    assert numbers(row[1]) == pytest.approx(list(params.values()), rel=1e-3, abs=6e-4)
    assert numbers(row[2]) == pytest.approx([found.log_likelihood], abs=1e-3)


def test_the_priors_in_the_clv_document_are_ours() -> None:
    for name, model in BUYING.items():
        prior = model.prior(1.0)  # times in days
        (row,) = (row for row in rows_of(name) if len(row) == 3 and re.match(r"[a-z]+ \d", row[1]))
        assert re.findall(r"([a-z]+) \d", row[1]) == list(model.SPACE.names)
        assert (numbers(row[1]), numbers(row[2])) == (list(prior.centre), list(prior.deviation))
        assert re.findall(r"([a-z]+) [\d.]+ days", row[1]) == list(model.SPACE.times)


def test_the_coverage_in_the_clv_document_is_found() -> None:
    for name, params in SHOPS.items():
        scores, brought = foretold(shop(3, 4000, *params))
        hit, some = inside(scores, brought), scores.clv_high_minor > 0
        (row,) = rows_of(name)
        shares = [hit[some].mean(), hit[scores.clv_low_minor > 0].mean(), hit[~some].mean()]
        assert numbers("".join(row[1:])) == pytest.approx(100 * np.array(shares), abs=0.6)


def test_the_coverage_on_cdnow_is_found() -> None:
    found = verdict()
    spending, terms = gamma_gamma.fit(found.history), Terms(horizon_days=WINDOW_END - CALIBRATION_END, annual_rate=0.0)
    scores = values(BUYING["pareto_nbd"], fit(BUYING["pareto_nbd"], found.history), spending, found.history, terms)
    hit = inside(scores, found.window.spend * 100)
    told = " ".join(CLV.split())
    (said,) = re.findall(r"Pareto/NBD for the 39 weeks after it, (\d+)% of the customers lie inside, and (\d+)%", told)

    assert float(said[0]) == pytest.approx(100 * hit.mean(), abs=0.6)
    assert float(said[1]) == pytest.approx(100 * hit[scores.clv_high_minor > 0].mean(), abs=0.6)


def test_other_numbers_in_the_clv_document_are_true() -> None:
    assert f"**{clv_of_lifetimes(30 * 7)[0]:.2f}**" in CLV
    assert f"**{clv_of_lifetimes(4.345 * 7)[0]:.2f}**" in CLV
    published = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="week")
    twice, often = bg_nbd.p_alive(published, np.array([2, 12]), 30, 60)
    assert f"{twice:.0%}".replace("%", " %") in CLV
    assert f"{often:.1%}".replace("%", " %") in CLV


def test_every_row_of_the_crash_matrix_has_its_test_and_every_crash_its_row() -> None:
    named = re.findall(r"^\|.*\| `(test_\w+\.py)::(test_\w+)` \|$", RELIABILITY, re.MULTILINE)
    folder = ROOT / "tests" / "process"
    there = {
        (path.name, node.name)
        for path in folder.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    crashes = {"test_chaos.py", "test_clocks.py", "test_crashes.py", "test_other_side.py", "test_store_in_trouble.py"}

    assert len(named) == len(set(named)) > 15
    assert set(named) <= there
    assert {one for one in there if one[0] in crashes} <= set(named)


def test_the_counts_of_the_crash_run_are_written_by_it_and_can_be_read_again(tmp_path: Path) -> None:
    begin, end = RELIABILITY.index(page.BEGIN), RELIABILITY.index(page.END)
    rows = re.findall(r"^\| .* \|$", RELIABILITY[begin:end], re.MULTILINE)[2:]
    for cells in (re.split(r" *\| *", row.strip("| ")) for row in rows):
        assert cells[-5:-3] == ["0", "0"], "twice, lost"
    copy = tmp_path / "reliability.md"
    copy.write_text(RELIABILITY, encoding="utf-8")
    count = dict.fromkeys(page.HEAD, 3)
    found = {"actions": 3, "kills": 2, "seed": 1, "store": "sqlite", "seconds": 1.0, "broken": []}
    page.write(copy, {**found, "shops": [{"counts": [{"adapter": "email, post", "promise": "none", **count}]}]})
    text = copy.read_text(encoding="utf-8")

    assert text.startswith(RELIABILITY[:begin])
    assert text.endswith(RELIABILITY[end:])
    assert "python -m bench.chaos --actions 3 --kills 2 --seed 1 --store sqlite" in blocks(text)[-1]


def test_what_is_said_of_a_restore_and_of_a_store_that_cannot_be_used_is_what_is_said() -> None:
    since = datetime(2026, 11, 1, 2, tzinfo=UTC)
    adapters: dict[str, Adapter] = {"smtp": Told("email")}
    assert sentence([Gap(since=since, until=since)], adapters, "Europe/Rome") in BACKUP
    assert f"`{MAYBE}`" in BACKUP
    assert f"`{highwater.FILE}`" in BACKUP
    assert f"first {words_of(REPEATS.days)} days after a restore" in BACKUP
    shown = [line.split(" | ")[0].removeprefix("| ") for line in BACKUP.splitlines() if line.startswith("| ")]
    for said in session.HINTS.values():
        told = said.partition(";")[0]
        assert any(told in line for line in shown), told


def words_of(number: int) -> str:
    return {1: "one", 2: "two", 3: "three"}[number]
