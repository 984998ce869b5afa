"""The architecture, as far as a test can see it: every module has its tests, and nothing grows out of hand."""

from __future__ import annotations

import ast
import re
import statistics
from functools import cache
from pathlib import Path

import pytest

from engine.workspace import shipped

ROOT = shipped()
MODULES = sorted(
    path
    for path in (ROOT / "engine").rglob("*.py")
    if path.name != "__init__.py" and "migrations" not in path.parts and path.read_text(encoding="utf-8").strip()
)
SOURCES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

TESTED_ELSEWHERE = {
    "__main__": "tests/cli/test_commands.py runs it as a process",
    "orders": "tests/test_inquiry.py asks, orders and asks again",
    "store/in_order": "tests/decide/test_two_deciders.py keeps an append back while others look",
    "adapters/wire/taken": "tests/adapters/test_fake.py counts what it takes",
    "adapters/wire/smtp": "tests/adapters/test_email_smtp.py drives every dialogue",
    "cli/actions": "tests/cli/test_commands.py runs every command",
    "cli/database": "tests/test_recovery.py runs every command",
    "cli/display": "tests/cli/test_commands.py reads what commands show",
    "cli/frame": "tests/cli/test_commands.py runs every command",
    "cli/people": "tests/cli/test_commands.py runs every command",
    "cli/stages": "tests/cli/test_commands.py runs every command",
    "cli/story": "tests/demo/test_run.py reads the closing words",
    "cli/workspace": "tests/cli/test_commands.py runs every command",
    "core/gaps": "tests/dispatch/test_restored.py has gaps of every kind",
    "core/records": "tests/core/test_facts.py has all records",
    "core/breaker": "tests/dispatch/test_breaker.py opens and closes it",
    "core/texts": "tests/store/test_written.py writes columns, and reads what was written",
    "core/waits": "tests/decide/test_waits.py settles what waits",
    "ingest/dates": "tests/ingest/test_bad_input.py refuses dates of other orders",
    "ingest/intake": "tests/ingest/test_stage.py takes files in",
    "ingest/opened": "tests/ingest/test_formats.py and test_columns.py open files of every kind",
    "ingest/happened": "tests/ingest/test_cells.py reads events in blocks, tests/ingest/test_sayings.py compares them",
    "ingest/stage/events": "tests/ingest/test_stage.py takes files in",
    "ingest/stage/file": "tests/ingest/test_stage.py takes files in",
    "ingest/stage/aside": "tests/ingest/test_portions.py has large files read beside",
    "ingest/stage/invites": "tests/ingest/test_referrals.py and test_referral_codes.py hand out codes and spend them",
    "ingest/stage/people": "tests/ingest/test_exports.py takes in customers and consents",
    "ingest/stage/taking": "tests/ingest/test_stage.py takes files in",
    "ingest/stage/transactions": "tests/ingest/test_stage.py takes files in",
    "ingest/events": "tests/ingest/test_rows.py and test_cells.py read events one by one and in blocks",
    "ingest/transactions": "tests/ingest/test_rows.py and test_cells.py read sales one by one and in blocks",
    "beside": "tests/ingest/test_portions.py and tests/decide/test_ahead.py have work done beside",
    "decide/came": "tests/decide/test_ahead.py compares what came of rounds here and beside",
    "decide/kinds": "tests/decide/test_names.py goes through the vocabulary",
    "decide/moment": "tests/decide/test_stage.py decides with occasions",
    "charts/english": "tests/charts/test_words.py reads both languages",
    "charts/italian": "tests/charts/test_words.py reads both languages",
    "charts/phrases": "tests/charts/test_words.py reads both languages",
    "clv/notation": "tests/clv/test_read.py reads files that tell late how they write",
    "clv/request": "tests/clv/test_run.py asks for everything, and for what there is not",
    "clv/blocks": "tests/clv/test_read_like_ingest.py reads every kind of file",
    "backtest/known": "tests/backtest/test_run.py replays forty days as they were lived",
    "backtest/living": "tests/backtest/test_run.py lives households and budgets",
    "backtest/diary": "tests/backtest/test_run.py and test_year.py replay days as they were lived",
    "backtest/outcome": "tests/backtest/test_run.py replays forty days as they were lived",
    "backtest/period": "tests/backtest/test_request.py reads both ends of a period",
    "backtest/result": "tests/backtest/test_run.py reads every row",
    "decide/answered": "tests/decide/test_replay_dates.py and test_replay_waits.py read what a replay finds",
    "decide/past": "tests/backtest/test_run.py asks what was known when",
    "decide/replay": "tests/backtest/test_run.py replays forty days as they were lived",
    "decide/problems": "tests/rules_broken and tests/decide/test_condition.py read every problem",
    "decide/closure_terms": "tests/decide/test_closure.py compares every term with cel-cpp",
    "decide/frame_terms": "tests/decide/test_frame.py compares every term with the closure",
    "decide/round": "tests/decide/test_stage.py asks in rounds",
    "decide/stage/ahead": "tests/decide/test_ahead.py has batches asked beside",
    "decide/stage/batch": "tests/decide/test_ahead.py has batches asked here and beside",
    "decide/stage/asking": "tests/decide/test_stage.py decides by the whole stage",
    "decide/stage/look": "tests/decide/test_stage_dates.py looks again and again",
    "decide/stage/on_calendar": "tests/decide/test_stage.py decides by the whole stage",
    "decide/stage/on_dates": "tests/decide/test_stage_dates.py decides on dates",
    "decide/stage/on_events": "tests/decide/test_stage.py decides by the whole stage",
    "decide/stage/on_purchases": "tests/decide/test_stop_purchase.py buys after a journey began",
    "decide/stage/on_removal": "tests/decide/test_removal.py takes rules away",
    "decide/stage/on_scores": "tests/decide/test_stage.py decides by the whole stage",
    "decide/stage/policy": "tests/decide/test_stage.py decides by the whole stage",
    "decide/situation": "tests/decide/test_names.py reads every name of a situation",
    "decide/vocabulary": "tests/decide/test_names.py goes through the vocabulary",
    "demo/page": "tests/demo/test_run.py reads the page",
    "demo/result": "tests/demo/test_run.py reads the result",
    "dispatch/blame": "tests/dispatch/test_render.py reads every fault of a template",
    "dispatch/stage/admit": "tests/dispatch/test_admit.py",
    "dispatch/stage/ask": "tests/dispatch/test_settling.py asks about doubts",
    "dispatch/stage/settle": "tests/dispatch/test_settling.py settles doubts",
    "dispatch/office": "tests/dispatch/test_stage.py works in it",
    "dispatch/stage/attempt": "tests/dispatch/test_stage.py meets every answer of an adapter",
    "dispatch/stage/finish": "tests/dispatch/test_stage.py reads what came of attempts",
    "dispatch/stage/known": "tests/dispatch/test_known.py asks of many as of one",
    "dispatch/stage/lane": "tests/dispatch/test_batches.py sends many at once",
    "dispatch/stage/parcel": "tests/dispatch/test_batches.py sends several in one call",
    "dispatch/stage/prepare": "tests/dispatch/test_stage.py freezes, refuses and waits",
    "dispatch/stage/recover": "tests/dispatch/test_stage.py takes up what dead runs left",
    "dispatch/stage/restored": "tests/test_guard.py restores copies of every kind",
    "dispatch/stage/send": "tests/dispatch/test_stage.py runs, stops and interrupts it",
    "dispatch/stage/take": "tests/dispatch/test_stage.py asks everything again",
    "dispatch/stage/together": "tests/dispatch/test_batches.py sends several in one call",
    "score/models/bg_nbd": "tests/score/test_bg_nbd.py has the models beside what uses them",
    "score/models/bg_bb": "tests/score/test_bg_bb.py",
    "score/models/fit": "tests/score/test_fit.py",
    "score/models/gamma_gamma": "tests/score/test_gamma_gamma.py",
    "score/models/leaving": "tests/score/test_leaving.py",
    "score/models/mbg_nbd": "tests/score/test_mbg_nbd.py",
    "score/models/pareto_nbd": "tests/score/test_pareto_nbd.py",
    "score/models/pareto_sheet": "tests/score/test_pareto_nbd.py integrates by other means",
    "score/models/pareto_tail": "tests/score/test_pareto_nbd.py integrates by other means",
    "score/models/model": "tests/score/test_models.py goes through every model",
    "score/models/rows": "tests/score/test_rows.py",
    "score/models/sbg": "tests/score/test_sbg.py",
    "score/models/search": "tests/score/test_search.py",
    "score/arrays": "tests/score/test_history.py has all of them",
    "score/policy": "tests/score/test_stage.py scores by every policy",
    "score/terms": "tests/score/test_clv.py discounts and refuses",
    "score/tracking": "tests/score/test_pictures.py tracks shops",
    "score/units": "tests/score/test_history.py counts in all of them",
    "score/purchases": "tests/score/test_history.py nets refunds by hand beside it",
    "score/refunds": "tests/score/test_history.py nets refunds by hand beside it",
    "score/window": "tests/score/test_history.py splits logs",
    "score/fitting": "tests/score/test_record.py fits shops, keeps the fits and values everybody",
    "score/yearly": "tests/score/test_season.py finds seasons, and none where there is none",
    "web/families": "tests/web/test_metrics.py reads every number",
    "web/health": "tests/web/test_site.py asks in good and in bad states",
    "store/terms": "tests/store/test_where.py compares every term with the closure",
    "store/tables/columns": "tests/store/test_tables.py compares all tables with the migrations",
    "store/tables/answers": "tests/store/test_tables.py",
    "store/tables/log": "tests/store/test_tables.py",
    "store/tables/people": "tests/store/test_tables.py",
    "store/tables/printing": "tests/store/test_tables.py",
    "store/tables/programme": "tests/store/test_tables.py",
    "store/tables/retention": "tests/store/test_retention.py moves whole rows there",
    "store/tables/sending": "tests/store/test_tables.py",
    "store/tables/upkeep": "tests/store/test_tables.py",
    "store/tables/worth": "tests/store/test_tables.py",
}


def name_of(module: Path) -> str:
    return module.relative_to(ROOT / "engine").with_suffix("").as_posix()


def mirror_of(module: Path) -> Path:
    """The module's mirror: engine/score/clv.py has tests/score/test_clv.py."""
    return ROOT / "tests" / module.relative_to(ROOT / "engine").with_name(f"test_{module.name}")


def test_every_module_has_its_tests_or_says_where_they_are() -> None:
    missing = [
        name_of(module)
        for module in MODULES
        if not mirror_of(module).exists() and name_of(module) not in TESTED_ELSEWHERE
    ]

    assert missing == []


def test_no_excuse_outlives_its_module() -> None:
    assert TESTED_ELSEWHERE.keys() <= {name_of(module) for module in MODULES if not mirror_of(module).exists()}
    for reason in TESTED_ELSEWHERE.values():
        assert (ROOT / reason.split()[0]).exists(), reason


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@cache
def functions(module: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(parsed(module)) if isinstance(node, FUNCTIONS)]


def test_modules_and_functions_keep_their_measure() -> None:
    texts = (
        path.read_text(encoding="utf-8") for path in (ROOT / "engine").rglob("*.py") if "versions" not in path.parts
    )
    lines = [len(text.splitlines()) for text in texts if text.strip()]
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for module in MODULES for node in functions(module))

    assert max(lines) <= 500
    assert statistics.median(lines) <= 100
    assert lengths[int(0.95 * len(lengths))] <= 45


def bare_arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    said = function.args
    named = [*said.posonlyargs, *said.args, *said.kwonlyargs, said.vararg, said.kwarg]
    return [one.arg for one in named if one and not one.annotation and one.arg not in ("self", "cls")]


def test_every_function_says_what_it_takes_and_returns() -> None:
    silent = [
        f"{name_of(module)}.{node.name}"
        for module in MODULES
        for node in functions(module)
        if not node.returns or bare_arguments(node)
    ]

    assert silent == []


def test_every_public_function_and_class_is_described() -> None:
    bare = [
        f"{name_of(module)}.{node.name}"
        for module in MODULES
        for node in parsed(module).body
        if isinstance(node, (*FUNCTIONS, ast.ClassDef))
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]

    assert bare == []


@pytest.mark.parametrize("sign", ["noqa", "type: ignore"])
def test_every_exemption_says_why_on_its_line(sign: str) -> None:
    reasoned = re.compile(rf"#\s*{sign}[^#\n]*?(?: - |\]\s+# )\S.*")
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(rf"#\s*{sign}\b", line) and not reasoned.search(line) and path.name != "test_architecture.py"
    ]

    assert bare == []


def test_nothing_is_left_unfinished() -> None:
    signs = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|raise NotImplementedError")

    assert [name_of(module) for module in MODULES if signs.search(module.read_text(encoding="utf-8"))] == []
