"""`premura check`: everything that is wrong, at once, each with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine import workspace
from engine.check import check, shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    workspace.init(tmp_path)
    return tmp_path


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def said(folder: Path) -> list[str]:
    return [str(fault) for fault in check(folder)]


def test_what_is_shipped_is_right(folder: Path) -> None:
    assert said(folder) == []


def test_configuration_rules_and_templates_are_told_together(folder: Path) -> None:
    change(folder, "premura.toml", "currency", "curency")
    change(folder, "rules/anniversary.toml", 'channel = "email"', 'channel = "mail"')
    change(folder, "templates/note/anniversary.it.txt.j2", "customer.name", "custmer.name")

    found = said(folder)

    assert [line.split(":")[0] for line in found] == [
        "premura.toml",
        "rules/anniversary.toml",
        "templates/note/anniversary.it.txt.j2",
    ]
    assert all(line.split(":")[1].isdigit() and "(hint: " in line for line in found)


def test_a_configuration_that_is_no_toml_hides_nothing_else(folder: Path) -> None:
    (folder / "premura.toml").write_text("[shop\n", encoding="utf-8")
    change(folder, "rules/anniversary.toml", "[on]", "[onn]")

    found = said(folder)

    assert found[0].startswith("premura.toml:1:")
    assert any(line.startswith("rules/anniversary.toml:") for line in found)


@pytest.mark.parametrize(
    ("name", "meant", "code"),
    [
        ("rules/Hello.TOML", "rules/Hello.toml", "R001"),
        ("rules/hello.toml.txt", "rules/hello.toml", "R001"),
        ("templates/email/hello.it.txt", "templates/email/hello.it.txt.j2", "T007"),
        ("templates/note/hello.it.txt.j2.txt", "templates/note/hello.it.txt.j2", "T007"),
    ],
)
def test_a_file_that_its_name_keeps_from_being_read_is_told(folder: Path, name: str, meant: str, code: str) -> None:
    for other in ("rules/.hello.toml.swp", "rules/README.md", "rules/rules.schema.json", "templates/logo.png", name):
        (folder / other).write_text("", encoding="utf-8")

    assert said(folder) == [f"{name}: {code} is not read, because of its name (hint: rename it to {meant})"]


def test_tiers_that_the_shop_does_not_have_are_told(folder: Path) -> None:
    change(folder, "premura.toml", "{ gold = 0.9, silver = 0.6, bronze = 0.0 }", "{ oro = 0.9, argento = 0.0 }")

    found = said(folder)

    assert "rules/welcome_vip.toml:10:18: R038 score.tier is never 'gold' (hint: there is oro, argento)" in found
    assert {line.split()[1] for line in found} == {"R038"}


def test_a_place_is_pointed_at(folder: Path) -> None:
    change(folder, "rules/anniversary.toml", 'channel = "email"', 'channel = "mail"')

    line, text, caret = shown(check(folder), folder).splitlines()

    assert line.startswith("rules/anniversary.toml:31:11: R018")
    assert (text, caret) == ('    channel = "mail"', "              ^")


def test_no_workspace_is_one_fault(tmp_path: Path) -> None:
    (fault,) = check(tmp_path)

    assert "premura init" in fault.hint


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('email = "files"', 'email = "nobody"', "there is no [adapters.nobody]"),
        ('kind = "email_file"', 'kind = "pigeon"', "there is no adapter of kind 'pigeon'"),
        ('note = "cards"', 'note = "files"', "the adapter 'files' is for email, not for note"),
        ('unit_cost = "1.90"', 'unit_cost = "much"', "adapters.cards: 'much' is not an amount"),
        ("lead_days = 3", "lead_days = -1", "adapters.cards: lead_days"),
        ('note = "cards"', "", "uses the channel note, which no adapter serves"),
        ('boiler = "string"', '"boi ler" = "string"', "'boi ler' cannot be the name of a field"),
    ],
)
def test_adapters_and_names_are_checked(folder: Path, old: str, new: str, expected: str) -> None:
    change(folder, "premura.toml", old, new)

    assert any(expected in line for line in said(folder)), said(folder)


def test_a_missing_key_is_told(folder: Path) -> None:
    (folder / "premura.key").unlink()

    reason = "key: the file premura.key cannot be read (No such file or directory)"
    assert said(folder) == [f"premura.toml: P104 {reason} (hint: premura init makes one)"]


def test_checking_changes_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    check(folder)

    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_what_is_no_text_is_told_with_its_line(folder: Path) -> None:
    rule = folder / "rules" / "anniversary.toml"
    rule.write_bytes(b"# One\n# gentile Andr\xe8\n" + rule.read_bytes())
    (folder / "templates" / "email" / "odd.it.html.j2").write_bytes(b"\xff\xfe")
    assert said(folder) == [
        "rules/anniversary.toml:2: R001 is not UTF-8 text (hint: save it as UTF-8)",
        "templates/email/odd.it.html.j2:1: T001 is not UTF-8 text (hint: save it as UTF-8)",
    ]


def test_an_editors_lock_is_no_rule(folder: Path) -> None:
    (folder / "rules" / ".#anniversary.toml").symlink_to("somebody@somewhere.4711")
    assert said(folder) == []


def test_a_window_that_lies_in_the_quiet_hours_is_told(folder: Path) -> None:
    change(folder, "premura.toml", '# from = "21:00"', 'from = "19:00"')
    change(folder, "premura.toml", '# to = "08:00"', 'to = "08:00"')
    change(folder, "rules/anniversary.toml", 'from = "09:00", to = "18:00"', 'from = "06:00", to = "07:30"')

    (found,) = said(folder)

    assert found == (
        "rules/anniversary.toml: P109 step 'mail' would never go out: its window lies in the quiet hours,"
        " 19:00 to 08:00 (hint: widen its window, or [quiet] in premura.toml)"
    )


def test_columns_that_no_file_can_have_are_told(folder: Path) -> None:
    old = '# columns = { customer = "CodCliente", date = "DataDoc", amount = "Totale" }'
    new = 'columns = { custmer = "Cod", date = "Data", amount = "Data", what = " Merce" }'
    change(folder, "premura.toml", old, f'{new}\ndate_format = "%H"')
    change(folder, "premura.toml", '# columns = { given = "Consenso" }', 'columns = { given = "" }')

    found = [line.partition(" P")[2] for line in said(folder)]

    sale = "ingest.transactions"
    name = "the name as the file's first line has it, without blanks around it"
    meant, once = "hint: did you mean 'customer'?", "each column is one thing; leave one of the two out"
    assert sorted(found) == [
        f"112 {sale}.columns.custmer: there is no 'custmer' among what transactions say ({meant})",
        f"113 ingest.consents.columns.given: no column is without a name (hint: {name})",
        f"113 {sale}.columns.what: no column can be called ' Merce' (hint: {name})",
        f"114 {sale}.columns.amount: the column 'Data' is date already (hint: {once})",
        f"115 {sale}.date_format: '%H' tells no date (hint: such as \"%m/%d/%Y\")",
    ]
    assert all(line.split(":")[1].isdigit() for line in said(folder))


def test_columns_of_what_the_shop_declared_are_right(folder: Path) -> None:
    change(
        folder, "premura.toml", "[ingest.events]", '[ingest.events]\ncolumns = { rating = "Voto", boiler = "Caldaia" }'
    )
    text = (folder / "premura.toml").read_text(encoding="utf-8")
    (folder / "premura.toml").write_text(text + '\n[events."boiler.sold"]\nboiler = "string"\n', encoding="utf-8")

    assert said(folder) == []


def test_a_budget_that_bounds_nothing_is_told(folder: Path) -> None:
    change(folder, "premura.toml", "# email = 20.00", "email = 20.00")
    change(folder, "premura.toml", "# rules = { win_back = 50.00 }", "rules = { birthdays = 5, anniversary = 5 }")

    found = {re.sub(r":\d+:\d+:", ":", line): line for line in said(folder)}

    assert set(found) == {
        (
            "premura.toml: P111 budgets.email: bounds nothing, because a message costs nothing"
            " (hint: say what one costs: [costs] email = 0.01)"
        ),
        (
            "premura.toml: P110 budgets.rules: there is no rule 'birthdays' (hint: did you mean 'birthday'? "
            "Else take its budget out and start premura run again, or put rules/birthdays.toml back)"
        ),
    }
    lines = (folder / "premura.toml").read_text(encoding="utf-8").splitlines()
    for line in found.values():
        word = "rules = { birthdays" if "P110" in line else "email = 20.00"
        assert lines[int(line.split(":")[1]) - 1].startswith(word)
    change(folder, "premura.toml", "# email = 0.001", "email = 0.001")
    assert len(said(folder)) == 1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('actions = "P90D"', 'actions = "P5D"', ["P5D is shorter than a month", "P5D is shorter than caps.within"]),
        ('actions = "P90D"', 'actions = "P30D"', ["P30D is shorter than a month"]),
        ('actions = "P90D"', 'actions = "P1M"', []),
        ('within = "P7D"', 'within = "P1Y"', ["P90D is shorter than caps.within"]),
        ('# contents = "P2Y"', 'contents = "P2M"', ["P2M is shorter than retention.actions, P90D"]),
        ('# contents = "P2Y"', 'contents = "P3M"', []),
        ('# contents = "P2Y"', 'contents = ""', []),
    ],
)
def test_what_is_still_counted_stays_in_the_outbox(folder: Path, old: str, new: str, expected: list[str]) -> None:
    change(folder, "premura.toml", old, new)
    found = said(folder)
    assert len(found) == len(expected)
    assert all(
        line.startswith("premura.toml: P116") and part in line for line, part in zip(found, expected, strict=True)
    )


INSPECTED = """
id = "inspected"
title = "Tell what was found"
purpose = "transactional"

[on]
event = "inspection.done"

[[step]]
id = "call"
channel = "task"
template = "task/inspected"
"""


def inspected(folder: Path, words: str, **changed: str) -> list[str]:
    """What is said of a shop with an event kind of its own, and a rule that speaks of it."""
    change(folder, "premura.toml", '# [events."inspection.done"]', '[events."inspection.done"]')
    change(folder, "premura.toml", '# result = "string"', 'result = "string"')
    text = INSPECTED
    for old, new in changed.items():
        text = text.replace(old.replace("_", "."), new)
    (folder / "rules" / "inspected.toml").write_text(text, encoding="utf-8")
    for tag in ("en", "it"):
        (folder / "templates" / "task" / f"inspected.{tag}.txt.j2").write_text(words, encoding="utf-8")
    return said(folder)


def test_a_template_may_use_the_fields_of_an_event_kind_of_ones_own(folder: Path) -> None:
    assert inspected(folder, "Found: {{ event.result }}\n") == []


@pytest.mark.parametrize(
    ("changed", "field", "where", "has"),
    [
        (
            {'"inspection_done"': '"complaint.opened"'},
            "result",
            "after complaint.opened",
            "occurred_on, reference, what",
        ),
        (
            {'event = "inspection_done"': 'sweep = "daily"'},
            "what",
            "where no event starts a rule",
            "nothing",
        ),
    ],
)
def test_a_template_that_speaks_of_what_its_event_never_says_is_told_with_the_rule(
    folder: Path, changed: dict[str, str], field: str, where: str, has: str
) -> None:
    (found,) = inspected(folder, f"Found: {{{{ event.{field} }}}}\n", **changed)

    assert found == (
        f"rules/inspected.toml: P117 step 'call' cannot be written {where}: templates/task/inspected.en.txt.j2:1:"
        f" 'event' has no field '{field}' (hint: here it has {has}; ask {{% if event.{field} is defined %}})"
    )


def test_a_reward_in_parts_of_a_cent_is_told(folder: Path) -> None:
    change(folder, "rules/anniversary.toml", "points = 50", 'amount = "15.005"')

    (found,) = said(folder)

    assert found == (
        "rules/anniversary.toml: P118 step 'gift' cannot be given: 15.005 has more decimals than EUR knows (2)"
        " (hint: round the amount)"
    )
