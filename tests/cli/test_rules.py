"""`premura rules list` and `premura rules schema`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator as Validator  # type: ignore[import-untyped]  # it ships no types

from engine.core.keys import sha256
from engine.decide.schema import rule_schema
from engine.decide.vocabulary import vocabulary
from tests.cli.test_commands import ran, told
from tests.shop import THANKS, Shop

BIRTHDAY = """
id = "birthday"
title = "Wish a happy birthday :smile:"
purpose = "transactional"
[on]
date = "customer.birthday"
[[step]]
id = "mail"
channel = "email"
template = "email/anniversary"
"""
OTHERS = {
    "daily": ('sweep = "daily"', "daily"),
    "served": ('date = "service_call.completed"\nafter = "P1Y"', "on service_call.completed plus P1Y"),
    "ends": ('date = "contract.signed.ends_on"', "on contract.signed.ends_on"),
    "warranty": ('date = "customer.first_purchase"\nrepeat = "once"', "on customer.first_purchase"),
    "fallen": ('score = "p_alive < 0.3"', "when p_alive < 0.3"),
}


def test_the_list_says_what_each_rule_is_and_what_came_of_it(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.rule("birthday", BIRTHDAY)
    for name, (start, _) in OTHERS.items():
        text = BIRTHDAY.replace('"birthday"', f'"{name}"').replace('date = "customer.birthday"', start)
        shop.rule(name, text)
    shop.customer()
    shop.customer("C2", consent=False)
    for who in ("C1", "C2"):
        shop.event("service_call.completed", "2026-03-02T09:00:00+01:00", who)
    shop.round()
    shop.close()

    rules = {rule["id"]: rule for rule in told(capsys, "rules", "list", "-w", shop.folder)}

    assert list(rules) == sorted(["birthday", "thanks", *OTHERS])
    thanks = rules["thanks"]
    assert (thanks["file"], thanks["hash"]) == ("rules/thanks.toml", sha256(THANKS))
    assert thanks["starts"] == {"kind": "event", "what": "service_call.completed"}
    assert (thanks["purpose"], thanks["holdout"]) == ("relationship", 0.0)
    assert thanks["first_used_at"] == "2026-03-02T11:00:00+00:00"
    assert thanks["decisions"] == {"act": 1, "refused": 1}
    assert list(thanks["actions"]) == ["email"]
    assert sum(thanks["actions"]["email"].values()) == 1
    birthday = rules["birthday"]
    assert (birthday["first_used_at"], birthday["decisions"], birthday["actions"]) == (None, {}, {})

    out = ran(capsys, "rules", "list", "-w", shop.folder)[1]
    assert f"thanks: {thanks['title']}\n  on service_call.completed; relationship, holdout 0%\n" in out
    assert f"  version {thanks['hash'][:8]}, first used 2026-03-02 12:00\n" in out
    assert "  decisions: 1 act, 1 refused; actions: email 1 " in out
    assert "  on customer.birthday, every year; transactional, holdout 0%\n" in out
    assert "not used yet\n  decisions: none; actions: none\n" in out
    for _, words in OTHERS.values():
        assert f"\n  {words}; transactional" in out


def test_a_version_that_was_not_used_yet_says_so_and_keeps_what_the_rule_did(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.customer()
    shop.event("service_call.completed", "2026-03-02T09:00:00+01:00")
    shop.round()
    shop.rule("thanks", THANKS.replace("P1D", "P2D"))

    (rule,) = told(capsys, "rules", "list", "-w", shop.folder)

    assert rule["first_used_at"] is None
    assert rule["decisions"] == {"act": 1}


def test_a_workspace_without_rules_says_where_they_come_from(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.folder / "rules" / "thanks.toml").unlink()

    assert told(capsys, "rules", "list", "-w", shop.folder) == []
    assert "premura init" in ran(capsys, "rules", "list", "-w", shop.folder)[1]
    assert told(capsys, "rules", "log", "-w", shop.folder) == []
    assert ran(capsys, "rules", "log", "-w", shop.folder)[1] == "There is no rule, and none was ever used.\n"


def test_a_rule_that_was_removed_is_still_told_of(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.customer()
    shop.event("service_call.completed", "2026-03-02T09:00:00+01:00")
    shop.app.decide()
    shop.rule("thanks", THANKS.replace("Thank for", "Give thanks for"))
    shop.event("service_call.completed", "2026-03-02T10:00:00+01:00")
    shop.at("2026-03-02T12:00").app.decide()
    (shop.folder / "rules" / "thanks.toml").unlink()
    shop.rule("birthday", BIRTHDAY)
    decided = ran(capsys, "decide", "-w", shop.folder)[1]

    there, gone = told(capsys, "rules", "list", "-w", shop.folder)

    assert "2 ended because their rule was removed" in decided
    assert (there["id"], there["removed"]) == ("birthday", False)
    assert (gone["id"], gone["removed"], gone["title"]) == ("thanks", True, "Give thanks for a service call")
    assert gone["decisions"] == {"act": 2}
    assert gone["actions"] == {"email": {"cancelled": 2}}
    assert f"  removed; version {gone['hash'][:8]}, first used" in ran(capsys, "rules", "list", "-w", shop.folder)[1]


def test_a_broken_rule_is_told_like_by_check(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.rule("thanks", THANKS.replace("after =", "afetr ="))

    code, out, err = ran(capsys, "rules", "list", "-w", shop.folder)

    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "rules/thanks.toml:14:1: R002 unknown key 'afetr' (hint: did you mean 'after'?)"


def test_the_schema_has_the_words_of_the_workspace(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.configure('boiler = "string"', 'until = "timestamp"\n[events."boiler.sold"]\nprice = "double"')

    made = told(capsys, "rules", "schema", "-w", shop.folder)

    on = made["properties"]["on"]["properties"]
    assert "boiler.sold" in on["event"]["enum"]
    assert "customer.attributes.until" in on["date"]["enum"]
    assert "email/service_thank_you" in made["properties"]["step"]["items"]["properties"]["template"]["enum"]
    assert Validator(made).is_valid(tomllib.loads(THANKS))
    assert not Validator(made).is_valid(tomllib.loads(THANKS.replace("template", "tempalte")))
    assert json.loads(ran(capsys, "rules", "schema", "-w", shop.folder)[1]) == made


def test_the_schema_needs_no_store_and_no_sound_rules(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.folder / "premura.db").unlink()
    shop.rule("broken", "id = ")

    assert told(capsys, "rules", "schema", "-w", shop.folder)["title"] == "Premura rule"
    assert not (shop.folder / "premura.db").exists()


def test_the_schema_is_written_where_an_editor_finds_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = told(capsys, "rules", "schema", "-w", shop.folder)
    monkeypatch.chdir(shop.folder)

    code, out, _ = ran(capsys, "rules", "schema", "--out", "rules/rules.schema.json")
    assert (code, out.split()[0]) == (0, "rules/rules.schema.json")
    assert told(capsys, "rules", "schema", "--out", "again.json") == {"schema": "again.json"}

    text = Path("rules/rules.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == printed
    assert text == Path("again.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert ran(capsys, "check")[0] == 0  # it lies among the rules and is none


def test_outside_a_workspace_the_schema_has_what_is_built_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert told(capsys, "rules", "schema") == rule_schema(vocabulary())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-w", "nowhere"), "nowhere/premura.toml: P100 there is no workspace here"),
        (("--out", "nowhere/rules.json"), "--out: nowhere/rules.json cannot be written (No such file or directory)\n"),
    ],
)
def test_a_schema_of_nowhere_or_to_nowhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    code, out, err = ran(capsys, "rules", "schema", *words)

    assert (code, out) == (2, "")
    assert err.startswith(said)
