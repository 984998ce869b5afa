"""The command: its words, its rows, its file, its document, and one line for whatever cannot be."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.cli import run
from tests.shop import THANKS, Shop

DONE = "service_call.completed"
MARCH = ("--since", "2026-03-01", "--until", "2026-03-31")


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """Three customers who were served in March and April, one without a consent; whom a rule thanks."""
    shop.rule("thanks", THANKS.replace("[[step]]", '[journey]\nagain_after = "P20D"\n\n[[step]]'))
    for ref in ("C1", "C2", "C3"):
        shop.customer(ref, consent=ref != "C2")
        for day in ("03-02", "03-10", "03-31", "04-20"):
            shop.event(DONE, f"2026-{day}T09:00:00+02:00", ref)
    shop.close()
    return shop


def said(capsys: pytest.CaptureFixture[str], shop: Shop, *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["backtest", *words, "-w", str(shop.folder)]) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def test_it_sums_up_and_shows_who_and_when(busy: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, busy, "thanks", *MARCH).splitlines()

    assert lines[0].startswith("thanks: Thank for a service call (version ")
    assert lines[1] == "2026-03-01 to 2026-03-31: 2 sent to 2 of 3 customers"
    assert lines[2].split() == ["2026-03", "email", "2", "█" * 40]
    assert [line.split(maxsplit=1) for line in lines[4:7]] == [
        ["3", "not permitted, or nowhere to write to"],
        ["2", "had been in this rule not long before"],
        ["2", "due after that day"],
    ]
    assert lines[3] == "Taken away, or not sent:"
    assert "2026-03-03 08:00  C1 Letizia D'Amico  email (mail): sent" in lines
    assert (
        "2026-03-02 08:00  C2 Letizia D'Amico  email (mail): permission, no consent for relationship by email" in lines
    )


def test_the_file_has_every_row_and_people_see_the_first(
    busy: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.cli.backtest.FIRST", 2)
    out = tmp_path / "rows.csv"

    assert "and 7 more (--out FILE.csv writes them all)" in said(capsys, busy, "thanks", *MARCH)
    assert f"All 9 rows are in {out}." in said(capsys, busy, "thanks", *MARCH, "--out", str(out))
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert {row["outcome"] for row in rows} == {"sent", "permission", "again_after", "coming"}
    assert rows[1] == {
        "customer": "C1", "name": "Letizia D'Amico", "at": "2026-03-03T07:00:00+00:00", "channel": "email",
        "step": "mail", "outcome": "sent", "reason": "", "deferred": "no", "cost": "0",
        "decided_at": "2026-03-02T07:00:00+00:00",
        "occurrence": f"events/{DONE}:C1:2026-03-02T09:00:00+02:00",
    }  # fmt: skip


def test_one_document(busy: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, busy, "thanks", *MARCH, "--json"))

    assert (found["rule"], found["since"], found["until"]) == ("thanks", "2026-03-01", "2026-03-31")
    assert found["ends"] == {"permission": 3, "sent": 2, "again_after": 2, "coming": 2}
    assert (found["months"], found["asked"], found["false"]) == ({"2026-03": {"email": 2}}, 9, 0)
    assert len(found["rows"]) == 9


def test_nothing_at_all(busy: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, busy, "thanks", "--since", "2025-01-01", "--until", "2025-12-31").splitlines()

    assert lines[1].endswith("0 sent to 0 of 0 customers")
    assert lines[2] == "Nothing was taken away."
    assert lines[-1].startswith("Note: names, addresses and attributes are those of today")


def test_a_rule_that_is_not_in_force_yet(busy: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft = tmp_path / "draft.toml"
    draft.write_text(THANKS.replace('"thanks"', '"draft"'), encoding="utf-8")

    lines = said(capsys, busy, str(draft), *MARCH).splitlines()
    assert lines[0].endswith(f", {draft})")
    assert lines[1] == "2026-03-01 to 2026-03-31: 4 sent to 2 of 3 customers"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("thansk", *MARCH), "there is no rule 'thansk' (hint: did you mean 'thanks'?)"),
        (
            ("thanks", "--since", "2026-03-02", "--until", "2026-03-01"),
            "--since: 2026-03-02 is after --until 2026-03-01",
        ),
        (("thanks", "--since", "2026-03-02", "--until", "9026-03-01"), "--until: 9026-03-01 is not over yet"),
        (("rich", *MARCH), "--until: rich asks about scores, and nobody had bought by 2026-03-31"),
        (
            ("thanks", *MARCH, "--out", "no/where.csv"),
            "--out: no/where.csv cannot be written (No such file or directory)",
        ),
        (("thanks", "--since", "2026-03-02"), "Missing option '--until'"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    busy: Shop, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], line: str
) -> None:
    busy.rule(
        "rich", THANKS.replace('"thanks"', '"rich"').replace("[[step]]", "when = \"score.tier == 'gold'\"\n[[step]]")
    )
    busy.close()

    told = said(capsys, busy, *words, code=2)
    assert told.startswith(line)
    assert told.count("\n") == 1


def test_a_broken_rule_is_told_as_check_tells_it(busy: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    busy.rule("thanks", THANKS.replace("service_call.completed", "service_call.complete"))
    busy.close()

    told = said(capsys, busy, "thanks", *MARCH, code=2).splitlines()
    assert told[0].startswith("rules/thanks.toml:8:9: R011 unknown event kind 'service_call.complete'")
    assert len(told) == 2
