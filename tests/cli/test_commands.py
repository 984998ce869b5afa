"""The command line: every command answers, with --json one document and nothing else; faults are one line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import __version__
from engine.cli import app, run
from tests.shop import Shop


def ran(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = run([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


def told(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    code, out, err = ran(capsys, *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.fixture
def lived(shop: Shop) -> Shop:
    """A customer who bought and was thanked."""
    shop.customer()
    for number in range(2, 8):
        shop.customer(f"C{number}")
        shop.sale(f"2025-0{number}-01", "70.00", f"C{number}")
        shop.sale(f"2025-1{number % 3}-01", "90.00", f"C{number}")
    shop.sale("2025-05-01", "80.00")
    shop.event("service_call.completed", "2026-03-02T09:00:00+01:00", amount=80.0)
    shop.app.score()
    shop.round()
    shop.at("2026-03-03T11:00").round()
    shop.close()
    return shop


COMMANDS: list[tuple[str, ...]] = [
    ("check",),
    ("score", "--as-of", "2026-03-04"),
    ("decide", "--as-of", "2026-03-04"),
    ("schedule", "--as-of", "2026-03-04"),
    ("dispatch", "--as-of", "2026-03-04T11:00"),
    ("run", "--once", "--as-of", "2026-03-04T11:00"),
    ("explain", "C1"),
    ("explain", "C1", "--rule", "thanks"),
    ("ledger", "C1"),
    ("customers", "show", "C1"),
    ("customers", "suppress", "C2", "--reason", "asked"),
    ("actions", "list"),
    ("actions", "list", "--state", "held"),
    ("rules", "list"),
    ("rules", "log"),
    ("rules", "log", "thanks"),
    ("rules", "diff", "thanks"),
    ("report", "clv"),
    ("report", "channels"),
    ("report", "lift"),
    ("preview", "email/anniversary"),
    ("db", "upgrade"),
    ("db", "tidy"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_answers_people_and_programs(
    lived: Shop, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    told(capsys, *words, "-w", lived.folder)
    code, out, err = ran(capsys, *words, "-w", lived.folder)

    assert (code, err) == (0, "")
    assert out.strip()
    assert not out.lstrip().startswith(("{", "["))


def test_every_command_is_tried_here_or_in_its_own_test() -> None:
    elsewhere = {"init", "demo", "ingest", "clv", "backtest", "rules schema", "db backup", "db confirm-restore"} | {
        f"actions {verb}" for verb in ("show", "approve", "cancel", "resolve")
    }
    groups = ("customers", "actions", "rules", "report", "db")
    tried = {" ".join(words[: 2 if words[0] in groups else 1]) for words in COMMANDS}

    assert _names() == tried | elsewhere


def _names() -> set[str]:
    single = {str(getattr(info.callback, "__name__", "")) for info in app.registered_commands}
    grouped = {
        f"{group.name} {command.name}"
        for group in app.registered_groups
        if group.typer_instance is not None
        for command in group.typer_instance.registered_commands
    }
    return single | grouped


def test_init_makes_a_workspace_that_passes_its_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = told(capsys, "init", tmp_path / "shop")["made"]
    assert "premura.toml" in made
    assert told(capsys, "init", tmp_path / "shop")["made"] == []

    rules = len(list((tmp_path / "shop" / "rules").iterdir()))
    templates = len(
        {p.name.partition(".")[0] + p.parent.name for p in (tmp_path / "shop" / "templates").glob("*/[a-z]*")}
    )
    assert ran(capsys, "check", "-w", tmp_path / "shop")[:2] == (
        0,
        f"All is well: configuration, {rules} rules and {templates} templates are right.\n",
    )


def test_ingest_says_what_became_of_each_row(lived: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vendite.csv"
    path.write_text("Codice Cliente;Data;Importo\nC1;03/03/2026;1.234,50\nC1;ieri;5\n", encoding="utf-8")

    code, out, _ = ran(capsys, "ingest", path, "-w", lived.folder)

    assert code == 0
    assert "vendite.csv: 2 transactions: 1 new, 0 known, 1 rejected" in out
    assert "columns read as: customer = Codice Cliente, date = Data, amount = Importo" in out
    assert "rejects/vendite.csv.rejects.csv" in out
    (found,) = told(capsys, "ingest", path, "-w", lived.folder)["files"]
    assert (found["new"], found["rejected"]) == (0, 1)


def test_the_list_of_actions_breaks_no_date_and_no_id(lived: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    (sent,) = told(capsys, "actions", "list", "-w", lived.folder)

    out = ran(capsys, "actions", "list", "-w", lived.folder)[1]

    assert re.search(rf"{sent['id'][-8:]} +2026-03-\d\d \d\d:\d\d +delivered +thanks mail by email: \w", out)
    assert max(map(len, out.splitlines())) <= 80


def test_show_approve_cancel_resolve(lived: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    (sent,) = told(capsys, "actions", "list", "-w", lived.folder)
    assert told(capsys, "actions", "show", sent["id"][-8:], "-w", lived.folder)["attempts"][0]["outcome"] == "accepted"
    assert "subject:" in ran(capsys, "actions", "show", sent["id"], "-w", lived.folder)[1]

    for verb in (["approve"], ["cancel"], ["resolve", "--sent"]):
        code, out, err = ran(capsys, "actions", verb[0], sent["id"], *verb[1:], "-w", lived.folder)
        assert (code, out) == (2, "")
        assert "is delivered" in err
    assert ran(capsys, "actions", "resolve", sent["id"], "-w", lived.folder)[2] == "say --sent or --not-sent\n"


@pytest.mark.parametrize("words", [(), ("report",), ("customers",)], ids=" ".join)
def test_who_names_no_command_of_several_gets_their_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = ran(capsys, *words)
    assert (code, out) == (2, "")
    assert ran(capsys, *words, "--help")[1].split() == err.split()
    assert "..." not in err.replace("[ARGS]...", ""), "no sentence is cut off"
    assert max(map(len, err.splitlines())) <= 80


def test_a_customer_is_shown_in_words(lived: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    path = lived.folder / "customers.csv"
    path.write_text("customer,city,acquisition_cost\nC1,Cesena,65.00\n", encoding="utf-8")
    assert ran(capsys, "ingest", path, "-w", lived.folder)[0] == 0

    shown = ran(capsys, "customers", "show", "C1", "-w", lived.folder)[1]
    assert "city: Cesena" in shown
    assert "acquisition_cost: 65,00\N{NO-BREAK SPACE}€" in shown
    assert told(capsys, "customers", "show", "C1", "-w", lived.folder)["facts"]["acquisition_cost_minor"] == 6500


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("score",), 2, "premura.toml: P100 there is no workspace here"),
        (("nonsense",), 2, "No such command 'nonsense'. (hint: premura --help"),
        (("explain",), 2, "Missing argument 'CUSTOMER'."),
        (("ingest", "x.csv", "--kind", "letters"), 2, "--kind: 'letters' is none of"),
        (("run", "--as-of", "2026-01-01"), 2, "--as-of goes with --once"),
        (("run", "--role", "leader"), 2, "--role: 'leader' is none of all, dispatch, web"),
        (("run", "--role", "web", "--once"), 2, "--role goes without --once"),
        (("run", "--port", "8750", "--once"), 2, "--port goes without --once"),
    ],
)
def test_wrong_use_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    ended, out, err = ran(capsys, *words)

    assert (ended, out) == (code, "")
    assert said in err.splitlines()[0]


def test_faults_of_the_workspace_end_with_2_and_as_json_too(lived: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    lived.rule("broken", "id = 'broken'\n")

    code, out, err = ran(capsys, "check", "-w", lived.folder)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith("nothing was changed")
    assert ran(capsys, "decide", "-w", lived.folder)[0] == 2

    code, out, err = ran(capsys, "check", "--json", "-w", lived.folder)
    assert (code, err) == (2, "")
    assert json.loads(out)["faults"][0]["file"] == "rules/broken.toml"


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-1-1"])
def test_a_wrong_day_is_refused(lived: Shop, capsys: pytest.CaptureFixture[str], text: str) -> None:
    code, _, err = ran(capsys, "decide", "--as-of", text, "-w", lived.folder)

    assert code == 2
    assert err.startswith(f"--as-of: '{text}' is not a day such as 2026-10-05")


def test_a_round_of_all_stages_says_what_each_did(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.customer()
    shop.event("service_call.completed", "2026-03-02T09:00:00+01:00", amount=80.0)
    shop.close()

    code, out, _ = ran(capsys, "run", "--once", "--as-of", "2026-03-03T11:00", "-w", shop.folder)
    assert code == 0
    assert [line.split() for line in out.splitlines()[3:9]] == [
        ["ingest", "nothing"],
        ["score", "nothing"],
        ["decide", "1", "events,", "outcomes", "1", "act,", "1", "actions"],
        ["schedule", "1", "scheduled"],
        ["dispatch", "1", "frozen,", "states", "1", "delivered"],
        ["tidy", "nothing"],
    ]


def test_a_user_without_a_name_has_a_number(
    lived: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a container, where nobody but the system has a name."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 424242)
    code, _, err = ran(
        capsys, "actions", "approve", told(capsys, "actions", "list", "-w", lived.folder)[0]["id"], "-w", lived.folder
    )

    assert (code, "is delivered, not held" in err) == (2, True)


def test_a_fault_of_our_own_is_one_line_and_no_traceback(
    lived: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("engine.app.App.decide", broken)
    monkeypatch.delenv("PREMURA_DEBUG", raising=False)
    code, _, err = ran(capsys, "decide", "-w", lived.folder)

    assert code == 1
    assert "Traceback" not in err
    assert err.startswith("premura: a fault of its own: RuntimeError: boom\n")


def test_help_pulls_in_nothing_heavy() -> None:
    heavy = ("numpy", "scipy", "sqlalchemy", "sqlmodel", "jinja2", "cel_expr_python", "pypdfium2", "babel", "alembic")
    program = (
        f"import sys; from engine.cli import run; run(['--help']); print([m for m in {heavy!r} if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_command_is_installed_and_says_its_version_of_help() -> None:
    done = subprocess.run([sys.executable, "-m", "engine", "--help"], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "explain" in done.stdout
    assert done.stderr == ""


def test_the_command_says_which_one_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"premura {__version__}\n"
